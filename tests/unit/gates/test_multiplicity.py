"""Intervals of many slices hold all at once."""

from __future__ import annotations

import numpy as np
import pytest

from nbprod.gates import proportion_interval
from nbprod.gates.multiplicity import corrected, corrected_confidence
from nbprod.gates.thresholds import Measurement


def sliced(value: str, **changes) -> Measurement:
    values = {"name": "hits", "value": 0.8, "low": 0.7, "high": 0.88, "rows": 100}
    return Measurement(**{**values, "slice": {"city": value}, **changes})


def test_the_more_slices_the_wider_each_interval() -> None:
    """By the ratio of the normal quantiles, each side for itself; the value stays."""
    one = corrected([sliced("a")], 0.95)
    four = corrected([sliced(name) for name in "abcd"], 0.95)
    assert (one[0].low, one[0].high, one[0].tests) == (0.7, 0.88, 1)
    assert {item.tests for item in four} == {4}
    assert four[0].value - four[0].low == pytest.approx(0.1 * 2.4977 / 1.95996, rel=1e-3)
    assert four[0].high - four[0].value == pytest.approx(0.08 * 2.4977 / 1.95996, rel=1e-3)


def test_an_interval_that_is_wide_enough_stays() -> None:
    """A notebook that computed it at the corrected level is not widened twice."""
    level = corrected_confidence(0.95, 2)
    both = corrected([sliced("a", confidence=level), sliced("b", confidence=level)], 0.95)
    assert [(item.low, item.high) for item in both] == [(0.7, 0.88)] * 2


def test_families_are_one_measure_by_the_same_columns() -> None:
    """What is measured on all rows, another measure, other columns: each for itself."""
    items = [
        sliced("a"),
        sliced("b"),
        sliced("a", name="misses"),
        sliced("x", slice={"sex": "x"}),
        Measurement(name="hits", value=0.8, low=0.7, high=0.9),
    ]
    assert [item.tests for item in corrected(items, 0.95)] == [2, 2, 1, 1, 1]


def test_a_check_without_an_interval_has_none_to_widen() -> None:
    """Its number of companions is still told."""
    bare = corrected([sliced("a", low=None, high=None), sliced("b", low=None, high=None)], 0.95)
    assert [(item.low, item.high, item.tests) for item in bare] == [(None, None, 2)] * 2


def test_all_hold_at_once_as_often_as_promised() -> None:
    """Twenty groups, each truly at 0.8: without correction most draws miss one of them, with it few."""
    rng = np.random.default_rng(4)
    missed = {"plain": 0, "corrected": 0}
    for _ in range(400):
        hits = rng.binomial(300, 0.8, 20)
        for name, tests in (("plain", 1), ("corrected", 20)):
            level = corrected_confidence(0.95, tests)
            found = [proportion_interval(int(n), 300, confidence=level) for n in hits]
            missed[name] += any(not item.low <= 0.8 <= item.high for item in found)
    assert missed["plain"] > 200
    assert missed["corrected"] < 40
