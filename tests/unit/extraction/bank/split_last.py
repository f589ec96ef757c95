# %% [markdown]
# # Titanic: X, y and train_test_split after the features
# label: Survived

# %%
import numpy as np
import pandas as pd
import matplotlib.pyplot as plt
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, classification_report
from sklearn.model_selection import train_test_split

# %% tags=["parameters"]
seed = 42
n_estimators = 20

# %% tags=["nbprod:data"]
rng = np.random.default_rng(0)
n = 120
df = pd.DataFrame({
    "PassengerId": range(1, n + 1),
    "Pclass": rng.integers(1, 4, n),
    "Name": ["Smith, Mr. John" if i % 3 else "Brown, Mrs. Ann" for i in range(n)],
    "Sex": rng.choice(["male", "female"], n),
    "Age": rng.normal(30, 12, n).round(),
    "SibSp": rng.integers(0, 4, n),
    "Parch": rng.integers(0, 3, n),
    "Fare": rng.gamma(2, 15, n).round(2),
    "Embarked": rng.choice(["S", "C", "Q"], n),
})
df.loc[::9, "Age"] = np.nan
df["Survived"] = (rng.random(n) < 0.4).astype(int)

# %%
df.head()

# %% tags=["nbprod:features"]
# Family size, as most kernels have it
df["FamilySize"] = df["SibSp"] + df["Parch"] + 1
df["IsAlone"] = (df["FamilySize"] == 1).astype(int)

df["Sex"] = df["Sex"].map({"male": 0, "female": 1})
df["Embarked"] = df["Embarked"].map({"S": 0, "C": 1, "Q": 2})
df["Title"] = df["Name"].str.extract(r" ([A-Za-z]+)\.", expand=False)
df["Title"] = df["Title"].map({"Mr": 1, "Mrs": 2}).fillna(0)

# %%
df["Age"].hist()
plt.show()

# %% tags=["nbprod:features"]
df["Age"] = df["Age"].fillna(28)

X = df.drop(["PassengerId", "Name", "Survived"], axis=1)
y = df["Survived"]

# %% tags=["nbprod:split"]
X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed)

# %% tags=["nbprod:train"]
model = RandomForestClassifier(n_estimators=n_estimators, random_state=seed)
model.fit(X_train, y_train)
print("train accuracy", model.score(X_train, y_train))

# %% tags=["nbprod:predict"]
y_pred = model.predict(X_test)
print(accuracy_score(y_test, y_pred))
print(classification_report(y_test, y_pred))

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"Survived": y_pred}, index=X_test.index),
}
