# %% [markdown]
# # What a loop learns of each column, merged into both frames by a loop of its own
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": np.arange(24) * 1.5, "hour": np.arange(24) % 4, "area": list("abc") * 8, "y": np.arange(24) * 2.0})
df.loc[3, "x"] = np.nan

# %% tags=["nbprod:split"]
train, test = df[:16].copy(), df[16:].copy()

# %% tags=["nbprod:fit"]
learned = {}
for column in ["hour", "area"]:
    means = train.groupby(column)[["x"]].mean()
    means.columns = [f"{name}_by_{column}" for name in means.columns]
    learned[column] = means

# %% tags=["nbprod:features"]
for column, means in learned.items():
    train = pd.merge(train, means, how="left", left_on=column, right_index=True)
    test = pd.merge(test, means, how="left", left_on=column, right_index=True)
X_train = train[["x_by_hour", "x_by_area"]]
X_test = test[["x_by_hour", "x_by_area"]]

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
