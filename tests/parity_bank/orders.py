"""The shop's orders that most of the bank works on, and what fit learned from them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

ROWS = 40
CITIES = ["Bern", "Graz", "Lyon", "Oslo", "Turin"]


def orders() -> pd.DataFrame:
    """Forty orders: text, numbers, nulls, truth values, moments, digits that are no number."""
    rng = np.random.default_rng(11)
    return pd.DataFrame(
        {
            "city": rng.choice(CITIES, ROWS),
            "product": rng.choice(["book", "lamp", "pen"], ROWS),
            "amount": rng.gamma(2.0, 60.0, ROWS).round(2) + 1.0,
            "items": rng.integers(1, 9, ROWS),
            "discount": np.where(rng.random(ROWS) < 0.3, np.nan, rng.uniform(0, 0.4, ROWS)),
            "premium": rng.random(ROWS) < 0.4,
            "zip": [f"{n:05d}" for n in rng.integers(100, 99999, ROWS)],
            "comment": rng.choice(["good", "too late", "Ok", "BAD product"], ROWS),
            "at": pd.date_range("2026-02-01 08:00", periods=ROWS, freq="11h"),
            "bought": rng.integers(0, 2, ROWS),
        }
    )


@dataclass
class Learned:
    """What fit learned from orders."""

    mean: float = 120.0
    std: float = 80.0
    cities: list = field(default_factory=lambda: list(CITIES))
    rate: dict = field(
        default_factory=lambda: {"Bern": 0.4, "Graz": 0.5, "Lyon": 0.6, "Oslo": 0.3, "Turin": 0.5}
    )
    weights: np.ndarray = field(
        default_factory=lambda: np.random.default_rng(5).normal(size=(3, 40))
    )
    n: int = 0
    seen: set = field(default_factory=set)
