"""One value against one threshold."""

from __future__ import annotations

import math

import pytest

from nbprod.errors import ConfigError
from nbprod.gates import GateRules, Measurement, Threshold, judge


def verdict(value, threshold=">= 0.7", rules=None, **measured):
    check, _ = judge(
        Measurement(name="auc", value=value, threshold=threshold, **measured), rules or GateRules()
    )
    return check.verdict


@pytest.mark.parametrize(
    ("threshold", "value", "met"),
    [
        (">= 0.7", 0.7, True),
        ("> 0.7", 0.7, False),
        ("<= 1e-3", 0.001, True),
        ("< -1", -1.5, True),
        ("== 0", 0.0, True),
        ("== 0", 0.1, False),
        (">= 0", math.nan, False),
        ("<= 0", -math.inf, False),
    ],
)
def test_a_threshold_is_met_by_finite_values_on_its_side(threshold, value, met) -> None:
    """Comparisons mean what they say; NaN and infinities meet nothing."""
    assert Threshold.parse(threshold).met_by(value) is met


@pytest.mark.parametrize("text", ["0.7", "=> 0.7", ">= high", "", ">= 0.7 %"])
def test_what_is_no_threshold_is_refused(text) -> None:
    """Anything but a comparison with a number is a ConfigError."""
    with pytest.raises(ConfigError):
        Threshold.parse(text)


@pytest.mark.parametrize(
    ("value", "low", "high", "expected"),
    [
        (0.75, 0.72, 0.78, "passed"),
        (0.75, 0.69, 0.81, "inconclusive"),
        (0.68, 0.60, 0.76, "inconclusive"),
        (0.60, 0.55, 0.65, "failed"),
        (0.75, None, None, "passed"),
        (0.60, None, None, "failed"),
        (0.75, None, 0.80, "passed"),
        (0.75, 0.60, None, "inconclusive"),
    ],
)
def test_the_whole_interval_must_meet_the_threshold(value, low, high, expected) -> None:
    """Passed by the pessimistic end, failed when even the optimistic one falls short."""
    assert verdict(value, low=low, high=high, rows=100) == expected
    mirrored = {
        "low": None if high is None else -high,
        "high": None if low is None else -low,
        "rows": 100,
    }
    assert verdict(-value, "<= -0.7", **mirrored) == expected


def test_an_inconclusive_check_says_how_many_rows_it_needs() -> None:
    """Half the distance over the threshold needs four times the rows; without rows nothing."""
    measured = Measurement("auc", 0.75, ">= 0.7", rows=100, low=0.65, high=0.85)
    check, findings = judge(measured, GateRules())
    assert check.rows_needed == 300
    assert [item.code for item in findings] == ["NBG005"]
    assert "300 more rows" in findings[0].message
    silent, _ = judge(Measurement("auc", 0.75, ">= 0.7", low=0.65, high=0.85), GateRules())
    assert silent.rows_needed == 0
    on_it, _ = judge(Measurement("auc", 0.7, ">= 0.7", rows=9, low=0.6, high=0.8), GateRules())
    assert on_it.rows_needed == 10**9


@pytest.mark.parametrize(
    "measured",
    [
        {"value": math.nan},
        {"value": math.inf},
        {"value": 0.9, "low": math.nan},
        {"value": 0.9, "low": 0.95, "high": 0.85},
    ],
)
def test_what_is_not_a_number_fails(measured) -> None:
    """NaN, infinity and an interval upside down are failures with a finding, not passes."""
    check, findings = judge(Measurement("auc", threshold=">= 0", **measured), GateRules())
    assert check.verdict == "failed"
    assert [item.code for item in findings] == ["NBG010"]


def test_a_check_without_any_threshold_fails() -> None:
    """Neither the notebook nor the project says what is required."""
    check, findings = judge(Measurement("auc", 0.9), GateRules())
    assert check.verdict == "failed"
    assert findings[0].code == "NBG010"


@pytest.mark.parametrize(
    ("asked", "applied"),
    [
        (">= 0.6", ">= 0.7"),
        (">= 0.8", ">= 0.8"),
        ("> 0.7", "> 0.7"),
        (">= 0.70", ">= 0.7"),
        ("", ">= 0.7"),
        ("<= 0.9", ">= 0.7"),
    ],
)
def test_a_notebook_can_only_be_stricter(asked, applied) -> None:
    """The project's threshold wins over a weaker or opposite one."""
    check, findings = judge(
        Measurement("auc", 0.75, asked), GateRules(thresholds={"auc": ">= 0.7"})
    )
    assert check.threshold == applied
    assert ("NBG014" in [item.code for item in findings]) is asked.startswith("<")


def test_slice_thresholds_apply_to_their_slices_only() -> None:
    """auc[origin] is for every origin, auc[origin=JFK] wins, plain auc is for all rows."""
    rules = GateRules(
        thresholds={"auc": ">= 0.9", "auc[origin]": ">= 0.6", "auc[origin=JFK]": ">= 0.8"}
    )
    applied = [
        judge(Measurement("auc", 0.7, ">= 0.1", slice=slice_, rows=9), rules)[0].threshold
        for slice_ in ({}, {"origin": "LGA"}, {"origin": "JFK"}, {"dest": "BOS"})
    ]
    assert applied == [">= 0.9", ">= 0.6", ">= 0.8", ">= 0.1"]


def test_small_slices_fail_unless_they_are_pooled() -> None:
    """A slice under min_slice, or one that does not say its rows, cannot pass."""
    rules = GateRules(min_slice=200)
    for rows, place, expected in (
        (199, "JFK", "failed"),
        (0, "JFK", "failed"),
        (200, "JFK", "passed"),
        (5, "(pooled)", "passed"),
    ):
        assert verdict(0.9, rules=rules, slice={"origin": place}, rows=rows) == expected
