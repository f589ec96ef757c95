"""The contract compiled for many rows: each column judged at once, while nothing is unusual.

A batch of good rows is the ordinary case. Whatever is not plainly good (a wrong type, a value out
of bounds, a missing or an extra column) is left to `RowValidator`, which says what is wrong with
which row: this class only ever says yes.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from nbprod.data.row_values import INT64, Broken, bounds_of, judge_of, moments_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbprod.data.plain_columns import PlainColumns
    from nbprod.records import ColumnRule

_KEPT = 100  # getters, one for each choice of optional columns: callers could make up millions
_FEW = 4  # rows below which looking at them one by one is not slower
# Moments as most callers write them, one a line; every other way is looked at one by one.
_MOMENT = r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
_NAIVE = re.compile(rf"(?:{_MOMENT}\n)*")
_ZONED = re.compile(rf"(?:{_MOMENT}(?:Z|[+-][0-9]{{2}}:[0-9]{{2}})\n)*")


class ColumnValidator:
    """Rows as JSON gives them, turned into columns of the contract's types; built once.

    rules, strict: as `RowValidator` takes them.
    """

    def __init__(self, rules: tuple[ColumnRule, ...], strict: bool = True) -> None:
        self._judges = {rule.name: _column_judge(rule) for rule in rules}
        self._required = frozenset(rule.name for rule in rules if rule.required)
        self._strict = strict
        self._getters: dict[tuple[str, ...], Callable[[Mapping[str, Any]], tuple[Any, ...]]] = {}

    def columns(self, rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]] | None:
        """The columns of the rows, or None where one value at least needs a closer look.

        A column that may be left out is left out by all rows, and then null, or by none.
        """
        if len(rows) < _FEW or set(map(type, rows)) != {dict}:
            return None
        there = tuple(name for name in self._judges if name in rows[0])
        if not there or not self._required.issubset(there):
            return None
        if self._strict and sum(map(len, rows)) != len(rows) * len(there):
            return None
        absent = [name for name in self._judges if name not in rows[0]]
        if not self._strict and any(name in row for name in absent for row in rows):
            return None
        getter = self._getters.get(there)
        if getter is None:
            getter = _getter(there)
            if len(self._getters) < _KEPT:
                self._getters[there] = getter
        try:
            values = map(list, zip(*map(getter, rows), strict=True))
            return self._judged(dict(zip(there, values, strict=True)), len(rows))
        except (KeyError, TypeError, OverflowError, Broken):
            return None

    def accepts(self, whole: PlainColumns) -> bool:
        """Whether every value of columns is plainly good; False wants a closer look at the rows."""
        if self._strict and not self._judges.keys() >= whole.columns.keys():
            return False
        try:
            return self._judged(whole.columns, whole.height) is not None
        except (TypeError, OverflowError, Broken):
            return False

    def _judged(self, values: Mapping[str, list[Any]], height: int) -> dict[str, list[Any]] | None:
        """Each column in the contract's type, null where it is left out; None where it must not."""
        if not self._required <= values.keys():
            return None
        return {
            name: judge(values[name]) if name in values else [None] * height
            for name, judge in self._judges.items()
        }


def _getter(names: tuple[str, ...]) -> Callable[[Mapping[str, Any]], tuple[Any, ...]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda row: (row[names[0]],)


def _column_judge(rule: ColumnRule) -> Callable[[list[Any]], list[Any]]:
    """The values of one column in the contract's type; Broken where one is not plainly good."""
    make = {"int": _ints, "float": _floats, "str": _texts, "bool": _bools}.get(rule.dtype, _moments)
    judge = make(rule)
    if not rule.nullable:
        return judge

    def nullable(values: list[Any]) -> list[Any]:
        if None not in values:
            return judge(values)
        good = iter(judge([value for value in values if value is not None]))
        return [None if value is None else next(good) for value in values]

    return nullable


def _ints(rule: ColumnRule) -> Callable[[list[Any]], list[Any]]:
    low, high = bounds_of(rule, *INT64)

    def judge(values: list[Any]) -> list[Any]:
        _only(values, {int})
        if values and not (low <= min(values) and max(values) <= high):
            raise Broken("range", "")
        return values

    return judge


def _floats(rule: ColumnRule) -> Callable[[list[Any]], list[Any]]:
    low, high = bounds_of(rule, -math.inf, math.inf)
    low, high = max(low, -1.7e308), min(high, 1.7e308)  # infinity is never plainly good

    def judge(values: list[Any]) -> list[Any]:
        kinds = set(map(type, values))
        if kinds != {float}:
            if not kinds <= {float, int}:
                raise Broken("type", "")
            values = list(map(float, values))
        # NaN compares false with everything, so it hides from min and max, but not in a sum.
        if values and not (low <= min(values) and max(values) <= high):
            raise Broken("range", "")
        if math.isnan(math.fsum(values)):
            raise Broken("null", "")
        return values

    return judge


def _texts(rule: ColumnRule) -> Callable[[list[Any]], list[Any]]:
    categories = frozenset(rule.categories) if rule.categories is not None else None
    one = judge_of(rule)

    def judge(values: list[Any]) -> list[Any]:
        _only(values, {str})
        different = set(values)
        if rule.pattern is None:
            if categories is not None and different <= categories:
                return values
            if categories is None and "".join(different).isascii():
                return values
        for value in different:
            one(value)
        return values

    return judge


def _bools(_rule: ColumnRule) -> Callable[[list[Any]], list[Any]]:
    def judge(values: list[Any]) -> list[Any]:
        _only(values, {bool})
        return values

    return judge


def _moments(rule: ColumnRule) -> Callable[[list[Any]], list[Any]]:
    one = judge_of(rule)
    zoned, first, last = moments_of(rule)
    plain = _ZONED if zoned else _NAIVE

    def judge(values: list[Any]) -> list[Any]:
        _only(values, {str})
        if plain.fullmatch("\n".join(values) + "\n"):
            moments = _read(values, zoned)
            if moments and first <= min(moments) and max(moments) <= last:
                return moments
        known = {value: one(value) for value in set(values)}
        return [known[value] for value in values]

    return judge


def _read(values: list[str], zoned: bool) -> list[datetime]:
    """The moments, in UTC where they have a zone; empty where one is none."""
    try:
        moments = list(map(datetime.fromisoformat, values))
    except ValueError:
        return []
    if not zoned:
        return moments
    return [moment if moment.tzinfo is UTC else moment.astimezone(UTC) for moment in moments]


def _only(values: list[Any], kinds: set[type]) -> None:
    if not set(map(type, values)) <= kinds:
        raise Broken("type", "")
