"""What no caller can send: the label, what is derived from it, and the rows of the future."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.data.comparison import Comparison, Difference
from nbprod.parity.calls import Raised, Subject, first
from nbprod.parity.outcome import Outcome
from nbprod.parity.relations import pick
from nbprod.parity.rules import breakage, divergence
from nbprod.parity.shrink import smallest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.records import Finding

_CUTS = 20


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
    before: dict[str, tuple[Difference, int]] = {}
    after: set[str] = set()
    try:
        for place in pick(subject.rows, _CUTS):
            if pd.isna(moments[place]):
                continue
            earlier = np.flatnonzero(moments <= moments[place]).tolist()
            later = np.flatnonzero(moments >= moments[place]).tolist()
            for difference in _without(subject, earlier):
                row = earlier[max(difference.row, 0)]
                before.setdefault(difference.column, (difference, row))
            after |= {difference.column for difference in _without(subject, later)}
    except Raised:  # the batch relation tells it
        return outcome
    columns = sorted(set(before) - after)
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


def _without(subject: Subject, positions: list[int]) -> list[Difference]:
    """Where these rows without the others differ from these rows among all: values only."""
    if len(positions) == len(subject.rows):
        return []
    base = subject.base.iloc[positions].reset_index(drop=True)
    found = subject.compare(base, subject.at(positions))
    return [d for d in found.differences if d.kind == "value"]


def _shrunk_future(subject: Subject, column: str, row: int, later: list[int]) -> list[int]:
    def shows(places: list[int]) -> bool:
        try:
            alone, among = subject.at([row]), subject.at([row, *places])
        except Raised:
            return False
        return column in subject.compare(alone, among.iloc[[0]].reset_index(drop=True)).columns

    return [row, *(smallest(later, shows) if shows(later) else [])]
