"""Intervals that hold what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import brier_score_loss, roc_auc_score

from nbprod.errors import DataError
from nbprod.gates import (
    auc_difference_interval,
    auc_interval,
    bootstrap_interval,
    mean_interval,
    proportion_interval,
    quantile_interval,
)


def sample(rows: int, seed: int, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, rows)
    return y, rng.normal(shift * y, 1)


@given(st.integers(0, 10_000), st.integers(20, 200), st.booleans())
def test_auc_is_scikit_learns_with_ties_or_without(seed, rows, ties) -> None:
    """The value is the area that scikit-learn computes, and lies in its interval."""
    y, p = sample(rows, seed)
    y[:4] = [0, 0, 1, 1]
    p = p.round(0) if ties else p
    found = auc_interval(y, p)
    assert found.value == pytest.approx(roc_auc_score(y, p))
    assert 0 <= found.low <= found.value <= found.high <= 1


def test_auc_intervals_cover_the_true_area() -> None:
    """About 95 of 100 intervals hold the area of the distribution, 0.760 for a shift of 1."""
    truth = 0.7602
    covered = sum(
        found.low <= truth <= found.high
        for found in (auc_interval(*sample(400, seed)) for seed in range(300))
    )
    assert 0.91 <= covered / 300 <= 0.985


def test_auc_and_bootstrap_intervals_agree() -> None:
    """DeLong's formula and resampling give nearly the same interval."""
    y, p = sample(1500, 3)
    exact = auc_interval(y, p)
    drawn = bootstrap_interval(roc_auc_score, y, p, seed=1, resamples=400)
    assert drawn.low == pytest.approx(exact.low, abs=0.006)
    assert drawn.high == pytest.approx(exact.high, abs=0.006)


def test_a_paired_difference_is_narrower_than_two_intervals() -> None:
    """Two models on the same rows are compared more sharply than apart; equal ones exactly."""
    y, p = sample(2000, 4)
    other = p + np.random.default_rng(0).normal(0, 0.2, len(p))
    found = auc_difference_interval(y, p, other)
    assert found.value == pytest.approx(roc_auc_score(y, p) - roc_auc_score(y, other))
    apart = auc_interval(y, p)
    assert found.high - found.low < (apart.high - apart.low) / 2
    assert auc_difference_interval(y, p, p) == (0.0, 0.0, 0.0)


def test_perfect_and_worthless_scores_have_intervals() -> None:
    """Separated classes give exactly 1; constant scores exactly one half."""
    y = np.array([0, 0, 0, 1, 1, 1])
    assert auc_interval(y, y * 1.0) == (1.0, 1.0, 1.0)
    assert auc_interval(y, np.ones(6)).value == 0.5


@given(st.integers(1, 3000), st.floats(0, 1))
def test_wilson_stays_in_bounds_and_holds_the_share(rows, share) -> None:
    """The interval of a proportion lies in [0, 1] and holds the proportion."""
    successes = round(share * rows)
    found = proportion_interval(successes, rows)
    assert 0 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1


def test_wilson_is_the_published_value() -> None:
    """10 of 100 at 95 percent: 0.0552 to 0.1744 (Newcombe 1998, method 3)."""
    found = proportion_interval(10, 100)
    assert (round(found.low, 4), round(found.high, 4)) == (0.0552, 0.1744)


def test_mean_interval_narrows_with_more_rows() -> None:
    """Four times the rows, half the width."""
    values = np.random.default_rng(0).normal(5, 2, 4000)
    wide, narrow = mean_interval(values[:1000]), mean_interval(values)
    assert (wide.high - wide.low) / (narrow.high - narrow.low) == pytest.approx(2, rel=0.1)
    assert narrow.low <= 5 <= narrow.high


def test_the_bootstrap_is_reproducible_and_avoids_undefined_resamples() -> None:
    """One seed, one interval; resamples of one class only are drawn again."""
    y = np.array([0] * 30 + [1] * 2)
    p = np.random.default_rng(2).random(32)
    first = bootstrap_interval(roc_auc_score, y, p, seed=5, resamples=50)
    assert first == bootstrap_interval(roc_auc_score, y, p, seed=5, resamples=50)
    assert first != bootstrap_interval(roc_auc_score, y, p, seed=6, resamples=50)
    assert bootstrap_interval(brier_score_loss, y, p).low > 0


def test_what_has_no_interval_is_an_error() -> None:
    """One class, no rows, unequal lengths and impossible proportions are refused."""
    with pytest.raises(DataError, match="two rows of each class"):
        auc_interval([0, 0, 0, 1], [1, 2, 3, 4])
    with pytest.raises(DataError, match="undefined"):
        bootstrap_interval(roc_auc_score, [0] * 20, [0.5] * 20, resamples=20)
    with pytest.raises(DataError):
        bootstrap_interval(roc_auc_score, [], [])
    with pytest.raises(DataError):
        auc_interval([0, 1], [1])
    for successes, rows in ((1, 0), (3, 2), (-1, 5)):
        with pytest.raises(DataError):
            proportion_interval(successes, rows)
    with pytest.raises(DataError):
        mean_interval([1.0])
    with pytest.raises(DataError):
        mean_interval([1.0, 2.0], confidence=1.0)


def test_a_quantile_lies_between_two_of_the_values() -> None:
    """Distribution-free; too few values to bound it from above say so."""
    rng = np.random.default_rng(0)
    values = rng.exponential(1.0, 2000)
    found = quantile_interval(values, 0.99)
    assert {found.low, found.high} <= set(values)
    assert found.low < found.value < found.high
    assert quantile_interval(values[:50], 0.99).high == math.inf
    with pytest.raises(DataError, match="no quantile"):
        quantile_interval([], 0.5)


def test_a_quantiles_interval_holds_as_often_as_promised() -> None:
    """Of 300 draws at 95 percent, few miss the true value."""
    rng = np.random.default_rng(1)
    true = -math.log(0.1)
    draws = [quantile_interval(rng.exponential(1.0, 300), 0.9) for _ in range(300)]
    assert sum(not found.low <= true <= found.high for found in draws) < 30
