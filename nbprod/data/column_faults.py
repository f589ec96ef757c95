"""What a rule means for a whole column: the vectorised twin of `row_values`.

A property test holds the two together. Ordinary columns are judged by NumPy in one pass over
each rule; a column of mixed objects is asked value by value, as a row is.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.data.row_values import (
    INT64,
    NANOSECOND_YEARS,
    Broken,
    bounds_of,
    categories_shown,
    datetime_unit,
    judge_of,
    matcher,
    whole_bounds,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    import pandas as pd

    from nbprod.records import ColumnRule

    Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class Fault:
    """The rows of one column that break one rule in one way."""

    rule: str  # as in Violation
    message: str
    rows: Mask


def faults_of(column: pd.Series[Any], rule: ColumnRule) -> list[Fault]:
    """Every way in which a column breaks its rule; a row is in one of them at most.

    Widths of numbers, categories and a datetime's resolution do not matter; types do.
    """
    import pandas as pd

    if isinstance(column.dtype, pd.CategoricalDtype):
        return _by_category(column, rule)
    try:
        judged = _JUDGES[rule.dtype](column, rule)
    except _OneByOne:
        return _one_by_one(column, rule)
    return [fault for fault in judged if fault.rows.any()]


class _OneByOne(Exception):  # noqa: N818 - control flow inside this module
    """The column has no single type that NumPy could judge."""


class _Judged:
    """Faults of one column as they are found; the first one that names a row keeps it."""

    def __init__(self, null: Mask, rule: ColumnRule) -> None:
        self.open = ~null  # rows that no fault has named yet
        self.found = [] if rule.nullable else [Fault("null", "is null", null)]

    def add(self, rule: str, message: str, rows: Any) -> None:
        """Rows, of those still open, that break a rule."""
        taken = self.open & rows
        self.found.append(Fault(rule, message, taken))
        self.open &= ~taken


def _by_category(column: pd.Series[Any], rule: ColumnRule) -> list[Fault]:
    """A categorical column: its categories are judged, not its rows."""
    import numpy as np
    import pandas as pd

    codes = column.cat.codes.to_numpy()
    judged = _Judged(codes == -1, rule)
    for fault in faults_of(pd.Series(column.cat.categories, name=column.name), rule):
        judged.add(fault.rule, fault.message, np.append(fault.rows, False)[codes])
    return [fault for fault in judged.found if fault.rows.any()]


def _one_by_one(column: pd.Series[Any], rule: ColumnRule) -> list[Fault]:
    """Objects of many types: each value asked whether it keeps the rule."""
    import numpy as np

    judge = judge_of(rule)
    found: dict[tuple[str, str], list[int]] = {}
    for row, value in enumerate(column.tolist()):
        try:
            if rule.dtype == "datetime" and isinstance(value, str):
                raise Broken("type", "is text, not a datetime")
            judge(value)
        except Broken as broken:
            found.setdefault((broken.rule, broken.message), []).append(row)
    faults = []
    for (name, message), rows in found.items():
        mask = np.zeros(len(column), dtype=bool)
        mask[rows] = True
        faults.append(Fault(name, message, mask))
    return faults


# ---------------------------------------------------------------- what the column is made of


def _kind(column: pd.Series[Any]) -> str:
    """NumPy's letter for the values: i, u, f, b, M, U for text; "" when they are mixed."""
    import pandas as pd

    if pd.api.types.is_string_dtype(column.dtype) and column.dtype != object:
        return "U"
    kind = getattr(column.dtype, "kind", "O")
    if kind != "O":
        return str(kind)
    named = {
        "string": "U",
        "boolean": "b",
        "integer": "i",
        "floating": "f",
        "mixed-integer-float": "f",
        "empty": "f",
    }
    return named.get(pd.api.types.infer_dtype(column, skipna=True), "")


def _nulls(column: pd.Series[Any]) -> Mask:
    null: Mask = column.isna().to_numpy(dtype=bool)
    return null


def _wrong_type(column: pd.Series[Any], rule: ColumnRule, wanted: str) -> list[Fault]:
    judged = _Judged(_nulls(column), rule)
    words = {"U": "text", "b": "true or false", "M": "a datetime"}
    kind = _kind(column)
    is_ = words.get(kind, "a number" if kind in "iuf" else str(column.dtype))
    judged.add("type", f"is {is_}, not {wanted}", True)
    return judged.found


# ---------------------------------------------------------------- one judge a type


