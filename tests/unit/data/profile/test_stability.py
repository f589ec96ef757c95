"""The stability index: right by hand, quiet without change, loud with it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbprod.data.profile import Profile, population_stability_index


def profile(**columns: Any) -> Profile:
    return Profile.empty().track(pd.DataFrame(columns), part="input")


def index(reference: Any, window: Any, threshold: float = 0.2) -> Any:
    found = population_stability_index(
        profile(x=reference), profile(x=window), "input.x", threshold=threshold
    )
    assert found is not None
    return found


def test_index_by_hand() -> None:
    """Two categories that go from even to one in four give the formula's value."""
    found = index(["a"] * 500 + ["b"] * 500, ["a"] * 250 + ["b"] * 750)
    shares = [(500.5 / 1001, 250.5 / 1001), (500.5 / 1001, 750.5 / 1001)]
    expected = sum((w - r) * math.log(w / r) for r, w in shares)
    assert found.distance == pytest.approx(expected)
    assert found.drifted
    assert found.reference == {"a": 0.5, "b": 0.5}
    assert found.window == {"a": 0.25, "b": 0.75}
    assert (found.column, found.part, found.rows, found.reference_rows) == (
        "x",
        "input",
        1000,
        1000,
    )


def test_deciles_by_hand() -> None:
    """Numbers are compared over the reference's deciles."""
    source = np.random.default_rng(0)
    reference, window = source.normal(size=5000), source.normal(0.5, size=5000)
    edges = np.quantile(reference, np.linspace(0, 1, 11))
    edges[0], edges[-1] = -np.inf, np.inf
    r = np.histogram(reference, edges)[0] / 5000
    w = np.histogram(window, edges)[0] / 5000
    found = index(reference, window)
    assert found.distance == pytest.approx(float(((w - r) * np.log(w / r)).sum()), rel=0.1)
    assert len(found.reference) == 10


@pytest.mark.parametrize("rows", [100, 150, 300, 1000, 10_000])
def test_chance_is_no_drift(rows: int) -> None:
    """Windows drawn from the reference's own rows hardly ever drift, however few or many."""
    source = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "number": source.normal(size=20_000),
            "hour": source.integers(0, 24, 20_000),
            "flag": source.random(20_000) < 0.05,
            "dest": source.choice([f"D{n}" for n in range(100)], 20_000),
            "spike": np.where(source.random(20_000) < 0.9, 0, source.normal(size=20_000)),
        }
    )
    reference = Profile.empty().track(table)
    drifted = 0
    for seed in range(20):
        window = Profile.empty().track(table.sample(rows, random_state=seed))
        for column in table:
            found = population_stability_index(reference, window, column, threshold=0.0)
            assert found is not None
            drifted += found.drifted
    assert drifted <= 3  # of 100, at a chance of one in a thousand and no threshold at all


@pytest.mark.parametrize(
    ("reference", "window"),
    [
        ([1.0, 2.0, 3.0, 4.0] * 100, [1.0, 2.0, None, None] * 100),
        (["a", "b"] * 200, ["a", "new"] * 200),
        ([True, False] * 200, [True, True, True, False] * 100),
        (list(range(400)), list(range(300, 700))),
        ([0.0] * 380 + list(np.linspace(1, 2, 20)), list(np.linspace(1, 2, 400))),
        ([0, 1] * 200, [0, 2] * 200),
        ([1e-7, 2e-7, 3e-7, 4e-7] * 100, [3e-7, 4e-7] * 200),
        (list(range(400)), ["text"] * 400),
        ([None] * 400, ["suddenly", "here"] * 200),
    ],
    ids=["nulls", "new", "flag", "shift", "spike", "value", "tiny", "kind", "was empty"],
)
def test_real_changes_are_seen(reference: list[Any], window: list[Any]) -> None:
    """Nulls, new values, other shares, a shift, a vanished spike: each is a drift."""
    found = index(reference, window)
    assert found.drifted, found
    assert math.isfinite(found.distance)
    assert sum(found.window.values()) == pytest.approx(1)
    assert sum(found.reference.values()) == pytest.approx(1)


def test_few_rows_give_no_verdict() -> None:
    """Below a hundred rows the index is told and nothing has drifted."""
    found = index(["a", "b"] * 500, ["c"] * 99)
    assert found.distance > 1
    assert not found.drifted
    assert index(["a", "b"] * 500, ["c"] * 100).drifted


def test_threshold_is_an_effect_size() -> None:
    """A small change over many rows is no drift, though chance cannot explain it."""
    reference, window = ["a"] * 50_000 + ["b"] * 50_000, ["a"] * 48_000 + ["b"] * 52_000
    assert not index(reference, window).drifted
    assert index(reference, window, threshold=0.001).drifted


def test_ids_say_nothing() -> None:
    """Values that never repeat have no share worth comparing."""
    found = index([f"a{n}" for n in range(2000)], [f"b{n}" for n in range(2000)])
    assert found.distance == pytest.approx(0)


def test_what_cannot_be_compared() -> None:
    """A datetime, or a column the reference does not have, gives no index."""
    moments = pd.date_range("2026-01-01", periods=200)
    assert population_stability_index(profile(x=moments), profile(x=[1] * 200), "input.x") is None
    assert population_stability_index(profile(y=[1]), profile(x=[1]), "input.x") is None
