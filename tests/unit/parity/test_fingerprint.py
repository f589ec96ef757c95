"""One text for a value of any kind."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pytest

from nbprod.parity.fingerprint import fingerprint


@dataclass
class State:
    means: dict = field(default_factory=dict)
    names: list = field(default_factory=list)


class Loop:
    def __init__(self) -> None:
        self.me = self
        self.more = [self, {"me": self}]


@pytest.mark.parametrize(
    "value",
    [
        State({"a": 1.0, "b": float("nan")}, ["x", ("y", None)]),
        {"b": {3, 1, 2}, "a": frozenset({"x"})},
        np.array([1.0, np.nan]),
        np.array(["a", None], dtype=object),
        pd.DataFrame({"x": [1.0, None], "s": ["a", None]}),
        pd.DataFrame({"x": [[1], [2]]}),
        pd.Series(["a", "b"], dtype="category"),
        pd.Timestamp("2026-01-01", tz="UTC"),
        Loop(),
        np.random.default_rng(3),
    ],
)
def test_a_copy_has_the_same_fingerprint(value):
    """Equal content gives equal text, cycles included."""
    assert fingerprint(copy.deepcopy(value)) == fingerprint(value)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {"a": 1.0}),
        ([1, 2], [2, 1]),
        (["ab", "c"], ["a", "bc"]),
        (State({"a": 1}), State({"a": 1}, ["x"])),
        (np.array([1, 2]), np.array([1.0, 2.0])),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (pd.DataFrame({"x": [1]}), pd.DataFrame({"y": [1]})),
        (pd.DataFrame({"x": ["a"]}), pd.DataFrame({"x": ["b"]})),
    ],
)
def test_other_content_has_another(left, right):
    """A value, a type, an order, a shape, a name: each changes the text."""
    assert fingerprint(left) != fingerprint(right)


def test_order_of_sets_and_mappings_does_not_count():
    """A mapping is its entries, in whatever order they came."""
    assert fingerprint({"a": 1, "b": 2}) == fingerprint({"b": 2, "a": 1})


def test_a_generator_s_position_counts_unless_told():
    """Drawing changes the fingerprint, but not the one without random generators."""
    state = {"rng": np.random.default_rng(0), "mean": 1.0}
    marks = fingerprint(state), fingerprint(state, with_random=False)
    state["rng"].normal()

    assert fingerprint(state) != marks[0]
    assert fingerprint(state, with_random=False) == marks[1]


def test_an_estimator_is_what_it_learned():
    """Two fits on the same rows agree, on other rows they do not."""
    from sklearn.preprocessing import StandardScaler

    rows = np.arange(12.0).reshape(6, 2)
    first, second = StandardScaler().fit(rows), StandardScaler().fit(rows)

    assert fingerprint(first) == fingerprint(second)
    assert fingerprint(first) != fingerprint(StandardScaler().fit(rows * 2))
