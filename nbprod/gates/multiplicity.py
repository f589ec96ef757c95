"""Many slices, one promise: intervals are widened by how many of them are judged together.

Bonferroni's correction: m intervals of level 1 - (1 - c) / m all hold at once with probability
c at least, however the slices depend on each other (O. J. Dunn, JASA 56, 1961). A notebook
computes exact intervals at that level by ``slices``; one that does not has its intervals widened
here, each side by the ratio of the normal quantiles.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from statistics import NormalDist
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.gates.thresholds import Measurement

_SLACK = 1e-9


def corrected_confidence(confidence: float, tests: int) -> float:
    """The level of each of ``tests`` intervals that hold all at once with ``confidence``."""
    return 1 - (1 - confidence) / max(tests, 1)


def corrected(measured: Sequence[Measurement], confidence: float) -> list[Measurement]:
    """The measurements of one notebook, the intervals of slices wide enough for their number.

    Slices of one measure by the same columns are a family. What is measured on all rows is one
    decision of its own and stays as it is.
    """
    sizes = Counter(_family(item) for item in measured if item.slice)
    return [
        _widened(item, confidence, sizes[_family(item)]) if item.slice else item
        for item in measured
    ]


def _family(item: Measurement) -> tuple[str, tuple[str, ...]]:
    return item.name, tuple(sorted(item.slice))


def _widened(item: Measurement, confidence: float, tests: int) -> Measurement:
    needed = corrected_confidence(confidence, tests)
    given = item.confidence or confidence
    item = dataclasses.replace(item, tests=tests)
    if given >= needed - _SLACK or (item.low is None and item.high is None):
        return item
    ratio = _z(needed) / _z(given)
    low = None if item.low is None else item.value - (item.value - item.low) * ratio
    high = None if item.high is None else item.value + (item.high - item.value) * ratio
    return dataclasses.replace(item, low=low, high=high, confidence=needed)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf(0.5 + confidence / 2)
