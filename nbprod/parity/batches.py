"""Each row alone, twice, and in parts: what its neighbours change (NBP002, NBP007, NBP009)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.data.comparison import UNMEASURABLE, Difference, kind_of_dtype
from nbprod.parity.calls import Raised, Subject
from nbprod.parity.outcome import Outcome
from nbprod.parity.relations import pick
from nbprod.parity.rules import breakage, divergence
from nbprod.parity.shrink import smallest

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

    from nbprod.records import Finding

_PART = 7
_MOST_CODES = 30  # so few different floats are codes: a sex of 1.0 or 2.0
_MOST_VALUES = 1000  # texts of a column that may stand in a feature's name
_WORD = re.compile(r"\w+")
Seen = dict[str, tuple[Difference, list[int]]]  # column -> the first difference, and its part


@dataclass
class _Sight:
    """What was seen in the parts, by the kind of difference."""

    values: Seen = field(default_factory=dict)  # other values
    names: Seen = field(default_factory=dict)  # columns that come and go
    shape: Seen = field(default_factory=dict)  # other dtypes, another order
    rows: Seen = field(default_factory=dict)  # another number of rows
    raised: list[tuple[list[int], Raised]] = field(default_factory=list)

    def add(self, difference: Difference, part: list[int]) -> None:
        kinds = {"missing": self.names, "extra": self.names, "rows": self.rows}
        kinds |= {"dtype": self.shape, "order": self.shape}
        kinds.get(difference.kind, self.values).setdefault(difference.column, (difference, part))

    def alone_only(self) -> bool:
        """Whether nothing but rows that came alone fared otherwise."""
        parts = [part for part, _ in self.raised] + [part for _, part in self.rows.values()]
        return not self.values and not self.names and all(len(part) == 1 for part in parts)


def batch(subject: Subject) -> tuple[Outcome, Outcome]:
    """Each row alone, twice, and in parts, gives what it gives among all."""
    values, columns = Outcome("batch"), Outcome("columns")
    picks = pick(subject.rows)
    values.rows = columns.rows = len(picks)
    sight = _Sight()
    for part in _parts(len(subject.rows), picks):
        try:
            features = subject.at(part)
        except Raised as raised:
            sight.raised.append((part, raised))
            continue
        base = subject.base.iloc[part].reset_index(drop=True)
        for difference in (*subject.compare(base, features).differences, *_widths(base, features)):
            if difference.column not in subject.explained:
                sight.add(difference, part)
    _judge(subject, sight, values, columns)
    return values, columns


def _parts(count: int, picks: list[int]) -> Iterable[list[int]]:
    """Rows alone, one of them twice, all of them in parts of a few, and in halves."""
    if count < 2:
        return []
    parts = [[place] for place in picks] + [[picks[0], picks[0]]]
    if count >= 4:
        limit = min(count, _PART * 30)
        parts += [list(range(start, min(start + _PART, limit))) for start in range(0, limit, _PART)]
        parts += [list(range(count // 2)), list(range(count // 2, count))]
    return parts


def _widths(expected: pd.DataFrame, actual: pd.DataFrame) -> list[Difference]:
    """Numbers of another width: `to_numeric(downcast=…)` over another batch."""
    import numpy as np

    found = []
    for name in expected.columns.intersection(actual.columns):
        one, other = expected[name].dtype, actual[name].dtype
        both = isinstance(one, np.dtype) and isinstance(other, np.dtype)
        if both and one.kind == other.kind and one.kind in "iuf" and one != other:
            kinds = str(one), str(other)
            found.append(
                Difference("dtype", str(name), -1, *kinds, UNMEASURABLE, "exact", len(expected))
            )
    return found


# ---------------------------------------------------------------- one finding a cause


def _judge(subject: Subject, sight: _Sight, values: Outcome, columns: Outcome) -> None:
    """One finding for the values, one for names and types; one for a row that stands alone."""
    if sight.alone_only() and (sight.raised or sight.rows):
        subject.breaks_alone = True
        if sight.raised or set(map(str, subject.base.columns)) - subject.explained:
            values.findings.append(_alone(subject, sight))
        else:
            values.failed, values.reason = True, "see the findings: no feature is left to compare"
    elif sight.raised:
        part, raised = sight.raised[0]
        size = "for one row alone" if len(part) == 1 else f"for {len(part)} of the rows"
        where = f"{size}, not for all of them"
        values.findings.append(breakage(subject, "NBP002", raised, where=where, positions=part[:1]))
    moved = {**sight.values}
    if not sight.alone_only():
        moved |= sight.rows
    if moved or _made_of_rows(subject, list(sight.names)):
        moved |= sight.names
        values.findings.append(_moved(subject, moved))
        sight.names.clear()
    shape = {**sight.names, **sight.shape}
    if only := {name: seen for name, seen in shape.items() if name not in moved}:
        difference, part = next(iter(only.values()))
        where = f"in a batch of all rows and of {len(part)}"
        columns.findings.append(
            divergence(
                subject, "NBP007", difference, columns=list(only), where=where, positions=part
            )
        )


def _alone(subject: Subject, sight: _Sight) -> Finding:
    """The finding where a row breaks only when it is the only one: `.squeeze()`, `.item()`."""
    hint = "keep the frame two-dimensional: no squeeze(), no item(), no len(frame) > 1"
    where = "for a batch of one row, not for larger ones"
    if sight.raised:
        part, raised = sight.raised[0]
        return breakage(
            subject, "NBP009", raised, where=where, positions=part, hint=hint, edge="one row"
        )
    difference, part = next(iter(sight.rows.values()))
    return divergence(
        subject,
        "NBP009",
        difference,
        columns=[],
        where=where,
        positions=part,
        hint=hint,
        edge="one row",
    )


def _made_of_rows(subject: Subject, names: list[str]) -> bool:
    """Whether features that come and go are named after what the rows hold: values or words."""
    if any(_made_of_values(subject, name) for name in names):
        return True
    words = _words(subject) if names else set()
    return bool(words) and all({name, name.rpartition("_")[2]} & words for name in names)


def _words(subject: Subject) -> set[str]:
    """The words in the rows' texts, as they are and in small letters."""
    words: set[str] = set()
    for place in range(subject.rows.shape[1]):
        column = subject.rows.iloc[:, place]
        if kind_of_dtype(column) == "text":
            for text in column.dropna().iloc[:_MOST_VALUES]:
                words |= {word for part in _WORD.findall(text) for word in (part, part.lower())}
                words |= {word for part in text.split() for word in (part, part.lower())}
    return words


def _made_of_values(subject: Subject, name: str) -> bool:
    """Whether a feature's name holds a value of the rows, as `get_dummies` makes it."""
    if name in subject.rows.columns:
        return False
    for place in range(subject.rows.shape[1]):
        column = subject.rows.iloc[:, place]
        kind = getattr(column.dtype, "kind", "O")
        if kind == "M":
            continue
        try:
            known = column.dropna().unique()[:_MOST_VALUES]
        except TypeError:  # cells that are lists
            continue
        if kind == "f" and len(known) > _MOST_CODES:  # measured, not counted out
            continue
        if any(name == str(value) or name.endswith(f"_{value}") for value in known):
            return True
    return False


def _moved(subject: Subject, moved: Seen) -> Finding:
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
