# %% [markdown]
# # A list of the features' own columns, which training and prediction read
# label: y

# %%
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 31), "z": [i % 3 for i in range(30)], "y": range(30)})

# %% tags=["nbprod:split"]
train, test = df[:20], df[20:]

# %% tags=["nbprod:features"]
train = train.assign(w=train["x"] * train["z"])
test = test.assign(w=test["x"] * test["z"])
columns = [c for c in train.columns if c not in ("y", "z")]

# %% tags=["nbprod:train"]
model = LinearRegression().fit(train[columns], train["y"])

# %% tags=["nbprod:predict"]
submission = pd.DataFrame({"Id": test["x"], "y": model.predict(test[columns])})

# %%
expected = {"predictions": submission[["y"]]}
