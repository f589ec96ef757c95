"""Intervals that hold at every look."""

from __future__ import annotations

import numpy as np
import pytest

from nbprod.rollout.intervals import (
    Moments,
    difference_of_fractions,
    difference_of_means,
    fraction_interval,
    log_evidence,
)


def moments(values: np.ndarray) -> Moments:
    return Moments(len(values), float(values.sum()), float((values**2).sum()))


def test_without_trials_everything_is_possible() -> None:
    """No data, no statement."""
    found = fraction_interval(0, 0, 0.05)
    assert (found.low, found.high) == (0.0, 1.0)


@pytest.mark.parametrize(("events", "trials"), [(0, 40), (40, 40), (3, 90), (500, 1000)])
def test_the_observed_fraction_lies_inside(events: int, trials: int) -> None:
    """The interval holds what was seen, stays in [0, 1], and ends only where it must."""
    found = fraction_interval(events, trials, 0.05)
    assert 0.0 <= found.low <= events / trials <= found.high <= 1.0
    assert (found.low == 0.0) == (events == 0)
    assert (found.high == 1.0) == (events == trials)


def test_more_trials_and_more_risk_narrow_it() -> None:
    """Ten times the data, or more risk, give a narrower interval."""
    wide, narrow = fraction_interval(10, 100, 0.05), fraction_interval(100, 1000, 0.05)
    assert narrow.high - narrow.low < wide.high - wide.low
    bolder = fraction_interval(10, 100, 0.2)
    assert bolder.high - bolder.low < wide.high - wide.low


def test_the_true_fraction_is_left_out_at_any_look_no_more_often_than_alpha() -> None:
    """Looked at after every trial, the interval misses the truth in at most alpha of the runs."""
    generator = np.random.default_rng(3)
    missed = 0
    for _ in range(300):
        events = np.cumsum(generator.random(400) < 0.05)
        for trials in range(1, 401, 3):
            found = fraction_interval(int(events[trials - 1]), trials, 0.1)
            if not found.low <= 0.05 <= found.high:
                missed += 1
                break
    assert missed / 300 <= 0.1


def test_a_difference_of_fractions_is_between_the_intervals_ends() -> None:
    """The canary's worst against the champion's best, and the other way round."""
    found = difference_of_fractions((30, 100), (10, 1000), 0.05)
    assert 0 < found.low < 0.3 - 0.01 < found.high


def test_too_few_rows_say_nothing_of_a_mean() -> None:
    """The normal approximation is not used below fifty rows, nor without any variance."""
    few, many = moments(np.arange(49.0)), moments(np.arange(500.0))
    assert difference_of_means(few, many, 0.05) is None
    assert difference_of_means(moments(np.ones(99)), moments(np.ones(99)), 0.05) is None
    assert log_evidence(few, many) == 0.0


def test_a_difference_of_means_is_found_where_there_is_one() -> None:
    """Half a standard deviation over a thousand rows is beyond doubt; none is not."""
    generator = np.random.default_rng(5)
    base = generator.normal(0.0, 1.0, 1000)
    found = difference_of_means(moments(base + 0.5), moments(base), 0.05)
    assert found is not None
    assert 0 < found.low < 0.5 < found.high
    assert log_evidence(moments(base + 0.5), moments(base)) > 3


def test_moments_add_up() -> None:
    """Moments of two parts are the moments of the whole."""
    values = np.array([1.0, 2.0, 4.0, 8.0])
    both = moments(values[:1]) + moments(values[1:])
    assert both == moments(values)
    assert both.variance == pytest.approx(values.var(ddof=1))
