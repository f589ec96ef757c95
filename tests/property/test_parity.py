"""Laws of parity: what works row by row passes, whatever looks at its neighbours does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.parity import check_parity
from nbprod.parity.shrink import smallest

ROWS = pd.DataFrame(
    {
        "a": np.random.default_rng(0).normal(3, 2, 40),
        "b": np.random.default_rng(1).uniform(1, 9, 40),
        "n": np.random.default_rng(2).integers(0, 7, 40),
    }
)
BY_ROW = {
    "scaled": lambda f: f["a"] * 2.5 - 1.0,
    "ratio": lambda f: f["a"] / f["b"],
    "root": lambda f: np.sqrt(f["b"]),
    "clipped": lambda f: f["a"].clip(0.0, 5.0),
    "modulo": lambda f: f["n"] % 3,
    "flag": lambda f: f["a"] > f["b"],
    "binned": lambda f: np.digitize(f["b"], [2.0, 4.0, 8.0]),
    "text": lambda f: f["n"].astype(str) + "!",
    "row": lambda f: f[["a", "b"]].max(axis=1),
}
BY_BATCH = {
    "mean": lambda f: f["a"] - f["a"].mean(),
    "rank": lambda f: f["b"].rank(pct=True),
    "share": lambda f: f["b"] / f["b"].sum(),
    "codes": lambda f: f["n"].astype("category").cat.codes.astype("int64"),
    "previous": lambda f: f["a"].shift(1).fillna(0.0),
    "number": lambda f: pd.Series(np.arange(len(f)), index=f.index),
    "count": lambda f: f["n"].map(f["n"].value_counts()).astype("int64"),
}
QUICK = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))


def transform_of(steps):
    def transform(frame, state):
        return pd.DataFrame({name: step(frame) for name, step in steps.items()}, index=frame.index)

    return transform


def examine(transform):
    return check_parity(transform, rows=ROWS, rerun=lambda frame, environ: transform(frame, None))


@QUICK
@given(names=st.lists(st.sampled_from(sorted(BY_ROW)), min_size=1, unique=True))
def test_what_works_row_by_row_passes(names):
    """Any set of row-wise features passes, exactly."""
    report = examine(transform_of({name: BY_ROW[name] for name in names}))

    assert report.passed, report.findings
    assert all(item.max_distance == 0 for item in report.distances)


@QUICK
@given(
    names=st.lists(st.sampled_from(sorted(BY_ROW)), min_size=0, unique=True),
    bad=st.sampled_from(sorted(BY_BATCH)),
)
def test_one_feature_that_looks_at_its_neighbours_is_named(names, bad):
    """Among clean features the one that depends on the batch is found, and only it."""
    steps = {name: BY_ROW[name] for name in names} | {bad: BY_BATCH[bad]}

    report = examine(transform_of(steps))

    assert {finding.code for finding in report.findings} <= {"NBP002", "NBP003"}
    assert {c for finding in report.findings for c in finding.details["columns"]} == {bad}


@settings(max_examples=100, deadline=None)
@given(size=st.integers(1, 60), needed=st.sets(st.integers(0, 59), max_size=5))
def test_shrinking_keeps_what_shows_it(size, needed):
    """What comes back shows it, and leaving out any single item would not."""
    needed = {item % size for item in needed}

    def shows(items):
        return needed <= set(items)

    found = smallest(range(size), shows, calls=10_000)

    assert shows(found)
    if needed:
        assert set(found) == needed
