# %% [markdown]
# # Dataclasses, an Enum, a NamedTuple and a Protocol, with type hints
# label: y

# %%
from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from enum import Enum
from typing import ClassVar, NamedTuple, Protocol

import pandas as pd

# %% tags=["nbprod:data"]
df = pd.DataFrame({"x": range(1, 21), "z": [i % 3 for i in range(20)], "y": range(20)})

# %% tags=["nbprod:split"]
train, test = df[:15], df[15:]

# %% tags=["nbprod:lib"]
class Unit(Enum):
    """What a number is told in."""

    ONE = 1
    DOZEN = 12


class Limits(NamedTuple):
    low: float
    high: float = 10.0


class Scaler(Protocol):
    def __call__(self, values: pd.Series, /) -> pd.Series: ...


@dataclass(frozen=True, slots=True)
class Step:
    column: str
    unit: Unit = Unit.ONE  # of the column
    limits: Limits = field(default_factory=lambda: Limits(0.0))
    known: ClassVar[tuple[str, ...]] = ("x", "z")

    def __post_init__(self) -> None:
        if self.column not in self.known:
            raise ValueError(self.column)

    @property
    def name(self) -> str:
        return f"{self.column}_{self.unit.name.lower()}"

    @classmethod
    def dozen(cls, column: str) -> Step:
        return dataclasses.replace(cls(column), unit=Unit.DOZEN)

    @staticmethod
    def clipped(values: pd.Series, limits: Limits) -> pd.Series:
        return values.clip(*limits)

    def of(self, rows: pd.DataFrame) -> pd.Series:
        return self.clipped(rows[self.column], self.limits) / self.unit.value


def apply(rows: pd.DataFrame, *steps: Step, scaler: Scaler | None = None) -> pd.DataFrame:
    made: dict[str, pd.Series] = {step.name: step.of(rows) for step in steps}
    return pd.DataFrame(made if scaler is None else {k: scaler(v) for k, v in made.items()})


# %% tags=["nbprod:features"]
STEPS: list[Step] = [Step("x"), Step.dozen("x"), Step("z", limits=Limits(1))]
X_train = apply(train, *STEPS)
X_test = apply(test, *STEPS)

# %% tags=["nbprod:train"]
model = {"per_x": train["y"].sum() / X_train.to_numpy().sum()}

# %% tags=["nbprod:predict"]
pred = pd.DataFrame({"y": X_test.sum(axis=1) * model["per_x"]}, index=X_test.index)

# %%
expected = {"features": X_train, "holdout_features": X_test, "predictions": pred}
