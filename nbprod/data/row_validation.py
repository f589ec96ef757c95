"""The contract compiled for single rows, in plain Python.

pandera needs milliseconds for one row; a request has microseconds. So each column becomes one
closure whose first line recognises the ordinary value; everything else goes to `judge_of`,
which is the only one that says what a rule means.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nbprod.data.row_frames import frame_of
from nbprod.data.row_values import INT64, Broken, bounds_of, judge_of, kind_of_value, plain
from nbprod.records import ColumnRule, Violation

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["RowValidator", "frame_of"]  # a request's rows: judged, then made a frame

Row = dict[str, Any]
_MISSING = object()


class RowValidator:
    """Rows, as JSON gives them, judged column by column; built once, used for every request.

    rules: the contract's rules of one part.
    strict: an extra column is a violation; otherwise it is left out of the coerced row.
    A rule with ``compiled=False`` is judged by what this class can run: type, null, range,
    categories, pattern; its custom check only pandera can run.
    """

    def __init__(self, rules: tuple[ColumnRule, ...], strict: bool = True) -> None:
        self._columns = [(rule.name, _acceptor(rule), rule.required) for rule in rules]
        self._names = frozenset(rule.name for rule in rules)
        self._strict = strict

    def check(self, rows: Sequence[Mapping[str, Any]]) -> tuple[list[Row | None], list[Violation]]:
        """Each row with its values in the contract's types, None where it breaks a rule.

        Datetimes become `datetime.datetime` (aware ones in UTC), 3.0 becomes 3 for an int
        column, 3 becomes 3.0 for a float one; a missing column that is not required stays out.
        """
        good: list[Row | None] = []
        violations: list[Violation] = []
        for number, row in enumerate(rows):
            before = len(violations)
            accepted = self._row(number, row, violations)
            good.append(accepted if len(violations) == before else None)
        return good, violations

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
    judge = judge_of(rule)
    make = _ACCEPTORS.get(rule.dtype)
    return make(rule, judge) if make else judge


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
        return judge
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


def _accept_bool(_rule: ColumnRule, judge: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        return value if value is True or value is False else judge(value)

    return accept


_ACCEPTORS: dict[str, Callable[[ColumnRule, Callable[[Any], Any]], Callable[[Any], Any]]] = {
    "int": _accept_int,
    "float": _accept_float,
    "str": _accept_str,
    "bool": _accept_bool,
}


def _violation(row: int, column: str, rule: str, message: str, value: Any) -> Violation:
    return Violation(row=row, column=column, rule=rule, message=message, value=plain(value))