def _numbers(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    """The values as a plain array of numbers; nulls are NaN, or 0 among whole numbers."""
    import numpy as np

    kind = _kind(column)
    if column.dtype == object:
        try:
            if kind == "i" and not column.hasnans:
                return column.to_numpy(dtype=np.int64)
            if kind == "i":
                return column.where(column.notna(), 0).to_numpy(dtype=np.int64)
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        except (OverflowError, TypeError, ValueError):
            raise _OneByOne from None
    if isinstance(column.dtype, np.dtype):
        return column.to_numpy()
    if kind == "f":
        return column.to_numpy(dtype=np.float64, na_value=np.nan)
    return column.to_numpy(dtype=np.uint64 if kind == "u" else np.int64, na_value=0)


def _judge_int(column: pd.Series[Any], rule: ColumnRule) -> list[Fault]:
    import numpy as np

    kind = _kind(column)
    if kind == "":
        raise _OneByOne
    if kind not in "iuf":
        return _wrong_type(column, rule, "a whole number")
    values = _numbers(column)
    judged = _Judged(_nulls(column), rule)
    low, high = whole_bounds(rule)
    if values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            judged.add("type", "is not a whole number", (values % 1 != 0) | np.isinf(values))
        far = (values < INT64[0]) | (values >= float(INT64[1]))
        judged.add("range", "does not fit 64 bits", far)
    elif values.dtype.kind == "u":
        judged.add("range", "does not fit 64 bits", values > INT64[1])
    if values.dtype.kind != "i":
        values = np.where(judged.open, values, 0).astype(np.int64)
    if rule.minimum is not None:
        judged.add("range", f"is below {rule.minimum:g}", values < max(low, INT64[0]))
        if low > INT64[1]:
            judged.add("range", f"is below {rule.minimum:g}", True)
    if rule.maximum is not None:
        judged.add("range", f"is above {rule.maximum:g}", values > min(high, INT64[1]))
        if high < INT64[0]:
            judged.add("range", f"is above {rule.maximum:g}", True)
    return judged.found


def _judge_float(column: pd.Series[Any], rule: ColumnRule) -> list[Fault]:
    import numpy as np

    kind = _kind(column)
    if kind == "":
        raise _OneByOne
    if kind not in "iuf":
        return _wrong_type(column, rule, "a number")
    values = _numbers(column)
    judged = _Judged(_nulls(column), rule)
    low, high = bounds_of(rule, -math.inf, math.inf)
    if values.dtype.kind == "f":
        judged.add("range", "is not finite", np.isinf(values))
    else:
        values = values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        if rule.minimum is not None:
            judged.add("range", f"is below {low:g}", values < low)
        if rule.maximum is not None:
            judged.add("range", f"is above {high:g}", values > high)
    return judged.found


def _judge_bool(column: pd.Series[Any], rule: ColumnRule) -> list[Fault]:
    kind = _kind(column)
    null = _nulls(column)
    if kind == "" and not null.all():
        raise _OneByOne
    if kind != "b" and not null.all():
        return _wrong_type(column, rule, "true or false")
    return _Judged(null, rule).found


def _judge_str(column: pd.Series[Any], rule: ColumnRule) -> list[Fault]:
    null = _nulls(column)
    kind = _kind(column)
    if kind == "" and not null.all():
        raise _OneByOne
    if kind != "U" and not null.all():
        return _wrong_type(column, rule, "text")
    judged = _Judged(null, rule)
    if null.all():
        return judged.found
    if getattr(column.dtype, "storage", "") != "pyarrow":  # Arrow's text is Unicode by itself
        try:
            column = column.astype("string[pyarrow]")
        except UnicodeEncodeError:
            raise _OneByOne from None
    if rule.categories is not None:
        known = column.isin(list(rule.categories)).to_numpy(dtype=bool)
        judged.add("category", categories_shown(rule.categories), ~known)
    if rule.pattern is not None:
        judged.add("pattern", f"does not match {rule.pattern!r}", ~_matches(column, rule.pattern))
    return judged.found


def _matches(column: pd.Series[Any], pattern: str) -> Mask:
    """Python's re on each different text; Arrow's own engine differs from it in detail."""
    import numpy as np

    match = matcher(pattern)
    codes, texts = column.factorize()
    known = np.fromiter((bool(match(str(text))) for text in texts), dtype=np.bool_)
    matching: Mask = np.append(known, False)[codes]
    return matching


def _judge_datetime(column: pd.Series[Any], rule: ColumnRule) -> list[Fault]:
    import pandas as pd

    resolution, zone = datetime_unit(rule)
    null = _nulls(column)
    kind = _kind(column)
    judged = _Judged(null, rule)
    if null.all():
        return judged.found
    if kind == "":
        raise _OneByOne
    if kind == "U":
        return _wrong_type(column, rule, "a datetime")
    if kind != "M":
        return _wrong_type(column, rule, "a date and time")
    moments = pd.DatetimeIndex(column)
    if (moments.tz is not None) != bool(zone):
        word = "no" if zone else "a"
        judged.add("type", f"has {word} time zone", True)
        return judged.found
    if resolution == "ns" and moments.unit != "ns":
        years = moments.tz_convert("UTC").year if zone else moments.year
        near = (years >= NANOSECOND_YEARS[0]) & (years <= NANOSECOND_YEARS[1])
        judged.add("range", "does not fit 64 bits of nanoseconds", ~near)
    if rule.earliest is not None:
        judged.add("range", f"is before {rule.earliest}", moments < _moment(rule.earliest, zone))
    if rule.latest is not None:
        judged.add("range", f"is after {rule.latest}", moments > _moment(rule.latest, zone))
    return judged.found


def _moment(text: str, zone: str) -> pd.Timestamp:
    import pandas as pd

    moment = pd.Timestamp(text)
    if not zone:
        return moment.tz_localize(None)
    return moment.tz_localize(zone) if moment.tzinfo is None else moment


_JUDGES: dict[str, Callable[[pd.Series[Any], ColumnRule], list[Fault]]] = {
    "int": _judge_int,
    "float": _judge_float,
    "str": _judge_str,
    "bool": _judge_bool,
    "datetime": _judge_datetime,
}
