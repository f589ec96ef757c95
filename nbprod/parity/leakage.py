"""What no caller can send: the label, what is derived from it, and the rows of the future."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.data.comparison import Comparison, Difference
from nbprod.parity.calls import Raised, Subject, first, is_numbered
from nbprod.parity.outcome import Outcome
from nbprod.parity.rules import breakage, divergence
from nbprod.parity.shrink import smallest

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from nbprod.records import Finding

_CUTS = 20
_DEALS = 3


def labels(subject: Subject, names: Sequence[str]) -> Outcome:
    """Without the label and what is known only afterwards, features stay the same (NBP011)."""
    outcome = Outcome("leakage", rows=len(subject.rows))
    present = [name for name in names if name in subject.rows.columns]
    if len(present) > 1 and _unmoved(subject, present):
        return outcome
    for name in present:
        outcome.findings.extend(_label(subject, name))
    return outcome


def _unmoved(subject: Subject, names: list[str]) -> bool:
    """Whether the features are the same without all of these columns."""
    try:
        without = subject.features(subject.rows.drop(columns=names))
    except Raised:
        return False
    return not subject.compare(subject.base, without).differences


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
                raised,
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
    import numpy as np
    import pandas as pd

    outcome = Outcome("leakage", rows=len(subject.rows))
    try:
        moments = pd.DatetimeIndex(pd.to_datetime(subject.rows[time], utc=True))
    except (ValueError, TypeError) as error:
        return outcome.impossible(f"column {time!r} holds no dates: {error}")
    if moments.nunique() < 2:
        return outcome.not_needed(f"column {time!r} has one moment only")
    try:
        before, after = _sides(subject, subject.rows, subject.base, moments)
        columns = sorted(set(before) - after)
        columns = [name for name in columns if _dealt_too(subject, time, moments, name)]
    except Raised:  # the batch relation tells it
        return outcome
    if columns:
        difference, row = before[columns[0]]
        later = np.flatnonzero(moments > moments[row]).tolist()
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


def _sides(
    subject: Subject, rows: pd.DataFrame, base: pd.DataFrame, moments: pd.DatetimeIndex
) -> tuple[dict[str, tuple[Difference, int]], set[str]]:
    """What moves in earlier rows without the later ones, and in later rows without the earlier."""
    import numpy as np
    import pandas as pd

    before: dict[str, tuple[Difference, int]] = {}
    after: set[str] = set()
    cuts = set(np.linspace(0, len(rows) - 1, min(_CUTS, len(rows)), dtype=int).tolist())
    cuts |= {int(rows[name].isna().to_numpy().argmax()) for name in rows.columns}
    for place in sorted(cuts):
        if pd.isna(moments[place]):
            continue
        earlier = np.flatnonzero(moments <= moments[place]).tolist()
        later = np.flatnonzero(moments >= moments[place]).tolist()
        for difference in _without(subject, rows, base, earlier):
            row = earlier[max(difference.row, 0)]
            before.setdefault(difference.column, (difference, row))
        after |= {item.column for item in _without(subject, rows, base, later)}
    return before, after


def _dealt_too(subject: Subject, time: str, moments: pd.DatetimeIndex, column: str) -> bool:
    """Whether a column looks ahead, too, where the same rows are dealt to other times.

    A largest value that happens to come last looks ahead in one order of the rows; what reads
    the future does in all.
    """
    import numpy as np

    for seed in range(_DEALS):
        order = np.random.default_rng(seed).permutation(len(subject.rows))
        rows = subject.rows.iloc[order].set_axis(subject.rows.index)
        rows[time] = subject.rows[time].array
        _, after = _sides(subject, rows, subject.features(rows), moments)
        if column in after:
            return False
    return True


def _without(
    subject: Subject, rows: pd.DataFrame, base: pd.DataFrame, positions: list[int]
) -> list[Difference]:
    """Where these rows without the others differ from these rows among all: values only."""
    if len(positions) == len(rows):
        return []
    part = rows.iloc[positions]
    part = part.reset_index(drop=True) if is_numbered(rows) else part
    found = subject.compare(base.iloc[positions].reset_index(drop=True), subject.features(part))
    return [d for d in found.differences if d.kind == "value"]


def _shrunk_future(subject: Subject, column: str, row: int, later: list[int]) -> list[int]:
    def shows(places: list[int]) -> bool:
        try:
            alone, among = subject.at([row]), subject.at([row, *places])
        except Raised:
            return False
        return column in subject.compare(alone, among.iloc[[0]].reset_index(drop=True)).columns

    return [row, *(smallest(later, shows) if shows(later) else [])]
