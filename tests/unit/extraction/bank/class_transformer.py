# %% [markdown]
# # A transformer class defined in the notebook, with decorators and a dataclass
# label: target

# %%
from dataclasses import dataclass, field
from functools import cache, wraps

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.linear_model import LogisticRegression

# %% tags=["nbprod:lib"]
def logged(function):
    """Counts calls."""

    @wraps(function)
    def wrapper(*args, **kwargs):
        wrapper.calls += 1
        return function(*args, **kwargs)

    wrapper.calls = 0
    return wrapper


@dataclass
class Bounds:
    low: float = 0.0
    high: float = 1.0
    history: list = field(default_factory=list)

    @property
    def width(self) -> float:
        return self.high - self.low

    @classmethod
    def of(cls, values: "pd.Series") -> "Bounds":
        return cls(float(values.min()), float(values.max()))


# %% tags=["nbprod:features"]
class RareGrouper(BaseEstimator, TransformerMixin):
    """Puts rare categories together."""

    OTHER = "other"

    def __init__(self, column, threshold=0.1):
        self.column = column
        self.threshold = threshold

    def fit(self, X, y=None):
        share = X[self.column].value_counts(normalize=True)
        self.keep_ = set(share[share >= self.threshold].index)
        return self

    def transform(self, X):
        X = X.copy()
        X[self.column] = [
            value if value in self.keep_ else self.OTHER for value in X[self.column]
        ]
        return X


# %% tags=["nbprod:data"]
rng = np.random.default_rng(11)
people = pd.DataFrame({
    "city": rng.choice(["Rome", "Oslo", "Bonn", "Nice"], 80, p=[0.5, 0.4, 0.05, 0.05]),
    "score": rng.normal(500, 80, 80).round(),
    "target": rng.integers(0, 2, 80),
})

# %% tags=["nbprod:split"]
train = people.sample(frac=0.7, random_state=1)
test = people.drop(train.index)

# %% tags=["nbprod:fit"]
grouper = RareGrouper("city", threshold=0.08)
grouper.fit(train)
bounds = Bounds.of(train["score"])

# %% tags=["nbprod:features"]
@cache
def city_code(name: str) -> int:
    return {"Rome": 0, "Oslo": 1}.get(name, 2)


@logged
def scaled(values: pd.Series, bounds: Bounds) -> pd.Series:
    return (values - bounds.low) / bounds.width


def transform_rows(rows: pd.DataFrame) -> pd.DataFrame:
    rows = grouper.transform(rows)
    return pd.DataFrame(
        {
            "city": rows["city"].map(city_code),
            "score": scaled(rows["score"], bounds),
        },
        index=rows.index,
    )


X_train = transform_rows(train)
X_test = transform_rows(test)

# %% tags=["nbprod:train"]
model = LogisticRegression().fit(X_train, train["target"])

# %% tags=["nbprod:predict"]
predictions = pd.DataFrame({"target": model.predict(X_test)}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": predictions}
