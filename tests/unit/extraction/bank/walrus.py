# %% [markdown]
# # Assignment expressions: in a condition, in a comprehension, in a call
# label: y

# %%
import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:fit"]
if (most := train["x"].max()) > 10:
    unit = most / 10
else:
    unit = 1
known = [root for value in sorted(set(train["z"])) if (root := value + 1) > 1]

# %% tags=["nbprod:features"]
X_train = pd.DataFrame({"u": train["x"] / unit, "k": train["z"].isin(known) * (last := len(known))})
X_train["last"] = last
X_test = pd.DataFrame({"u": test["x"] / unit, "k": test["z"].isin(known) * (last := len(known))})
X_test["last"] = last

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
