"""Intervals that hold at every look: what lets a rollout be judged again with each request.

A fixed-sample interval looked at a hundred times is wrong far more often than it says. These
are confidence sequences: with probability 1 - alpha the true value lies in *all* of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

_A = _B = 0.5  # the mixing beta distribution: narrow where events are rare, as errors are
_BISECTIONS = 40
_LEAST_FOR_MEANS = 50  # below it, the normal approximation of a mean is not to be trusted
# The effect that the mean's interval is tuned for, in standard deviations of one row. It changes
# how soon an effect of another size is seen, never how often there is none.
_TUNED_EFFECT = 0.1


@dataclass(frozen=True)
class Interval:
    """A closed interval of plausible values."""

    low: float
    high: float


@dataclass(frozen=True)
class Moments:
    """A number of rows, the sum of their values, and the sum of the squares."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    @property
    def mean(self) -> float:
        """The mean; nan without rows."""
        return self.total / self.count if self.count else math.nan

    @property
    def variance(self) -> float:
        """The unbiased variance; zero with fewer than two rows."""
        if self.count < 2:
            return 0.0
        return max(self.squares - self.total**2 / self.count, 0.0) / (self.count - 1)

    def __add__(self, other: Moments) -> Moments:
        return Moments(
            self.count + other.count, self.total + other.total, self.squares + other.squares
        )


def fraction_interval(events: int, trials: int, alpha: float) -> Interval:
    """Where the probability of an event lies, at every look at once; exact for any size.

    Inverts the beta-binomial mixture martingale (Robbins 1970; Howard, Ramdas, McAuliffe and
    Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", 2021): all p whose
    mixture likelihood ratio stays below 1/alpha.
    """
    if trials <= 0:
        return Interval(0.0, 1.0)
    misses = trials - events
    evidence = _log_beta(_A + events, _B + misses) - _log_beta(_A, _B) + math.log(alpha)

    def refused(p: float) -> bool:
        likelihood = (events * math.log(p) if events else 0.0) + (
            misses * math.log1p(-p) if misses else 0.0
        )
        return evidence > likelihood

    middle = events / trials
    low = 0.0 if not events else _edge(refused, outside=0.0, inside=middle)
    high = 1.0 if not misses else _edge(refused, outside=1.0, inside=middle)
    return Interval(low, high)


def _edge(refused: object, *, outside: float, inside: float) -> float:
    """The last refused value on the way from outside to inside, on the safe side."""
    assert callable(refused)
    for _ in range(_BISECTIONS):
        between = (outside + inside) / 2
        if 0.0 < between < 1.0 and refused(between):
            outside = between
        else:
            inside = between
    return outside


def difference_of_fractions(one: tuple[int, int], other: tuple[int, int], alpha: float) -> Interval:
    """Where p(one) - p(other) lies, at every look; each is (events, trials). Exact, so wide."""
    first = fraction_interval(*one, alpha / 2)
    second = fraction_interval(*other, alpha / 2)
    return Interval(first.low - second.high, first.high - second.low)


def difference_of_means(one: Moments, other: Moments, alpha: float) -> Interval | None:
    """Where mean(one) - mean(other) lies, at every look; None while there is too little to say.

    The normal mixture's boundary (mixture sequential probability ratio test: Johari, Koomen,
    Pekelis and Walsh, "Always valid inference", Operations Research 2022) with the estimated
    variance, which makes it asymptotic (Waudby-Smith et al., "Time-uniform central limit theory
    and asymptotic confidence sequences", 2024).
    """
    variance = _variance_of_difference(one, other)
    if variance is None:
        return None
    prior = _prior_variance(one, other)
    ratio = prior / variance
    half = math.sqrt(variance * (1 + 1 / ratio) * (2 * math.log(1 / alpha) + math.log1p(ratio)))
    difference = one.mean - other.mean
    return Interval(difference - half, difference + half)


def log_evidence(one: Moments, other: Moments) -> float:
    """The logarithm of the mixture likelihood ratio against "the means are equal".

    ``exp(-log_evidence)`` at its largest so far is an always-valid p-value. Zero while there
    is too little to say.
    """
    variance = _variance_of_difference(one, other)
    if variance is None:
        return 0.0
    ratio = _prior_variance(one, other) / variance
    z_squared = (one.mean - other.mean) ** 2 / variance
    return 0.5 * (z_squared * ratio / (1 + ratio) - math.log1p(ratio))


def _variance_of_difference(one: Moments, other: Moments) -> float | None:
    if min(one.count, other.count) < _LEAST_FOR_MEANS:
        return None
    variance = one.variance / one.count + other.variance / other.count
    return variance if variance > 0 else None


def _prior_variance(one: Moments, other: Moments) -> float:
    pooled = ((one.count - 1) * one.variance + (other.count - 1) * other.variance) / (
        one.count + other.count - 2
    )
    return _TUNED_EFFECT**2 * pooled


def _log_beta(a: float, b: float) -> float:
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
