"""Relations between batches of the same rows: alone, in parts, in another order, without some."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.data.comparison import Comparison, Difference, compare
from nbprod.parity.calls import Raised, Subject, first, is_numbered
from nbprod.parity.outcome import Outcome
from nbprod.parity.rules import breakage, divergence
from nbprod.parity.shrink import smallest

if TYPE_CHECKING:
    from collections.abc import Sequence

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
                subject, "NBP009", raised.text, where="for one row alone", positions=[position]
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
            finding = breakage(subject, "NBP003", raised.text, where="when the rows are shuffled")
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


# ---------------------------------------------------------------- batch


def batch(subject: Subject) -> tuple[Outcome, Outcome]:
    """Each row alone, and in parts, gives what it gives among all (NBP002, NBP007)."""
    values, columns = Outcome("batch"), Outcome("columns")
    picks = pick(subject.rows)
    values.rows = columns.rows = len(picks)
    # kind of difference -> column -> where it was first seen
    moved: dict[str, tuple[Difference, list[int]]] = {}
    shape: dict[str, tuple[Difference, list[int]]] = {}
    alone = [[place] for place in picks] if len(subject.rows) > 1 else []
    for part in [*alone, *_parts(len(subject.rows))]:
        try:
            features = subject.at(part)
        except Raised as raised:
            if not values.findings:
                values.findings.append(_raised_alone(subject, part, raised))
            continue
        found = subject.compare(subject.base.iloc[part].reset_index(drop=True), features)
        for difference in found.differences:
            kind = shape if difference.kind in ("dtype", "order") else moved
            kind.setdefault(difference.column, (difference, part))
    if moved:
        values.findings.append(_batch_finding(subject, moved))
    if only := {name: place for name, place in shape.items() if name not in moved}:
        columns.findings.append(_shape_finding(subject, only))
    return values, columns


def _parts(count: int) -> list[list[int]]:
    """All rows in parts of a few, and in halves."""
    if count < 4:
        return []
    limit = min(count, _PART * 30)
    few = [list(range(start, min(start + _PART, limit))) for start in range(0, limit, _PART)]
    return [*few, list(range(count // 2)), list(range(count // 2, count))]


def _raised_alone(subject: Subject, part: list[int], raised: Raised) -> Finding:
    size = "for one row alone" if len(part) == 1 else f"for {len(part)} of the rows"
    return breakage(
        subject, "NBP002", raised.text, where=f"{size}, not for all of them", positions=part[:1]
    )


def _batch_finding(subject: Subject, moved: dict[str, tuple[Difference, list[int]]]) -> Finding:
    column, (difference, part) = next(iter(moved.items()))
    row = part[max(difference.row, 0)]

    def shows(others: list[int]) -> bool:
        try:
            alone, among = subject.at([row]), subject.at([row, *others])
        except Raised:
            return False
        return column in subject.compare(alone, among.iloc[[0]].reset_index(drop=True)).columns

    others = [place for place in range(len(subject.rows)) if place != row]
    neighbours = smallest(others, shows) if shows(others) else []
    actual = "alone" if len(part) == 1 else f"in a batch of {len(part)}"
    return divergence(
        subject,
        "NBP002",
        difference,
        columns=list(moved),
        where=f"for row {row}, among all rows and {actual}",
        positions=[row, *neighbours],
    )


def _shape_finding(subject: Subject, shape: dict[str, tuple[Difference, list[int]]]) -> Finding:
    difference, part = next(iter(shape.values()))
    where = f"in a batch of all rows and of {len(part)}"
    return divergence(
        subject, "NBP007", difference, columns=list(shape), where=where, positions=part
    )


# ---------------------------------------------------------------- leakage


def labels(subject: Subject, names: Sequence[str]) -> Outcome:
    """Without the label and what is known only afterwards, features stay the same (NBP011)."""
    outcome = Outcome("leakage", rows=len(subject.rows))
    present = [name for name in names if name in subject.rows.columns]
    for name in present:
        outcome.findings.extend(_label(subject, name))
    return outcome


def _label(subject: Subject, name: str) -> list[Finding]:
    import numpy as np

    without = subject.rows.drop(columns=[name])
    try:
        found = subject.compare(subject.base, subject.features(without))
    except Raised as raised:
        other = subject.rows.copy()
        order = np.random.default_rng(0).permutation(len(other))
        other[name] = other[name].iloc[order].to_numpy()
        try:
            found = subject.compare(subject.base, subject.features(other))
        except Raised:
            found = Comparison((), ())
        moved = sorted(found.columns)
        subject.explained.update(moved)
        reads = (
            f"reads {name!r}: {', '.join(moved[:3])} moves with it" if moved else f"needs {name!r}"
        )
        return [
            breakage(
                subject,
                "NBP011",
                raised.text,
                where=f"without column {name!r}, which serving does not have (it {reads})",
                column=name,
                columns=moved,
                leaked=name,
            )
        ]
    if not found.differences:
        return []
    where = f"with and without column {name!r}, which serving does not have"
    columns = sorted(found.columns)
    return [divergence(subject, "NBP011", first(found), columns=columns, where=where, leaked=name)]


def future(subject: Subject, time: str) -> Outcome:
    """Rows after a moment do not move the features of rows before it (NBP011)."""
    import pandas as pd

    outcome = Outcome("leakage", rows=len(subject.rows))
    try:
        moments = pd.DatetimeIndex(pd.to_datetime(subject.rows[time], utc=True))
    except (ValueError, TypeError) as error:
        return outcome.impossible(f"column {time!r} holds no dates: {error}")
    if moments.nunique() < 2:
        return outcome.not_needed(f"column {time!r} has one moment only")
    before: dict[str, tuple[Difference, int]] = {}
    after: set[str] = set()
    try:
        for place in pick(subject.rows, _CUTS):
            if pd.isna(moments[place]):
                continue
            earlier = [i for i, moment in enumerate(moments) if moment <= moments[place]]
            later = [i for i, moment in enumerate(moments) if moment >= moments[place]]
            for difference in _without(subject, earlier):
                row = earlier[max(difference.row, 0)]
                before.setdefault(difference.column, (difference, row))
            after |= {difference.column for difference in _without(subject, later)}
    except Raised:  # the batch relation tells it
        return outcome
    columns = sorted(set(before) - after)
    if columns:
        difference, row = before[columns[0]]
        later = [i for i, moment in enumerate(moments) if moment > moments[row]]
        outcome.findings.append(
            divergence(
                subject,
                "NBP011",
                difference,
                columns=columns,
                where=f"for row {row}, with and without the rows after its time",
                positions=_shrunk_future(subject, difference.column, row, later),
            )
        )
    return outcome


def _without(subject: Subject, positions: list[int]) -> list[Difference]:
    """Where these rows without the others differ from these rows among all: values only."""
    if len(positions) == len(subject.rows):
        return []
    base = subject.base.iloc[positions].reset_index(drop=True)
    found = subject.compare(base, subject.at(positions))
    return [d for d in found.differences if d.kind in ("value", "missing", "extra")]


def _shrunk_future(subject: Subject, column: str, row: int, later: list[int]) -> list[int]:
    def shows(places: list[int]) -> bool:
        try:
            alone, among = subject.at([row]), subject.at([row, *places])
        except Raised:
            return False
        return column in subject.compare(alone, among.iloc[[0]].reset_index(drop=True)).columns

    return [row, *(smallest(later, shows) if shows(later) else [])]


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
        return breakage(subject, "NBP006", raised.text, where=where, hint=hint)
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
