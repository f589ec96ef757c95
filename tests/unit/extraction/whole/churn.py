# %% [markdown]
# # Churn of a telephone company, in definitions: constants, classes, functions
# label: churned

# %%
from __future__ import annotations

import logging
import math
import typing as t
from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum
from functools import partial
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import Pipeline

# %%
logger = logging.getLogger("churn")
logging.basicConfig(level=logging.WARNING)

# %% [markdown]
# ## Parameters

# %% tags=["parameters"]
data_dir: str = "data"
n_customers: int = 180
seed: int = 11

# %% tags=["parameters"]
# boosting
n_estimators: int = 20
learning_rate = 0.1
max_depth: int | None = 2

# %% tags=["parameters"]
columns_to_scale: list[str] = ["monthly_charges", "total_charges"]
churn_threshold = 0.5

# %% [markdown]
# ## Constants

# %% tags=["nbprod:lib"]
TODAY = date(2020, 1, 1)
SECONDS_PER_DAY = 24 * 60 * 60
YES_NO = {"Yes": 1, "No": 0}

# %% tags=["nbprod:lib"]
SERVICES = ("phone", "internet", "streaming")
CONTRACTS = ["monthly", "yearly", "two years"]

# %% [markdown]
# ## Small things

# %% tags=["nbprod:lib"]
class Payment(Enum):
    """How a customer pays."""

    CARD = "card"
    CHECK = "check"
    TRANSFER = "transfer"

    @property
    def automatic(self) -> bool:
        return self is not Payment.CHECK

# %% tags=["nbprod:lib"]
@dataclass(frozen=True)
class Tenure:
    """Months with the company."""

    months: int
    steps: tuple[int, ...] = (6, 12, 24, 48)

    def bucket(self) -> int:
        for number, step in enumerate(self.steps):
            if self.months < step:
                return number
        return len(self.steps)

# %% tags=["nbprod:lib"]
@dataclass
class Report:
    name: str
    lines: list[str] = field(default_factory=list)

    def add(self, text: str) -> Report:
        self.lines.append(text)
        return self

    def __str__(self) -> str:
        return "\n".join([self.name, *self.lines])

# %% [markdown]
# ### Decorators

# %% tags=["nbprod:lib"]
def not_empty(function: t.Callable) -> t.Callable:
    """Refuses an empty frame."""

    def checked(frame: pd.DataFrame, *args, **kwargs):
        if frame.empty:
            raise ValueError(f"{function.__name__}: no rows")
        return function(frame, *args, **kwargs)

    return checked

# %% tags=["nbprod:lib"]
def log_of(value: float, base: float = math.e) -> float:
    # charges may be zero
    return math.log(value + 1) / math.log(base)


log2_of = partial(log_of, base=2)

# %% tags=["nbprod:lib"]
def share(values: t.Iterable[bool]) -> float:
    values = list(values)
    return sum(values) / len(values) if values else 0.0

# %%
share([True, False])

# %%
print(Tenure(13).bucket())

# %% [markdown]
# ## Data

# %% tags=["nbprod:data"]
def random_customers(n: int, rng: np.random.Generator) -> pd.DataFrame:
    """Customers that never were."""
    frame = pd.DataFrame({
        "customer_id": [f"{i:05d}-X" for i in range(n)],
        "months": rng.integers(0, 72, n),
        "contract": rng.choice(CONTRACTS, n, p=[0.6, 0.3, 0.1]),
        "payment": rng.choice([p.value for p in Payment], n),
        "monthly_charges": rng.normal(65, 25, n).clip(15).round(2),
        "senior": rng.choice(["Yes", "No"], n, p=[0.2, 0.8]),
    })
    for service in SERVICES:
        frame[service] = rng.choice(["Yes", "No"], n)
    frame["total_charges"] = (frame["months"] * frame["monthly_charges"]).round(2)
    frame.loc[frame["months"] == 0, "total_charges"] = np.nan
    return frame

