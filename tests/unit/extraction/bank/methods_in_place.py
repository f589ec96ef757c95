# %% [markdown]
# # fillna, replace, rename, map and drop with inplace=True, on both frames
# label: outcome

# %%
import numpy as np
import pandas as pd
from sklearn.neighbors import KNeighborsClassifier

# %% tags=["parameters"]
neighbors = 3

# %% tags=["nbprod:data"]
rng = np.random.default_rng(42)
patients = pd.DataFrame({
    "Glucose": rng.normal(120, 30, 90).round(),
    "BMI": np.where(rng.random(90) < 0.1, 0, rng.normal(32, 6, 90).round(1)),
    "Sex": rng.choice(["m", "f"], 90),
    "Notes": "",
})
patients["outcome"] = (patients["Glucose"] > 125).astype(int)
patients.drop(columns=["Notes"], inplace=True)
patients.columns = [c.lower() for c in patients.columns]

# %% tags=["nbprod:split"]
train_df = patients.iloc[:65].copy()
test_df = patients.iloc[65:].copy()

# %% tags=["nbprod:fit"]
known_bmi = train_df.loc[train_df["bmi"] > 0, "bmi"]
bmi_median = known_bmi.median()

# %% tags=["nbprod:features"]
data_frames = [train_df, test_df]
for data in data_frames:
    data.replace({"bmi": {0.0: np.nan}}, inplace=True)
    data["bmi"] = data["bmi"].fillna(bmi_median)
    data.rename(columns={"sex": "is_male"}, inplace=True)
    data["is_male"] = data["is_male"] == "m"
    data.insert(0, "obese", (data["bmi"] >= 30).astype(int))
    data.loc[:, "glucose"] = data["glucose"].clip(50, 200)
    data.iloc[:, 0] = data.iloc[:, 0] * 2

# %% tags=["nbprod:features"]
X_train = train_df.drop(columns=["outcome"])
X_test = test_df.drop(columns=["outcome"])

# %% tags=["nbprod:train"]
knn = KNeighborsClassifier(neighbors)
knn.fit(X_train, train_df["outcome"])

# %% tags=["nbprod:predict"]
result = pd.DataFrame({"outcome": knn.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": result}
