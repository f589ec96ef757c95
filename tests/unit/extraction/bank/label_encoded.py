# %% [markdown]
# # Iris: the label encoded for training, and decoded for the answer
# label: species

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import LabelEncoder, StandardScaler

# %% tags=["nbprod:data"]
rng = np.random.default_rng(50)
iris = pd.DataFrame(
    rng.normal(size=(90, 3)).round(2), columns=["sepal_length", "sepal_width", "petal_length"]
)
iris["species"] = np.where(iris["petal_length"] > 0.3, "virginica", "setosa")
iris["Id"] = range(1, 91)
del iris["Id"]

# %% tags=["nbprod:split"]
train, test = train_test_split(iris, test_size=0.3, random_state=0, stratify=iris["species"])

# %% tags=["nbprod:features"]
# the scaler learns and transforms in one call, within another one
sc = StandardScaler()
X_train = pd.DataFrame(
    sc.fit_transform(train.drop("species", axis=1)),
    columns=["sl", "sw", "pl"],
    index=train.index,
)
X_test = pd.DataFrame(
    sc.transform(test.drop("species", axis=1)),
    columns=["sl", "sw", "pl"],
    index=test.index,
)
for frame in (X_train, X_test):
    frame["area"] = frame["sl"] * frame["sw"]
    del frame["sw"]

# %% tags=["nbprod:train"]
le = LabelEncoder()
y_train = le.fit_transform(train["species"])
logreg = LogisticRegression()
logreg.fit(X_train, y_train)

# %% tags=["nbprod:predict"]
codes = logreg.predict(X_test)
species = le.inverse_transform(codes)
print(accuracy_score(test["species"], species))

# %%
expected = {
    "features": X_train,
    "holdout_features": X_test,
    "predictions": pd.DataFrame({"species": species}, index=X_test.index),
}