# %% tags=["nbprod:data"]
def with_outcome(frame: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    risk = (
        0.5 * (frame["contract"] == "monthly")
        + 0.2 * (frame["senior"] == "Yes")
        - 0.004 * frame["months"]
    )
    frame["churned"] = (rng.random(len(frame)) < risk.clip(0.05, 0.95)).astype(int)
    return frame

# %% tags=["nbprod:data"]
def load_customers(n: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return with_outcome(random_customers(n, rng), rng)

# %% tags=["nbprod:data"]
customers = load_customers(n_customers, seed)
customers = customers.drop_duplicates(subset="customer_id")

# %%
customers.sample(5)

# %%
customers.dtypes

# %% [markdown]
# ### A look

# %%
customers["churned"].mean()

# %%
customers.groupby("contract")["churned"].mean().plot.bar()
plt.show()

# %%
customers.groupby(pd.cut(customers["months"], 6))["churned"].mean()

# %%
Counter(customers["payment"])

# %% [markdown]
# ### Who leaves?

# %%
customers.pivot_table(index="contract", columns="senior", values="churned")

# %%
for service in SERVICES:
    print(service, customers.groupby(service)["churned"].mean().to_dict())

# %%
customers.boxplot("monthly_charges", by="churned")
plt.show()

# %% [markdown]
# Customers who pay by check leave sooner, it seems.

# %%
customers.query("payment == 'check'")["churned"].mean()

# %% [markdown]
# ### What is missing?

# %%
customers.isna().sum()

# %% [markdown]
# Only the totals of those who came this month.

# %%
customers[customers["total_charges"].isna()]

# %% [markdown]
# ## Split

# %% [markdown]
# By a hash of the customer, so that nobody changes sides when there is more data.

# %% tags=["nbprod:split"]
def is_held_out(customer_id: str, percent: int = 25) -> bool:
    """The same customers, whatever else there is."""
    return int(customer_id.partition("-")[0]) * 2654435761 % 100 < percent

# %% tags=["nbprod:split"]
held_out = customers["customer_id"].map(is_held_out)
train_set = customers[~held_out]
test_set = customers[held_out]

# %%
len(train_set), len(test_set)

# %% [markdown]
# ## Transformers

# %% tags=["nbprod:lib"]
class ServiceCounter(BaseEstimator, TransformerMixin):
    """How many services a customer has."""

    def __init__(self, columns=SERVICES):
        self.columns = columns

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        X = X.copy()
        X["n_services"] = sum(X[column].map(YES_NO) for column in self.columns)
        return X.drop(columns=list(self.columns))

# %% tags=["nbprod:lib"]
class MedianFiller(BaseEstimator, TransformerMixin):
    def __init__(self, column):
        self.column = column

    def fit(self, X, y=None):
        self.median_ = X[self.column].median()
        return self

    def transform(self, X):
        X = X.copy()
        X[self.column] = X[self.column].fillna(self.median_)
        return X

# %% [markdown]
# ## What is learned

# %% tags=["nbprod:fit"]
preparation = Pipeline([
    ("count", ServiceCounter()),
    ("fill", MedianFiller("total_charges")),
])
preparation.fit(train_set)

# %% tags=["nbprod:fit"]
@not_empty
def scale_of(frame: pd.DataFrame, columns: list[str]) -> dict[str, tuple[float, float]]:
    """Mean and standard deviation of each column."""
    return {c: (float(frame[c].mean()), float(frame[c].std())) for c in columns}


scales = scale_of(train_set, columns_to_scale)
scales

# %% tags=["nbprod:fit"]
def rate_table(frame, by, label="churned"):
    """How often customers of a kind leave."""
    table: dict[str, float] = {}
    for kind, group in frame.groupby(by):
        table[kind] = share(group[label] == 1)
    return table


contract_rates = rate_table(train_set, "contract")
base_rate = share(train_set["churned"] == 1)

# %%
contract_rates

# %% [markdown]
# ## Features

# %% tags=["nbprod:features"]
def tenure_features(rows: pd.DataFrame) -> pd.DataFrame:
    """Months, as they are and in steps."""
    return pd.DataFrame({
        "months": rows["months"],
        "bucket": rows["months"].map(lambda months: Tenure(months).bucket()),
    })

# %% tags=["nbprod:features"]
def charge_features(rows: pd.DataFrame) -> pd.DataFrame:
    result = pd.DataFrame(index=rows.index)
    for column, (mean, std) in scales.items():
        result[column] = (rows[column] - mean) / std
    result["log_total"] = rows["total_charges"].map(log2_of)
    # what a month cost on average, next to what it costs now
    per_month = rows["total_charges"] / rows["months"].where(rows["months"] > 0)
    result["change"] = (rows["monthly_charges"] - per_month).fillna(0.0)
    return result

# %% tags=["nbprod:features"]
def contract_features(rows: pd.DataFrame) -> pd.DataFrame:
    def rate(contract):
        return contract_rates.get(contract, base_rate)

    return pd.DataFrame({
        "contract_rate": [rate(contract) for contract in rows["contract"]],
        "automatic": [Payment(p).automatic for p in rows["payment"]],
        "senior": rows["senior"].map(YES_NO),
    }, index=rows.index)

# %% tags=["nbprod:features"]
PARTS = [tenure_features, charge_features, contract_features]


def make_features(customers: pd.DataFrame) -> pd.DataFrame:
    """Everything that is known of a customer, as numbers."""
    rows = preparation.transform(customers)
    parts = [part(rows) for part in (tenure_features, charge_features, contract_features)]
    return pd.concat([*parts, rows[["n_services"]]], axis=1).astype(float)

# %% tags=["nbprod:features"]
X_train = make_features(train_set)
X_test = make_features(test_set)

# %%
X_train.head()

# %%
X_train.corrwith(train_set["churned"]).sort_values()

# %%
X_train.hist(figsize=(10, 6))
plt.tight_layout()
plt.show()

# %% [markdown]
# The scaled columns:

# %%
X_train[["monthly_charges", "total_charges"]].describe()

# %% [markdown]
# The contract rates, as a table:

# %%
pd.Series(contract_rates).to_frame("rate")

# %% [markdown]
# ### Do train and test look alike?

# %%
(X_train.mean() - X_test.mean()).abs().sort_values(ascending=False)

# %%
plt.hist(X_train["months"], alpha=0.5)
plt.hist(X_test["months"], alpha=0.5)
plt.show()

# %% [markdown]
# ### Tests of the features

# %% tags=["nbprod:test"]
def test_tenure_is_never_negative():
    rows = pd.DataFrame({"months": [0, 5, 70]})
    assert (tenure_features(rows)["bucket"] >= 0).all()

# %% tags=["nbprod:test"]
def test_logs():
    assert log_of(0) == 0
    assert log2_of(7) == 3

# %% [markdown]
# ## Training

# %% tags=["nbprod:train"]
@dataclass
class Settings:
    trees: int
    rate: float
    depth: int | None = None
    seed: int = 0

    def build(self) -> GradientBoostingClassifier:
        return GradientBoostingClassifier(
            n_estimators=self.trees,
            learning_rate=self.rate,
            max_depth=self.depth,
            random_state=self.seed,
        )

# %% tags=["nbprod:train"]
def check_balance(label: pd.Series, least: float = 0.02) -> None:
    """Stops where there is nothing to learn."""
    rate = label.mean()
    if not least < rate < 1 - least:
        raise ValueError(f"only one class to speak of: {rate:.2%}")

# %% tags=["nbprod:train"]
def train_model(features, label, settings):
    check_balance(label)
    model = settings.build()
    model.fit(features, label)
    return model

# %% tags=["nbprod:train"]
settings = Settings(trees=n_estimators, rate=learning_rate, depth=max_depth, seed=seed)
model = train_model(X_train, train_set["churned"], settings)

# %%
pd.Series(model.feature_importances_, index=X_train.columns).sort_values().plot.barh()
plt.show()

# %% [markdown]
# The trees agree with what we saw: the contract counts most.

# %%
model.n_estimators_

# %% [markdown]
# ## Evaluation

# %% [markdown]
# Not by the rows that trained.

# %% tags=["nbprod:predict"]
def answer(model, features: pd.DataFrame, threshold: float) -> pd.DataFrame:
    """Probability and decision."""
    probability = model.predict_proba(features)[:, 1]
    return pd.DataFrame(
        {"probability": probability, "churned": (probability >= threshold).astype(int)},
        index=features.index,
    )

# %% tags=["nbprod:predict"]
answers = answer(model, X_test, churn_threshold)
answers.head()

# %% tags=["nbprod:predict"]
auc = roc_auc_score(test_set["churned"], answers["probability"])
print(f"AUC {auc:.3f}")

# %%
report = Report("churn")
report.add(f"auc {auc:.3f}").add(f"customers {len(customers)}")
print(report)

# %%
answers["probability"].hist(bins=20)
plt.show()

# %% [markdown]
# Better than a coin, which is all that made-up data can give.

# %% [markdown]
# ### Calibration

# %%
bins = pd.cut(answers["probability"], 4)
test_set["churned"].groupby(bins).mean().plot()
plt.show()

# %% [markdown]
# ### Whom do we get wrong?

# %%
wrong = test_set[answers["churned"] != test_set["churned"]]
wrong.head()

# %%
wrong["contract"].value_counts()

# %% [markdown]
# ### By contract

# %%
answers["probability"].groupby(test_set["contract"]).mean()

# %% [markdown]
# ## Notes

# %% [markdown]
# * `payment` should come from the invoice

# %% [markdown]
# * the company is interested in the reasons

# %%
logger.info("done")

# %%
expected = {
    "frame": customers,
    "train": train_set,
    "holdout": test_set,
    "state": {"scales": scales, "contract_rates": contract_rates, "base_rate": base_rate},
    "features": X_train,
    "holdout_features": X_test,
    "predictions": answers,
}
