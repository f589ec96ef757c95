"""What a rule means for one value: the only place that says it.

The row validator, the frames made of rows and the check of object columns all ask here;
`column_faults` says the same of whole columns, and a property test holds the two together.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nbprod.records import ColumnRule

INT64 = (-(2**63), 2**63 - 1)
NANOSECOND_YEARS = (1678, 2261)  # what 64 bits of nanoseconds can hold, whole years
_SHOWN = 200  # characters of a value in a violation
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt ]|\Z)")


class Broken(Exception):  # noqa: N818 - control flow inside this module, never an error of ours
    """A value breaks its rule."""

    def __init__(self, rule: str, message: str) -> None:
        self.rule = rule
        self.message = message


def datetime_unit(rule: ColumnRule) -> tuple[str, str]:
    """Resolution ("ns", "us"…) and time zone ("" when naive) of a datetime rule.

    They are written in the rule's ``unit``: "us" or "us, America/New_York".
    """
    resolution, _, zone = rule.unit.partition(",")
    return resolution.strip() or "ns", zone.strip()


def aged(rule: ColumnRule) -> str:
    """What a moment past its freshness is told."""
    return f"is older than {rule.freshness}, the freshness of {rule.name}"


def is_null(value: Any) -> bool:
    """Whether a single value is null: None, NaN, NaT or NA."""
    if value is None:
        return True
    if isinstance(value, float):
        return value != value
    return type(value).__name__ in ("NaTType", "NAType")


def judge_of(rule: ColumnRule) -> Callable[[Any], Any]:
    """What the rule means: the value in the contract's type, or Broken."""
    typed = {
        "int": _judge_int,
        "float": _judge_float,
        "str": _judge_str,
        "bool": _judge_bool,
        "datetime": _judge_datetime,
    }[rule.dtype](rule)

    def judge(value: Any) -> Any:
        if is_null(value):
            if rule.nullable:
                return None
            raise Broken("null", "is null")
        if type(value).__module__ == "numpy" and hasattr(value, "item"):
            value = value.item()
        return typed(value)

    return judge


def _judge_int(rule: ColumnRule) -> Callable[[Any], Any]:
    low, high = bounds_of(rule, *INT64)

    def judge(value: Any) -> int:
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # JSON has one kind of number
        if not isinstance(value, int) or isinstance(value, bool):
            raise Broken("type", _not_a("whole number", value))
        if not INT64[0] <= value <= INT64[1]:
            raise Broken("range", "does not fit 64 bits")
        return int(_within(value, low, high))

    return judge


def _judge_float(rule: ColumnRule) -> Callable[[Any], Any]:
    low, high = bounds_of(rule, -math.inf, math.inf)

    def judge(value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool):
            raise Broken("type", _not_a("number", value))
        try:
            value = float(value)
        except OverflowError:
            raise Broken("range", "does not fit a float") from None
        if math.isinf(value):
            raise Broken("range", "is not finite")
        return float(_within(value, low, high))

    return judge


def _judge_str(rule: ColumnRule) -> Callable[[Any], Any]:
    categories = frozenset(rule.categories) if rule.categories is not None else None
    match = matcher(rule.pattern) if rule.pattern is not None else None

    def judge(value: Any) -> str:
        if not isinstance(value, str):
            raise Broken("type", _not_a("text", value))
        try:
            value.encode()
        except UnicodeEncodeError:
            raise Broken("type", "is not valid Unicode text") from None
        if categories is not None and value not in categories:
            raise Broken("category", categories_shown(rule.categories or ()))
        if match is not None and not match(value):
            raise Broken("pattern", f"does not match {rule.pattern!r}")
        return value

    return judge


def categories_shown(categories: Sequence[str]) -> str:
    """What a text outside its categories is told."""
    shown = ", ".join(map(repr, categories[:5])) + (", …" if len(categories) > 5 else "")
    return f"is not one of the {len(categories)} known: {shown}"


def matcher(pattern: str) -> Callable[[str], re.Match[str] | None]:
    """The pattern as Python's re understands it, at the text's start: pandera's str_matches."""
    return re.compile(pattern).match


def _judge_bool(_rule: ColumnRule) -> Callable[[Any], Any]:
    def judge(value: Any) -> bool:
        if not isinstance(value, bool):
            raise Broken("type", _not_a("true or false", value))
        return value

    return judge


def _judge_datetime(rule: ColumnRule) -> Callable[[Any], Any]:
    resolution, zone = datetime_unit(rule)
    earliest = _bound(rule.earliest, zone)
    latest = _bound(rule.latest, zone)

    def judge(value: Any) -> datetime:
        moment = moment_of(value, zone)
        if resolution == "ns" and not NANOSECOND_YEARS[0] <= moment.year <= NANOSECOND_YEARS[1]:
            raise Broken("range", "does not fit 64 bits of nanoseconds")
        if earliest is not None and moment < earliest:
            raise Broken("range", f"is before {rule.earliest}")
        if latest is not None and moment > latest:
            raise Broken("range", f"is after {rule.latest}")
        return moment

    return judge


