"""Confidence intervals for what gates measure: analytic where a formula exists, else bootstrap."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, NamedTuple

from nbprod.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import ArrayLike, NDArray


class Interval(NamedTuple):
    """A value with the ends of its confidence interval."""

    value: float
    low: float
    high: float


def bootstrap_interval(
    metric: Callable[..., float],
    y: ArrayLike,
    p: ArrayLike,
    *,
    confidence: float = 0.95,
    seed: int = 0,
    resamples: int = 500,
) -> Interval:
    """The percentile bootstrap interval of ``metric(y, p)`` (Efron and Tibshirani 1993, ch. 13).

    y, p: one label and one prediction per row. Rows are drawn with replacement; a resample on
    which the metric is undefined (one class only) is drawn again, at most ten times over.
    """
    import numpy as np

    labels, predictions = _paired(y, p)
    rng = np.random.default_rng(seed)
    values: list[float] = []
    for _ in range(resamples * 10):
        if len(values) == resamples:
            break
        rows = rng.integers(0, len(labels), len(labels))
        value = _defined(metric, labels[rows], predictions[rows])
        if value is not None:
            values.append(value)
    if len(values) < resamples:
        raise DataError(
            "the metric is undefined on most resamples",
            hint="there are too few rows of one class; pool small slices",
        )
    tail = (1 - confidence) / 2
    low, high = np.quantile(values, [tail, 1 - tail])
    return Interval(float(metric(labels, predictions)), float(low), float(high))


def _defined(
    metric: Callable[..., float], labels: NDArray[Any], predictions: NDArray[Any]
) -> float | None:
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scikit-learn warns where it answers NaN
            value = float(metric(labels, predictions))
    except ValueError:  # a metric that refuses one class only
        return None
    return value if math.isfinite(value) else None


def proportion_interval(successes: int, rows: int, *, confidence: float = 0.95) -> Interval:
    """The Wilson score interval of a proportion (Wilson 1927)."""
    if rows <= 0 or not 0 <= successes <= rows:
        raise DataError(
            f"{successes} of {rows} is not a proportion", hint="0 <= successes <= rows, rows > 0"
        )
    z = _z(confidence)
    share = successes / rows
    centre = (share + z * z / (2 * rows)) / (1 + z * z / rows)
    half = z / (1 + z * z / rows) * math.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2)
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half))


def mean_interval(values: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """The normal interval of a mean: mean ± z·s/√n. For losses per row: MAE, Brier, log loss."""
    import numpy as np

    array = np.asarray(values, dtype=float)
    if len(array) < 2:
        raise DataError("a mean of fewer than two rows has no interval", hint="use more rows")
    mean = float(array.mean())
    half = _z(confidence) * float(array.std(ddof=1)) / math.sqrt(len(array))
    return Interval(mean, mean - half, mean + half)


def quantile_interval(values: ArrayLike, share: float, *, confidence: float = 0.95) -> Interval:
    """A quantile with its distribution-free interval between two order statistics.

    share: which quantile, in (0, 1), such as 0.99. The number of values below it is binomial
    (H. A. David and H. N. Nagaraja, Order Statistics, 2003, section 7.1). Where there are too
    few values to bound it from above, the upper end is infinite.
    """
    import numpy as np
    from scipy.stats import binom

    array = np.sort(np.asarray(values, dtype=float))
    count = len(array)
    if not count or not 0 < share < 1:
        raise DataError(
            f"no quantile {share:g} of {count} values", hint="0 < share < 1, of one value at least"
        )
    tail = (1 - confidence) / 2
    below, above = int(binom.ppf(tail, count, share)), int(binom.ppf(1 - tail, count, share))
    low = float(array[max(below - 1, 0)])
    high = float(array[above]) if above < count else math.inf
    return Interval(float(np.quantile(array, share)), low, high)


def auc_interval(y: ArrayLike, p: ArrayLike, *, confidence: float = 0.95) -> Interval:
    """The area under the ROC curve with DeLong's interval on the logit scale.

    y: labels 0 and 1; p: scores. DeLong, DeLong and Clarke-Pearson 1988; the logit scale keeps
    the ends inside (0, 1).
    """
    labels, scores = _paired(y, p)
    (area,), covariance = _delong(labels, [scores])
    deviation = math.sqrt(max(float(covariance[0, 0]), 0.0))
    if deviation == 0 or not 0 < area < 1:
        return Interval(area, area, area) if deviation == 0 else Interval(area, 0.0, 1.0)
    logit = math.log(area / (1 - area))
    half = _z(confidence) * deviation / (area * (1 - area))
    return Interval(area, _expit(logit - half), _expit(logit + half))


def auc_difference_interval(
    y: ArrayLike, p: ArrayLike, other: ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """AUC of ``p`` minus AUC of ``other`` on the same rows, with DeLong's paired interval."""
    labels, scores = _paired(y, p)
    _, others = _paired(y, other)
    areas, covariance = _delong(labels, [scores, others])
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    difference = areas[0] - areas[1]
    half = _z(confidence) * math.sqrt(max(variance, 0.0))
    return Interval(difference, difference - half, difference + half)


def _delong(
    labels: NDArray[Any], scores: list[NDArray[Any]]
) -> tuple[list[float], np.ndarray[Any, Any]]:
    """Areas and their covariance by mid-ranks in O(n log n) (Sun and Xu 2014)."""
    import numpy as np

    positive = labels.astype(float) == 1
    m, n = int(positive.sum()), int((~positive).sum())
    if m < 2 or n < 2:
        raise DataError(
            f"AUC needs two rows of each class; here are {m} positive and {n} negative",
            hint="pool small slices with nbprod.gates.slices(frame, by)"
            if set(np.unique(labels.astype(float))) <= {0.0, 1.0}
            else 'a label that is a number, not 0 or 1, needs [model] task = "regression"',
        )
    by_positive, by_negative, areas = [], [], []
    for score in scores:
        x, z = score[positive].astype(float), score[~positive].astype(float)
        ranks = _midranks(np.concatenate([x, z]))
        v_positive = (ranks[:m] - _midranks(x)) / n
        by_positive.append(v_positive)
        by_negative.append(1 - (ranks[m:] - _midranks(z)) / m)
        areas.append(float(v_positive.mean()))
    covariance = np.cov(np.atleast_2d(by_positive)) / m + np.cov(np.atleast_2d(by_negative)) / n
    return areas, np.atleast_2d(covariance)


def _midranks(values: NDArray[Any]) -> NDArray[Any]:
    """Ranks from 1, ties sharing the middle one."""
    import numpy as np

    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle: NDArray[Any] = ((last - counts + 1 + last) / 2)[inverse]
    return middle


def _paired(y: ArrayLike, p: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    import numpy as np

    labels, predictions = np.asarray(y), np.asarray(p)
    if len(labels) != len(predictions) or not len(labels):
        raise DataError(
            f"{len(labels)} labels and {len(predictions)} predictions",
            hint="give one prediction for each labelled row, and at least one",
        )
    return labels, predictions


def _z(confidence: float) -> float:
    if not 0 < confidence < 1:
        raise DataError(f"{confidence} is no confidence", hint="a number between 0 and 1: 0.95")
    return NormalDist().inv_cdf(0.5 + confidence / 2)


def _expit(value: float) -> float:
    return 1 / (1 + math.exp(-value))
