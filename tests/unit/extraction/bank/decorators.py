# %% [markdown]
# # Decorators of the notebook's own, with and without arguments, on functions and classes
# label: y

# %%
import functools
import time
from contextlib import contextmanager

import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:lib"]
REGISTRY = {}


def register(name):
    def keep(function):
        REGISTRY[name] = function
        return function

    return keep


def timed(function):
    """Tells how long a call took."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            wrapper.took = time.perf_counter() - start

    return wrapper


@contextmanager
def limited(values, most):
    yield values.clip(upper=most)


@register("double")
@timed
def double(values):
    return values * 2


@register("root")
def root(values):
    with limited(values, 16) as inner:
        return inner**0.5


# %% tags=["nbprod:features"]
def features(rows):
    return pd.DataFrame({name: make(rows["x"]) for name, make in REGISTRY.items()})


X_train = features(train)
X_test = features(test)

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