def moments_of(rule: ColumnRule) -> tuple[bool, datetime, datetime]:
    """Whether a datetime rule has a zone, and its first and last moment, in UTC if it has."""
    resolution, zone = datetime_unit(rule)
    first, last = datetime.min, datetime.max
    if resolution == "ns":
        first = datetime(NANOSECOND_YEARS[0], 1, 1)
        last = datetime(NANOSECOND_YEARS[1], 12, 31, 23, 59, 59)
    if zone:
        first, last = first.replace(tzinfo=UTC), last.replace(tzinfo=UTC)
    earliest, latest = _bound(rule.earliest, zone), _bound(rule.latest, zone)
    return (
        bool(zone),
        first if earliest is None else max(first, earliest),
        last if latest is None else min(last, latest),
    )


def moment_of(value: Any, zone: str) -> datetime:
    """An ISO 8601 text, date or datetime; in UTC when the column has a zone, naive otherwise."""
    try:
        if isinstance(value, str):
            if not _ISO.match(value):
                raise ValueError
            moment = _parse(value)
        elif isinstance(value, datetime):
            moment = value
        elif isinstance(value, date):
            moment = datetime(value.year, value.month, value.day)
        else:
            raise Broken("type", _not_a("date and time (ISO 8601 text)", value))
        if zone and moment.tzinfo is None:
            raise Broken("type", "has no time zone: end it with Z or an offset such as +01:00")
        if not zone and moment.tzinfo is not None:
            raise Broken("type", "has a time zone, and the column has none: send local time")
        return moment.astimezone(UTC) if zone else moment
    except (ValueError, OverflowError):
        raise Broken("type", "is not a date and time: write it as 2026-01-31T12:00:00") from None


def _parse(text: str) -> datetime:
    fraction = re.search(r"[.,](\d+)", text)
    if fraction and len(fraction[1]) > 6:  # datetime would cut nanoseconds off
        import pandas as pd

        return pd.Timestamp(text.replace(",", "."))
    return datetime.fromisoformat(text)


def _bound(text: str | None, zone: str) -> datetime | None:
    """A bound as written in the contract; a bound without a zone is in the column's zone."""
    if text is None:
        return None
    moment = datetime.fromisoformat(text)
    if not zone:
        return moment.replace(tzinfo=None)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC if zone == "UTC" else ZoneInfo(zone))
    return moment.astimezone(UTC)


def bounds_of(rule: ColumnRule, low: float, high: float) -> tuple[float, float]:
    """The rule's minimum and maximum, or the given ones where it has none."""
    return (
        low if rule.minimum is None else rule.minimum,
        high if rule.maximum is None else rule.maximum,
    )


def whole_bounds(rule: ColumnRule) -> tuple[int, int]:
    """The rule's bounds as whole numbers, exact where a float would round."""
    low, high = bounds_of(rule, *INT64)
    return (
        math.ceil(low) if math.isfinite(low) else INT64[0] if low < 0 else INT64[1] + 1,
        math.floor(high) if math.isfinite(high) else INT64[1] if high > 0 else INT64[0] - 1,
    )


def _within(value: float, low: float, high: float) -> float:
    if value < low:
        raise Broken("range", f"is below {low:g}")
    if value > high:
        raise Broken("range", f"is above {high:g}")
    return value


def kind_of_value(value: Any) -> str:
    """What a value is, in a caller's words: "text", "a list"…"""
    names = {"NoneType": "null", "dict": "an object", "list": "a list", "str": "text"}
    names |= {"bool": "true or false", "int": "a number", "float": "a number"}
    return names.get(type(value).__name__, f"a {type(value).__name__}")


def _not_a(wanted: str, value: Any) -> str:
    if wanted.endswith("number") and isinstance(value, str):
        try:
            float(value)
        except ValueError:
            pass
        else:
            return f"is text that looks like a number: send a {wanted}, without quotes"
    article = "" if wanted.startswith(("text", "true")) else "a "
    if isinstance(value, float) and wanted == "whole number":
        return "is not a whole number"
    return f"is {kind_of_value(value)}, not {article}{wanted}"


def plain(value: Any) -> Any:
    """A value as a record can hold it: text is cut, what JSON cannot say becomes text."""
    if type(value).__module__ == "numpy" and hasattr(value, "item") and not hasattr(value, "len"):
        value = value.item() if getattr(value, "ndim", 0) == 0 else value
    if is_null(value):
        return None
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if INT64[0] <= value <= INT64[1] else str(value)[:_SHOWN]
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else str(value)
    text = value if isinstance(value, str) else _text(value)
    return text[:_SHOWN].encode(errors="replace").decode()


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, date) else repr(value)
