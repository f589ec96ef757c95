# %% [markdown]
# # A function that assigns a global name, called within a larger expression
# label: y

# %%
import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["parameters"]
power = 2
shift = 0.5

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(20), "z": np.arange(20) % 3, "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:fit"]
seen = 0
calls = 0


def learn(rows, column="x", floor=1, before=0):
    """The largest value, and how often it was asked."""
    global calls, seen
    calls = calls + 1
    best = rows[column].max()
    seen = max(seen, len(rows))
    # never below the floor
    return max(best, floor), calls + before


# twice: of both columns
largest, first = [2 * item for item in learn(train)]
deepest, asked = learn(train, column="z", floor=2, before=calls)

# %% tags=["nbprod:features"]
X_train = pd.DataFrame({"x": train["x"] / largest, "z": train["z"] / deepest / asked + seen})
X_test = pd.DataFrame({"x": test["x"] / largest, "z": test["z"] / deepest / asked + seen})

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
