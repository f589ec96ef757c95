"""Relations between orders of the same rows, their number, and their index."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.data.comparison import Comparison, Difference, compare
from nbprod.parity.calls import Raised, Subject, first, is_numbered
from nbprod.parity.outcome import Outcome
from nbprod.parity.rules import breakage, divergence
from nbprod.parity.shrink import smallest

if TYPE_CHECKING:
    import pandas as pd

    from nbprod.records import Finding

_SINGLES = 150
_PART = 7
_CUTS = 20
# Below this the order of a sum shows, not the order of the rows; it is the batch relation's then.
_NOISE = {"*": "rel:1e-9"}


def pick(rows: pd.DataFrame, count: int = _SINGLES) -> list[int]:
    """Positions of rows to try alone: evenly spread, and each column's null and extremes."""
    import numpy as np

    positions = set(np.linspace(0, len(rows) - 1, min(count, len(rows)), dtype=int).tolist())
    for place in range(rows.shape[1]):
        column = rows.iloc[:, place]
        null = column.isna().to_numpy()
        if null.any():
            positions.add(int(null.argmax()))
        if getattr(column.dtype, "kind", "O") in "iuf" and not null.all():
            values = column.to_numpy(dtype=float, na_value=np.nan)
            positions |= {int(np.nanargmin(values)), int(np.nanargmax(values))}
    return sorted(positions)


# ---------------------------------------------------------------- number of rows


def length(subject: Subject) -> Finding | None:
    """The finding where a call gives more or fewer rows than it was given."""
    if len(subject.base) == len(subject.rows):
        return None
    given, got = len(subject.rows), len(subject.base)
    difference = Difference("rows", "", -1, given, got, float(abs(given - got)), "exact")
    for position in pick(subject.rows):
        try:
            alone = len(subject.at([position]))
        except Raised as raised:
            return breakage(
                subject, "NBP009", raised, where="for one row alone", positions=[position]
            )
        if alone != 1:
            what = "dropped" if alone < 1 else "multiplied"
            hint = "give exactly one row of features for each row: filter rows in nbprod:data"
            where = f"a row is {what}, so that a caller gets no answer for it"
            return divergence(
                subject,
                "NBP009",
                difference,
                columns=[],
                where=where,
                positions=[position],
                hint=hint,
            )
    return divergence(
        subject, "NBP002", difference, columns=[], where="though each row alone gives one row"
    )


# ---------------------------------------------------------------- order


def order(subject: Subject) -> Outcome:
    """Shuffled rows give the same features, shuffled (NBP003)."""
    import numpy as np

    outcome = Outcome("order", rows=len(subject.rows))
    count = len(subject.rows)
    if count < 2:
        return outcome.not_needed("one row has no order")
    for permutation in (list(range(count))[::-1], np.random.default_rng(0).permutation(count)):
        positions = [int(place) for place in permutation]
        try:
            shuffled = subject.at(positions)
        except Raised as raised:
            finding = breakage(subject, "NBP003", raised, where="when the rows are shuffled")
            outcome.findings.append(finding)
            return outcome
        found = _material(subject, subject.base.iloc[positions].reset_index(drop=True), shuffled)
        if found.differences:
            outcome.findings.append(_order_finding(subject, found, positions))
    return outcome


def _material(subject: Subject, expected: pd.DataFrame, actual: pd.DataFrame) -> Comparison:
    """Values that differ by more than the noise of summing in another order."""
    within = subject.compare(expected, actual)
    coarse = compare(expected, actual, _NOISE).columns
    kept = [d for d in within.differences if d.column in coarse and d.kind == "value"]
    return Comparison(within.distances, tuple(kept))


def _order_finding(subject: Subject, found: Comparison, positions: list[int]) -> Finding:
    difference = first(found)
    column = difference.column

    def shows(places: list[int]) -> bool:
        try:
            there, back = subject.at(places), subject.at(places[::-1])
        except Raised:
            return False
        return column in compare(there[::-1].reset_index(drop=True), back, _NOISE).columns

    ordered = sorted(positions)
    shrunk = smallest(ordered, shows) if shows(ordered) else ordered
    where = f"when {len(shrunk)} rows come in another order"
    return divergence(
        subject, "NBP003", difference, columns=sorted(found.columns), where=where, positions=shrunk
    )


# ---------------------------------------------------------------- index


def index(subject: Subject) -> Finding | None:
    """The finding where the rows' index, which no request has, changes the features (NBP006).

    Otherwise the rows are numbered from zero from here on, as a request's rows are.
    """
    reset = subject.rows.reset_index(drop=True)
    if subject.rows.index.equals(reset.index):
        return None
    hint = "read the value from a column: the index does not travel to the service"
    try:
        found = subject.compare(subject.base, subject.features(reset))
    except Raised as raised:
        where = "when the rows come without their index, as a request's do"
        return breakage(subject, "NBP006", raised, where=where, hint=hint)
    if not found.differences:
        subject.rows = reset
        return None
    finding = divergence(
        subject,
        "NBP006",
        first(found),
        columns=sorted(found.columns),
        where="when the rows come without their index, as a request's do",
        positions=[max(first(found).row, 0)],
        hint=hint,
    )
    if is_numbered(subject.rows):
        subject.rows = reset
        subject.rebase()
    return finding
