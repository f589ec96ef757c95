"""The contract compiled for single rows, in plain Python.

pandera needs milliseconds for one row; a request has microseconds. So each column becomes one
closure whose first line recognises the ordinary value; everything else goes to `judge_of`,
which is the only one that says what a rule means. Checks that only pandera can run are run by
it, once for all rows of a call.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nbprod.config import duration_s
from nbprod.data.row_frames import frame_of
from nbprod.data.row_values import (
    INT64,
    Broken,
    aged,
    bounds_of,
    judge_of,
    kind_of_value,
    matcher,
    moments_of,
    plain,
)
from nbprod.records import ColumnRule, Violation

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.data.custom_checks import CustomChecks

__all__ = ["RowValidator", "frame_of"]  # a request's rows: judged, then made a frame

Row = dict[str, Any]
_MISSING = object()


class RowValidator:
    """Rows, as JSON gives them, judged column by column; built once, used for every request.

    rules: the contract's rules of one part.
    strict: an extra column is a violation; otherwise it is left out of the coerced row.
    custom: the checks that no rule states; without them a rule with ``compiled=False`` is judged
    by type, null, range, categories and pattern alone.
    """

    def __init__(
        self,
        rules: tuple[ColumnRule, ...],
        strict: bool = True,
        custom: CustomChecks | None = None,
    ) -> None:
        self._rules = rules
        self._columns = [(rule.name, _acceptor(rule), rule.required) for rule in rules]
        self._names = frozenset(rule.name for rule in rules)
        self._strict = strict
        self._custom = custom
        self._fresh = [(rule, duration_s(rule.freshness)) for rule in rules if rule.freshness]

    def check(
        self, rows: Sequence[Mapping[str, Any]], *, as_of: datetime | None = None
    ) -> tuple[list[Row | None], list[Violation]]:
        """Each row with its values in the contract's types, None where it breaks a rule.

        Datetimes become `datetime.datetime` (aware ones in UTC), 3.0 becomes 3 for an int
        column, 3 becomes 3.0 for a float one; a missing column that is not required stays out.
        as_of: the moment (with a time zone) at which a row must be fresh; None asks for no
        freshness: rows of the past are judged so, in parity, gates and golden requests.
        """
        good: list[Row | None] = []
        violations: list[Violation] = []
        for number, row in enumerate(rows):
            before = len(violations)
            accepted = self._row(number, row, violations)
            if as_of is not None and self._fresh and len(violations) == before:
                violations.extend(self._stale(number, accepted, as_of))
            good.append(accepted if len(violations) == before else None)
        if self._custom is not None:
            violations += self._hand_written(self._custom, good)
            violations.sort(key=lambda violation: violation.row)
        return good, violations

    def _hand_written(self, custom: CustomChecks, good: list[Row | None]) -> list[Violation]:
        """Rows that break a check of pandera's; they are None in ``good`` afterwards."""
        places = [place for place, row in enumerate(good) if row is not None]
        if not places:
            return []
        frame = frame_of([row for row in good if row is not None], self._rules)
        found = []
        for broken in custom.violations(frame):
            place = places[broken.row]
            value = frame[broken.column].iloc[broken.row] if broken.column else None
            found.append(_violation(place, broken.column, broken.rule, broken.message, value))
        for violation in found:
            good[violation.row] = None
        return found

    def _stale(self, number: int, row: Row, as_of: datetime) -> Iterator[Violation]:
        for rule, seconds in self._fresh:
            moment = row.get(rule.name)
            if moment is None:
                continue
            if moment.tzinfo is None:  # a column without a zone is in UTC
                moment = moment.replace(tzinfo=UTC)
            if (as_of - moment).total_seconds() > seconds:
                yield _violation(number, rule.name, "freshness", aged(rule), row[rule.name])

    def _row(self, number: int, row: Any, violations: list[Violation]) -> Row:
        accepted: Row = {}
        if not isinstance(row, Mapping):
            message = f"a row is an object of columns, not {kind_of_value(row)}"
            violations.append(_violation(number, "", "type", message, row))
            return accepted
        seen = 0
        for name, accept, required in self._columns:
            value = row.get(name, _MISSING)
            if value is _MISSING:
                if required:
                    violations.append(
                        Violation(row=number, column=name, rule="missing", message="is missing")
                    )
                continue
            seen += 1
            try:
                accepted[name] = accept(value)
            except Broken as broken:
                violations.append(_violation(number, name, broken.rule, broken.message, value))
        if self._strict and seen != len(row):
            violations.extend(
                _violation(number, str(name), "extra", "is not in the contract", row[name])
                for name in row
                if name not in self._names
            )
        return accepted


# ---------------------------------------------------------------- one value


def _acceptor(rule: ColumnRule) -> Callable[[Any], Any]:
    """The closure of one column: the ordinary value at once, anything else through `judge_of`."""
    return _ACCEPTORS[rule.dtype](rule, judge_of(rule))


def _accept_int(rule: ColumnRule, judge: Callable[[Any], Any]) -> Callable[[Any], Any]:
    low, high = bounds_of(rule, *INT64)

    def accept(value: Any) -> Any:
        if type(value) is int and low <= value <= high:
            return value
        return judge(value)

    return accept


def _accept_float(rule: ColumnRule, judge: Callable[[Any], Any]) -> Callable[[Any], Any]:
    low, high = bounds_of(rule, -math.inf, math.inf)
    low, high = max(low, -1.7e308), min(high, 1.7e308)  # keeps infinity off the fast path

    def accept(value: Any) -> Any:
        if type(value) is float and low <= value <= high:
            return value
        return judge(value)

    return accept


def _accept_str(rule: ColumnRule, judge: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if rule.pattern is not None:
        return _accept_pattern(rule, judge)
    categories = frozenset(rule.categories) if rule.categories is not None else None

    def accept(value: Any) -> Any:
        if type(value) is str and value.isascii():
            return value
        return judge(value)

    def accept_category(value: Any) -> Any:
        if type(value) is str and value in categories:  # type: ignore[operator]
            return value
        return judge(value)

    return accept if categories is None else accept_category


def _accept_pattern(rule: ColumnRule, judge: Callable[[Any], Any]) -> Callable[[Any], Any]:
    if rule.categories is not None or rule.pattern is None:
        return judge
    match = matcher(rule.pattern)

    def accept(value: Any) -> Any:
        if type(value) is str and value.isascii() and match(value):
            return value
        return judge(value)

    return accept


def _accept_datetime(rule: ColumnRule, judge: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The ordinary texts at once: 2026-01-31T12:00:00, and the same with a Z."""
    zoned, low, high = moments_of(rule)
    length = 20 if zoned else 19
    read = datetime.fromisoformat

    def accept(value: Any) -> Any:
        if (
            type(value) is str
            and len(value) == length
            and value[10] == "T"
            and value[4] == value[7] == "-"
            and value[13] == value[16] == ":"
            and (not zoned or value[19] == "Z")
        ):
            try:
                moment = read(value)
            except ValueError:
                return judge(value)
            if low <= moment <= high:
                return moment
        return judge(value)

    return accept


def _accept_bool(_rule: ColumnRule, judge: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        return value if value is True or value is False else judge(value)

    return accept


_ACCEPTORS: dict[str, Callable[[ColumnRule, Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "int": _accept_int,
    "float": _accept_float,
    "str": _accept_str,
    "bool": _accept_bool,
    "datetime": _accept_datetime,
}


def _violation(row: int, column: str, rule: str, message: str, value: Any) -> Violation:
    return Violation(row=row, column=column, rule=rule, message=message, value=plain(value))
