"""What no caller can send: the label, what is derived from it, and the rows of the future."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.data.comparison import Comparison, Difference
from nbprod.parity.calls import Raised, Subject, first, is_numbered
from nbprod.parity.outcome import Outcome
from nbprod.parity.rules import breakage, divergence
from nbprod.parity.shrink import smallest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from nbprod.records import Finding

_CUTS = 20
_DEALS = 3
_NEAR = 8  # a window over more than this part of the rows is the batch relation's


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
    sides = _Sides(subject.rows, subject.base, moments)
    try:
        before = sides.before(subject)
        columns = _ahead(subject, time, sides, before) if before else []
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


def _ahead(
    subject: Subject, time: str, sides: _Sides, before: dict[str, tuple[Difference, int]]
) -> list[str]:
    """The columns that look ahead: what moves without the later rows but not without the earlier
    ones, and what moves with its nearest neighbours in time alone, as a centred window does."""
    after = sides.after(subject)
    found = []
    for name in sorted(before):
        one_way = name not in after and _dealt_too(subject, time, sides.moments, name)
        if one_way or (name in after and sides.near_only(subject, name)):
            found.append(name)
    return found


@dataclass(frozen=True)
class _Sides:
    """Rows, their features, and moments at which they are cut into earlier and later ones."""

    rows: pd.DataFrame
    base: pd.DataFrame
    moments: pd.DatetimeIndex

    def before(self, subject: Subject) -> dict[str, tuple[Difference, int]]:
        """What moves in earlier rows without the later ones, and the row where it does."""
        found: dict[str, tuple[Difference, int]] = {}
        for earlier, _ in self._cuts():
            for difference in _without(subject, self.rows, self.base, earlier):
                row = earlier[max(difference.row, 0)]
                found.setdefault(difference.column, (difference, row))
        return found

    def after(self, subject: Subject) -> set[str]:
        """What moves in later rows without the earlier ones."""
        return {
            difference.column
            for _, later in self._cuts()
            for difference in _without(subject, self.rows, self.base, later)
        }

    def near_only(self, subject: Subject, column: str) -> bool:
        """Whether a cut moves no row but a few beside it, and on both of its sides."""
        import numpy as np

        seen = set()
        order = np.argsort(self.moments.to_numpy(), kind="stable")
        near = max(2, len(order) // _NEAR)
        for place in np.linspace(0, len(order), 6, dtype=int)[1:-1].tolist():
            for side, part in (("earlier", order[:place]), ("later", order[place:])):
                positions = sorted(part.tolist())
                beside = set((part[-near:] if side == "earlier" else part[:near]).tolist())
                moved = {positions[row] for row in _moved(subject, self, positions, column)}
                if not moved <= beside:
                    return False
                seen |= {side} if moved else set()
        return seen == {"earlier", "later"}

    def _cuts(self) -> Iterator[tuple[list[int], list[int]]]:
        import numpy as np
        import pandas as pd

        rows, moments = self.rows, self.moments
        cuts = set(np.linspace(0, len(rows) - 1, min(_CUTS, len(rows)), dtype=int).tolist())
        cuts |= {int(rows[name].isna().to_numpy().argmax()) for name in rows.columns}
        for place in sorted(cuts):
            if not pd.isna(moments[place]):
                earlier = np.flatnonzero(moments <= moments[place]).tolist()
                yield earlier, np.flatnonzero(moments >= moments[place]).tolist()


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
        if column in _Sides(rows, subject.features(rows), moments).after(subject):
            return False
    return True


def _without(
    subject: Subject, rows: pd.DataFrame, base: pd.DataFrame, positions: list[int]
) -> list[Difference]:
    """Where these rows without the others differ from these rows among all: values only."""
    if len(positions) == len(rows):
        return []
    part = _numbered(rows.iloc[positions], rows)
    found = subject.compare(base.iloc[positions].reset_index(drop=True), subject.features(part))
    return [d for d in found.differences if d.kind == "value"]


def _numbered(part: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    return part.reset_index(drop=True) if is_numbered(rows) else part


def _moved(subject: Subject, sides: _Sides, positions: list[int], column: str) -> list[int]:
    """The places among these positions at which a column has another value without the rest."""
    found = []
    base = sides.base.iloc[positions].reset_index(drop=True)
    part = _numbered(sides.rows.iloc[positions], sides.rows)
    alone = subject.features(part)
    if len(alone) != len(base) or column not in alone.columns:
        return list(range(len(positions)))
    for place in range(len(positions)):
        one = base[[column]].iloc[[place]], alone[[column]].iloc[[place]]
        frames = [frame.reset_index(drop=True) for frame in one]
        if any(d.kind == "value" for d in subject.compare(frames[0], frames[1]).differences):
            found.append(place)
    return found


def _shrunk_future(subject: Subject, column: str, row: int, later: list[int]) -> list[int]:
    def shows(places: list[int]) -> bool:
        try:
            alone, among = subject.at([row]), subject.at([row, *places])
        except Raised:
            return False
        return column in subject.compare(alone, among.iloc[[0]].reset_index(drop=True)).columns

    return [row, *(smallest(later, shows) if shows(later) else [])]
