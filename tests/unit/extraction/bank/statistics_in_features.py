# %% [markdown]
# # Medians and modes taken in the features cells, where they are used
# label: Survived

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression

# %% tags=["nbprod:data"]
rng = np.random.default_rng(60)
n = 80
titanic = pd.DataFrame({
    "Age": np.where(rng.random(n) < 0.2, np.nan, rng.normal(30, 10, n).round()),
    "Fare": rng.gamma(2, 15, n).round(2),
    "Embarked": rng.choice(["S", "C", None], n),
    "Survived": rng.integers(0, 2, n),
})

# %% tags=["nbprod:split"]
train = titanic[:55].copy()
test = titanic[55:].copy()

# %% tags=["nbprod:features"]
# ages are missing for many
age_median = train["Age"].median()
train["Age"] = train["Age"].fillna(age_median)
test["Age"] = test["Age"].fillna(age_median)

port = train["Embarked"].mode()[0]
train["Embarked"] = train["Embarked"].fillna(port)
test["Embarked"] = test["Embarked"].fillna(port)

ports = train["Embarked"].unique().tolist()
for frame in (train, test):
    for name in ports:
        frame["from_" + name] = (frame["Embarked"] == name).astype(int)

fare_by_port = train.groupby("Embarked")["Fare"].mean().to_dict()
train["RelativeFare"] = train["Fare"] / train["Embarked"].map(fare_by_port)
test["RelativeFare"] = test["Fare"] / test["Embarked"].map(fare_by_port)

X_train = train.drop(columns=["Survived", "Embarked"])
X_test = test.drop(columns=["Survived", "Embarked"])

# %% tags=["nbprod:train"]
model = LogisticRegression(max_iter=1000).fit(X_train, train["Survived"])

# %% tags=["nbprod:predict"]
answer = pd.DataFrame({"Survived": model.predict(X_test)}, index=X_test.index)

# %%
expected = {
    "state": {"age_median": age_median, "port": port, "fare_by_port": fare_by_port},
    "features": X_train,
    "holdout_features": X_test,
    "predictions": answer,
}
