# %% [markdown]
# # Imports wherever they stand: conditional, repeated, unused, inside functions
# label: y

# %%
from __future__ import annotations

import os
import sys
import json, math
import numpy as np
import numpy as np
import pandas as pd
from typing import TYPE_CHECKING

import warnings
warnings.filterwarnings("ignore")

# %% tags=["nbprod:lib"]
try:
    import lightgbm as lgb

    HAS_LIGHTGBM = True
except ImportError:
    HAS_LIGHTGBM = False

if TYPE_CHECKING:
    from collections.abc import Iterable

try:
    from scipy.special import expit as sigmoid
except ImportError:

    def sigmoid(x):
        return 1 / (1 + np.exp(-x))


def squash(values: Iterable[float], power: int | None = None) -> np.ndarray:
    """Values between 0 and 1."""
    from scipy.special import logit

    values = np.asarray(list(values))
    assert logit(0.5) == 0
    return sigmoid(values) ** (power or 1)


# %% tags=["nbprod:data"]
import datetime as dt
from datetime import datetime

start = datetime(2020, 1, 1)
table = pd.DataFrame({
    "when": [start + dt.timedelta(days=i) for i in range(40)],
    "x": np.linspace(-2, 2, 40),
    "y": np.arange(40) % 3,
})

# %% tags=["nbprod:split"]
from sklearn.model_selection import train_test_split as split_rows

train, test = split_rows(table, test_size=0.25, random_state=0, shuffle=False)

# %% tags=["nbprod:features"]
def features_of(rows):
    return pd.DataFrame({
        "angle": rows["when"].dt.dayofyear.map(lambda day: math.sin(day / 58)),
        "squashed": squash(rows["x"], 2),
    }, index=rows.index)


X_train = features_of(train)
X_test = features_of(test)

# %% tags=["nbprod:train"]
import sklearn.linear_model
if HAS_LIGHTGBM:
    model = lgb.LGBMRegressor(n_estimators=5, min_child_samples=1, verbose=-1)
else:
    model = sklearn.linear_model.LinearRegression()
model.fit(X_train, train["y"])

# %% tags=["nbprod:predict"]
predictions = pd.DataFrame({"y": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": predictions}
