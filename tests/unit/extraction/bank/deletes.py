# %% [markdown]
# # del of a name, a column, a key and an attribute
# label: y

# %%
import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:fit"]
rows = train[["x"]]
centre = rows["x"].mean()
del rows
table = {"a": 1, "b": centre}
del table["a"]

# %% tags=["nbprod:features"]
X_train = train[["x", "z"]].copy()
X_train["centred"] = X_train["x"] - table["b"]
del X_train["x"]
X_test = test[["x", "z"]].copy()
X_test["centred"] = X_test["x"] - table["b"]
del X_test["x"]

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
