# %% [markdown]
# # Augmented, attribute and subscript writes
# label: y

# %%
from types import SimpleNamespace

import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:fit"]
bounds = SimpleNamespace(low=0)
bounds.high = train["x"].max()
bounds.high += 1
weights = {}
weights["x"] = 2
weights["x"] *= 3
weights |= {"z": 5}
columns = ["x"]
columns += ["z"]
columns[0:1] = ["x"]
offset = 1
offset -= 3
low, high, (first, *rest) = bounds.low, bounds.high, columns

# %% tags=["nbprod:features"]
X_train = train[columns].copy()
X_train["x"] *= weights["x"]
X_train["x"] += offset + len(first + rest[0])
X_train.loc[:, "z"] += low + high
X_test = test[columns].copy()
X_test["x"] *= weights["x"]
X_test["x"] += offset + len(first + rest[0])
X_test.loc[:, "z"] += low + high

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
