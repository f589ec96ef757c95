"""How far a window's column moved from the reference: the population stability index.

PSI = sum over bins of (w - r) * ln(w / r), with r and w the shares of a bin in the reference and
in the window (N. Siddiqi, Credit Risk Scorecards, 2006; it is the symmetrised Kullback-Leibler
divergence of H. Jeffreys, 1946). Shares are smoothed by half a row a bin, (n + 1/2) / (N + B/2)
(Krichevsky and Trofimov, 1981), so that an empty bin does not make the index infinite.

Without any change the index is not zero but about (1/N + 1/M) times a chi-square value with B - 1
degrees of freedom (B. Yurdakul, Statistical Properties of Population Stability Index, 2018). So a
column has drifted only where the index passes its threshold and what chance gives.
"""

from __future__ import annotations

import itertools
import math
from statistics import NormalDist
from typing import TYPE_CHECKING

from nbprod.records import ColumnDrift

if TYPE_CHECKING:
    from nbprod.data.profile.sketches import Distribution, Profile

MIN_ROWS = 100  # fewer give no verdict: one bin of ten would hold about ten rows
_BINS = 10
_MAX_CATEGORIES = 20
_MIN_SHARE = 0.01  # rarer categories of the reference are judged together
_CHANCE = 0.999  # of the windows without change, the share that raises no drift
_NULL = "(null)"
_OTHER = "(other)"
PARTS = ("input", "features", "output")


def population_stability_index(
    reference: Profile, window: Profile, column: str, *, threshold: float = 0.2
) -> ColumnDrift | None:
    """How far one column, such as ``"input.carrier"``, moved from the reference.

    Bins are the reference's deciles, or its values where they are categories or few; missing
    values are a bin of their own. None for a column that cannot be compared: a datetime, or one
    that the reference does not have. With fewer than 100 rows nothing has drifted.
    """
    expected, actual = reference.distribution(column), window.distribution(column)
    if expected.kind == "moment" or not expected.rows:
        return None
    counts = _category_bins if _is_categorical(expected) else _number_bins
    before, now = counts(expected, actual)
    r, w = _shares(before), _shares(now)
    distance = sum((w[name] - r[name]) * math.log(w[name] / r[name]) for name in r)
    enough = min(expected.rows, actual.rows) >= MIN_ROWS
    chance = _chance(len(r), expected.rows, actual.rows) if enough else math.inf
    part, _, name = column.partition(".")
    return ColumnDrift(
        column=name or part,
        part=part if part in PARTS else "features",  # type: ignore[arg-type]
        distance=distance,
        threshold=threshold,
        drifted=enough and distance > max(threshold, chance),
        reference_rows=expected.rows,
        rows=actual.rows,
        reference=_plain_shares(before),
        window=_plain_shares(now),
    )


def _is_categorical(reference: Distribution) -> bool:
    if reference.kind != "number":
        return True
    items = reference.items()
    few = 0 < len(items) <= _MAX_CATEGORIES
    # Items are counted only where they were few at once: the count of distinct ones tells.
    return few and round(reference.distinct) == len(items)


def _category_bins(
    reference: Distribution, window: Distribution
) -> tuple[dict[str, float], dict[str, float]]:
    known = reference.rows - reference.nulls
    names = [
        name
        for name, count in list(reference.items().items())[:_MAX_CATEGORIES]
        if count >= _MIN_SHARE * known
    ]

    def bins(side: Distribution) -> dict[str, float]:
        items = side.items()
        counts = {_label(name, reference): float(items.get(name, 0)) for name in names}
        rest = side.rows - side.nulls - sum(counts.values())
        return counts | {_OTHER: max(rest, 0.0), _NULL: float(side.nulls)}

    return _used(bins(reference), bins(window))


def _number_bins(
    reference: Distribution, window: Distribution
) -> tuple[dict[str, float], dict[str, float]]:
    edges = _edges(reference)
    names = [
        f"[{low:.6g}, {high:.6g})"
        for low, high in zip([-math.inf, *edges], [*edges, math.inf], strict=True)
    ]

    def bins(side: Distribution) -> dict[str, float]:
        below = [0.0, *side.below(edges), 1.0]
        counts = {
            name: max(high - low, 0.0) * side.numbers
            for name, low, high in zip(names, below[:-1], below[1:], strict=True)
        }
        rest = side.rows - side.nulls - side.numbers  # text where the reference has numbers
        return counts | {_OTHER: float(max(rest, 0)), _NULL: float(side.nulls)}

    return _used(bins(reference), bins(window))


def _edges(reference: Distribution) -> list[float]:
    """The reference's inner deciles; a value that is several of them gets a bin of its own."""
    deciles = reference.quantiles([step / _BINS for step in range(1, _BINS)])
    edges = set(deciles)
    edges |= {
        math.nextafter(low, math.inf) for low, high in itertools.pairwise(deciles) if low == high
    }
    return sorted(edges)


def _used(
    reference: dict[str, float], window: dict[str, float]
) -> tuple[dict[str, float], dict[str, float]]:
    """Both without the bins that are empty in both."""
    names = [name for name in reference if reference[name] or window[name]]
    return {name: reference[name] for name in names}, {name: window[name] for name in names}


def _label(item: str, reference: Distribution) -> str:
    return f"{float(item):.6g}" if reference.kind == "number" else item


def _shares(counts: dict[str, float]) -> dict[str, float]:
    total = sum(counts.values()) + len(counts) / 2
    return {name: (count + 0.5) / total for name, count in counts.items()}


def _plain_shares(counts: dict[str, float]) -> dict[str, float]:
    total = sum(counts.values())
    return {name: count / total if total else 0.0 for name, count in counts.items()}


def _chance(bins: int, reference_rows: int, rows: int) -> float:
    """The index that chance alone passes once in a thousand windows.

    The chi-square quantile is Wilson and Hilferty's approximation (1931).
    """
    freedom = max(bins - 1, 1)
    z = NormalDist().inv_cdf(_CHANCE)
    quantile = freedom * (1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))) ** 3
    return quantile * (1 / reference_rows + 1 / rows)
