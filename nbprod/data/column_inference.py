"""One column described: what training rows held, loosened where production will differ."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Literal

from nbprod.errors import DataError
from nbprod.records import ColumnRule

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

Kind = Literal["int", "float", "str", "bool", "datetime"]

# Text with at most this many different values, each seen several times on average, is a closed
# vocabulary; above it, names and numbers of things come new every day.
MOST_CATEGORIES = 100
_ROWS_PER_CATEGORY = 5
# Whole numbers from 0 or 1 that fill an interval densely (months, hours, flags) are a closed
# scale; years are not, and a constant says nothing.
_ROWS_PER_STEP = 10
# Text that is really a date or a number: a caller's free text there is a mistake.
_PATTERNS = {
    "an ISO 8601 date": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9:.]+)?(Z|[+-][0-9]{2}:?[0-9]{2})?$",
    "a number in text": r"^[+-]?[0-9]+([.][0-9]+)?$",
    "a UUID": r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
}


def rule_of(column: pd.Series[Any], *, required: bool = True, ranges: bool = True) -> ColumnRule:
    """What a column holds, as a rule.

    ranges: whether what was seen bounds what may come; False for keys, features and outputs.
    Raises DataError where a contract cannot describe the column.
    """
    import pandas as pd

    kind = kind_of(column)
    if isinstance(column.dtype, pd.CategoricalDtype) and kind != "str":
        column = column.astype(column.dtype.categories.dtype)
    seen = column.dropna()
    nulls = len(column) - len(seen)
    rule = ColumnRule(
        name=str(column.name),
        dtype=kind,
        nullable=nulls > 0,
        required=required,
        unit=_unit(column) if kind == "datetime" else "",
    )
    if not len(seen):
        return changed(rule, nullable=True, description="nothing but nulls was seen")
    if kind != "bool":
        rule = _DESCRIBE[kind](rule, seen, ranges)
    if nulls:
        share = f"{nulls / len(column):.2%} null"
        return changed(
            rule, description=f"{rule.description}; {share}" if rule.description else share
        )
    return rule


def kind_of(column: pd.Series[Any]) -> Kind:
    """The contract's dtype of a column; DataError where it has none."""
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return kind_of(pd.Series(dtype.categories, name=column.name))
    if pd.api.types.is_bool_dtype(dtype):
        return "bool"
    kinds: dict[str, Kind] = {"i": "int", "u": "int", "f": "float", "M": "datetime"}
    if (kind := getattr(dtype, "kind", "O")) in kinds:
        return kinds[kind]
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    named: dict[str, Kind] = {
        "string": "str",
        "boolean": "bool",
        "integer": "int",
        "floating": "float",
        "mixed-integer-float": "float",
        "datetime": "datetime",
        "datetime64": "datetime",
        "empty": "float",
    }
    if inferred not in named:
        raise _indescribable(column)
    return named[inferred]


def _indescribable(column: pd.Series[Any]) -> DataError:
    import pandas as pd

    kinds = sorted({type(value).__name__ for value in column.dropna().head(1000).tolist()})
    odd = pd.api.types.infer_dtype(column, skipna=True)
    held = f"values of the types {', '.join(kinds)}" if len(kinds) > 1 else f"{odd} values"
    if odd in ("mixed", "unknown-array") and len(kinds) == 1:
        held = f"values of the type {kinds[0]}"
    ways = {
        "date": "pd.to_datetime(frame[name])",
        "decimal": "frame[name].astype(float)",
        "bytes": "frame[name].str.decode('utf-8')",
        "timedelta": "frame[name].dt.total_seconds()",
        "timedelta64": "frame[name].dt.total_seconds()",
        "period": "frame[name].dt.to_timestamp()",
    }
    hint = "make it numbers, text, true/false or datetimes where the data is loaded"
    return DataError(
        f"column {column.name!r} holds {held} ({column.dtype}), which a contract cannot describe",
        hint=f"{hint}: {ways[odd]}" if odd in ways else hint,
        column=str(column.name),
    )


def _unit(column: pd.Series[Any]) -> str:
    import pandas as pd

    try:
        index = pd.DatetimeIndex(column)
    except (ValueError, TypeError) as error:
        raise DataError(
            f"column {column.name!r} mixes datetimes of several zones: {error}",
            hint="bring them into one: pd.to_datetime(frame[name], utc=True)",
            column=str(column.name),
        ) from error
    return f"{index.unit}, {index.tz}" if index.tz is not None else index.unit


