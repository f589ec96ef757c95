# %% [markdown]
# # An untagged cell adds a column that no tagged cell reads
# label: y

# %%
import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %%
train["length"] = train["x"].astype(str).str.len()

# %% tags=["nbprod:features"]
X_train = train[["x", "z"]]
X_test = test[["x", "z"]]

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
