# %% [markdown]
# # match, try, while, with and for/else at the top of cells
# label: y

# %%
import contextlib

import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:fit"]
kind = "wide"
match (train["x"].max(), kind):
    case (most, "wide") if most > 10:
        unit = most
    case (_, str(other)):
        unit = len(other)
try:
    ratio = unit / 0
except ZeroDivisionError:
    ratio = 2.0
finally:
    spare = 1
step = 1
while step < unit:
    step *= 2
for value in train["x"]:
    if value > 5:
        first = value
        break
else:
    first = 0
with contextlib.suppress(KeyError):
    missing = train["nothing"]

# %% tags=["nbprod:features"]
X_train = pd.DataFrame({"a": train["x"] / unit * ratio, "b": train["z"] * step + first + spare})
X_test = pd.DataFrame({"a": test["x"] / unit * ratio, "b": test["z"] * step + first + spare})

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