def _numbers(rule: ColumnRule, seen: pd.Series[Any], ranges: bool) -> ColumnRule:
    if rule.dtype == "int" and not -(2**63) <= int(seen.min()) <= int(seen.max()) < 2**63:
        raise DataError(
            f"column {rule.name!r} holds whole numbers that do not fit 64 bits with a sign",
            hint="make them text, or floats, where the data is loaded",
            column=rule.name,
        )
    values = seen.astype("float64")
    values = values[values.abs() != math.inf]
    if not len(values):
        return rule
    low, high = float(values.min()) + 0.0, float(values.max()) + 0.0  # no negative zero
    steps = int((seen if rule.dtype == "int" else values).nunique())
    whole = rule.dtype == "int"
    dense = steps == high - low + 1 and len(values) >= _ROWS_PER_STEP * steps
    if ranges and whole and dense and low in (0, 1) and 1 < steps <= MOST_CATEGORIES:
        text = f"every value from {low:.0f} to {high:.0f} was seen: a closed scale"
        return changed(rule, minimum=low, maximum=high, description=text)
    text = f"seen {_shown(low, whole)} to {_shown(high, whole)}"
    if not ranges:
        return changed(rule, description=text)
    if steps == 1:
        text = f"always {_shown(low, whole)}: one value bounds nothing"
        return changed(rule, description=text)
    minimum, maximum = loosened(low, high, whole=whole)
    least, most = (-(2.0**63), 2.0**63) if whole else (-math.inf, math.inf)
    return changed(  # what no value can pass bounds nothing
        rule,
        minimum=minimum if minimum > least else None,
        maximum=maximum if maximum < most else None,
        description=text,
    )


def _shown(value: float, whole: bool) -> str:
    return f"{value:.0f}" if whole else f"{value:.6g}"


def loosened(low: float, high: float, *, whole: bool = False) -> tuple[float, float]:
    """Bounds half a span wider than what was seen, in round numbers, that keep their sign.

    A sample's extremes are not the world's: the next month brings a longer delay. But what was
    never negative (a count, a distance) stays so, and what was never zero stays off zero, since
    transforms take logarithms and divide.
    """
    margin = (high - low) / 2 or abs(low) / 2 or 1.0
    minimum, maximum = low - margin, high + margin
    if low >= 0:
        minimum = max(minimum, low / 2)
    if high <= 0:
        maximum = min(maximum, high / 2)
    minimum, maximum = _rounded(minimum, math.floor), _rounded(maximum, math.ceil)
    if whole:
        minimum, maximum = float(math.floor(minimum)), float(math.ceil(maximum))
        minimum = max(minimum, 1.0) if low > 0 else minimum
        maximum = min(maximum, -1.0) if high < 0 else maximum
    return minimum, maximum


def _rounded(value: float, towards: Any) -> float:
    """Two significant digits, in the direction given."""
    if value == 0 or not math.isfinite(value):
        return value
    digits = 1 - math.floor(math.log10(abs(value)))
    if not -290 < digits < 290:
        return value
    # through text, so that 0.1 is written 0.1 and not 0.1 with seventeen digits
    return float(f"{towards(value * 10.0**digits)}e{-digits}")


def _texts(rule: ColumnRule, seen: pd.Series[Any], ranges: bool) -> ColumnRule:
    import pandas as pd

    values = seen.astype(object)
    distinct = sorted(set(values.tolist()))
    try:
        "".join(distinct).encode()
    except UnicodeEncodeError as error:
        raise DataError(
            f"column {rule.name!r} holds text that is not valid Unicode",
            hint="read the file with the encoding it was written in",
            column=rule.name,
        ) from error
    if not ranges:
        return changed(rule, description=f"{len(distinct):,} different values were seen")
    if isinstance(seen.dtype, pd.CategoricalDtype):
        own = [str(value) for value in seen.dtype.categories]
        if len(own) <= MOST_CATEGORIES:
            return changed(rule, categories=own, description="the column's own categories")
    if len(distinct) <= MOST_CATEGORIES and len(values) >= _ROWS_PER_CATEGORY * len(distinct):
        return changed(rule, categories=list(distinct), description="every value that was seen")
    for name, pattern in _PATTERNS.items():
        match = re.compile(pattern).match
        if all(map(match, distinct)):
            return changed(rule, pattern=pattern, description=f"always {name}")
    return changed(rule, description=f"{len(distinct):,} different values were seen")


def _datetimes(rule: ColumnRule, seen: pd.Series[Any], ranges: bool) -> ColumnRule:
    import pandas as pd

    index = pd.DatetimeIndex(seen)
    first, last = index.min(), index.max()
    text = f"seen {first.date()} to {last.date()}"
    if not ranges:
        return changed(rule, description=text)
    # Time goes on, so there is no latest; before the year in which the data starts lie only
    # zeros of a clock and slips of a century.
    earliest = first.normalize().replace(month=1, day=1)
    return changed(rule, earliest=earliest.isoformat(), description=text)


_DESCRIBE: dict[str, Callable[[ColumnRule, pd.Series[Any], bool], ColumnRule]] = {
    "int": _numbers,
    "float": _numbers,
    "str": _texts,
    "datetime": _datetimes,
}


def changed(rule: ColumnRule, **changes: Any) -> ColumnRule:
    """The rule with other values in these fields."""
    return ColumnRule.from_json({**rule.to_json(), **changes})
