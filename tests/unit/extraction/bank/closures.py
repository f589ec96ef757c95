# %% [markdown]
# # Scopes: closures, comprehensions, walrus, lambdas and defaults
# label: y

# %%
import functools
import operator

import numpy as np
import pandas as pd
from sklearn.linear_model import LinearRegression

# %% tags=["nbprod:data"]
rng = np.random.default_rng(10)
frame = pd.DataFrame({"a": rng.normal(size=50), "b": rng.normal(size=50), "y": rng.normal(size=50)})
[frame.insert(len(frame.columns) - 1, f"c{i}", rng.integers(0, 5, 50)) for i in range(2)]

# %% tags=["nbprod:split"]
train, test = frame[:35], frame[35:]

# %% tags=["nbprod:fit"]
a_low, a_high = np.percentile(train["a"], [10, 90])
means = {column: mean for column in ["a", "b"] if (mean := train[column].mean()) is not None}
levels = [x for x in sorted({value for value in train["c0"]})]

# %% tags=["nbprod:features"]
def clipper(low, high=None):
    """A function that remembers its bounds."""
    calls = 0
    high = a_high if high is None else high

    def clip(values):
        nonlocal calls
        calls += 1
        return values.clip(low, high)

    return clip


def rank(x, means=None):
    # `means` is an argument here, not what was learned
    means = means or {}
    return sum(means.get(k, 0) for k in "ab") + x


def outer(rows):
    def inner(column):
        return rows[column] - means[column]

    return pd.concat({column: inner(column) for column in means}, axis=1)


compose = lambda *fs: functools.reduce(lambda f, g: lambda x: g(f(x)), fs)
double_then_add = compose(lambda v: v * 2, lambda v: v + a_low)

# %% tags=["nbprod:features"]
def build(rows):
    out = outer(rows)
    out["clipped"] = clipper(a_low)(rows["a"])
    out["ranked"] = [rank(x) for x in rows["b"]]
    out["doubled"] = rows["b"].apply(double_then_add)
    out["level"] = [levels.index(x) if x in levels else -1 for x in rows["c0"]]
    out["total"] = functools.reduce(operator.add, (rows[c] for c in ["c0", "c1"]))
    return out


X_train, X_test = build(train), build(test)

# %% tags=["nbprod:train"]
model = LinearRegression().fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
predictions = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": predictions}
