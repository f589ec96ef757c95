"""A pandera column as facts of a rule: bounds, categories, pattern; the rest stays pandera's."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from nbprod.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Facts = dict[str, Any]  # fields of a ColumnRule


def compiled(name: str, column: Any, dtype: Any) -> tuple[Facts, list[Any]]:
    """A pandera column's facts, and the checks that only pandera can run.

    dtype: pandera's own, the column's or its schema's. Raises DataError for a type that no
    caller can send.
    """
    facts = _typed(name, dtype)
    facts["nullable"] = bool(column.nullable)
    foreign = [check for check in column.checks if not _taken(check, facts)]
    return facts, foreign


# ---------------------------------------------------------------- the type


def _typed(name: str, dtype: Any) -> Facts:
    """The contract's dtype and what its width implies."""
    facts: Facts = {"unit": ""}
    facts |= dict.fromkeys(
        ("minimum", "maximum", "categories", "earliest", "latest", "pattern"), None
    )
    text = str(dtype)
    categories = getattr(dtype, "categories", None)
    if text.lower().startswith("category") and categories is not None and len(categories):
        return facts | _of_categories(name, list(categories))
    if moment := re.match(r"(?:datetime64|timestamp)\[(\w+)(?:, (?:tz=)?([^\]]+))?\]", text):
        zone = moment[2] or ""
        return facts | {"dtype": "datetime", "unit": f"{moment[1]}, {zone}" if zone else ""}
    lower = text.lower()
    if number := re.match(r"(u?int|float)(8|16|32|64)?", lower):
        kind = "float" if number[1] == "float" else "int"
        low, high = _width(number[1], int(number[2] or 64))
        return facts | {"dtype": kind, "minimum": low, "maximum": high}
    for prefixes, other in (
        (("double",), "float"),
        (("bool",), "bool"),
        (("str", "object", "category", "large_string"), "str"),
    ):
        if lower.startswith(prefixes):
            return facts | {"dtype": other}
    raise DataError(
        f"the contract gives column {name!r} "
        + ("no type" if dtype is None else f"the type {dtype}"),
        hint="a caller can send int, float, str, bool and datetimes",
        column=name,
    )


def _of_categories(name: str, values: list[Any]) -> Facts:
    if all(isinstance(value, str) for value in values):
        return {"dtype": "str", "categories": tuple(values)}
    raise DataError(
        f"the categories of column {name!r} are not all text",
        hint="say the type of the values, and the values with isin",
        column=name,
    )


def _width(kind: str, bits: int) -> tuple[float | None, float | None]:
    """The bounds of a number narrower than 64 bits; JSON brings any number."""
    if kind == "float":
        top = {16: 65504.0, 32: 3.4028234663852886e38}.get(bits)
        return (None, None) if top is None else (-top, top)
    if kind == "uint":
        return 0.0, None if bits == 64 else 2.0**bits - 1
    return (None, None) if bits == 64 else (-(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1)


# ---------------------------------------------------------------- one check


def _taken(check: Any, facts: Facts) -> bool:
    """Whether a check is now part of the facts; if not, only pandera can run it."""
    told = check.statistics or {}
    # a check may carry any name that its author gives it; what counts is what it calls
    take = _TAKE.get(getattr(check._check_fn, "__name__", ""))
    if take is None or not told or check.raise_warning or check.groupby is not None:
        return False
    if not check.ignore_na and facts["nullable"]:
        return False
    before = dict(facts)
    try:
        done = take(facts, told)
    except (TypeError, ValueError, KeyError, OverflowError, re.error):
        done = False
    if not done:
        facts.update(before)
    return done


def _lower(facts: Facts, bound: Any, *, open_: bool = False) -> bool:
    """Take a bound; the tighter one where there are two, the next number where it is open."""
    if facts["dtype"] == "datetime":
        return not open_ and _first(facts, "earliest", _iso(bound))
    value = _number(bound, facts["dtype"])
    if open_:
        value = _next(value, facts["dtype"], math.inf)
    known = facts["minimum"]
    facts["minimum"] = value if known is None else max(value, known)
    return True


def _upper(facts: Facts, bound: Any, *, open_: bool = False) -> bool:
    if facts["dtype"] == "datetime":
        return not open_ and _first(facts, "latest", _iso(bound))
    value = _number(bound, facts["dtype"])
    if open_:
        value = _next(value, facts["dtype"], -math.inf)
    known = facts["maximum"]
    facts["maximum"] = value if known is None else min(value, known)
    return True


def _number(bound: Any, dtype: str) -> float:
    """A bound that a float holds exactly; ValueError for any other."""
    if dtype not in ("int", "float") or isinstance(bound, str | bool):
        raise ValueError
    value = float(bound)
    if value != bound:
        raise ValueError
    return value


def _next(bound: float, dtype: str, towards: float) -> float:
    if dtype == "float":
        return math.nextafter(bound, towards)
    return math.floor(bound) + 1.0 if towards > 0 else math.ceil(bound) - 1.0


def _iso(bound: Any) -> str:
    """A moment as the rule writes it; ValueError for what is none."""
    if not hasattr(bound, "isoformat"):
        raise ValueError
    return str(bound.isoformat())


def _first(facts: Facts, slot: str, value: Any) -> bool:
    if facts[slot] is not None:
        return False
    facts[slot] = value
    return True


def _between(facts: Facts, told: Facts) -> bool:
    low, high = told["min_value"], told["max_value"]
    return _lower(facts, low, open_=not told["include_min"]) and _upper(
        facts, high, open_=not told["include_max"]
    )


def _equal(facts: Facts, told: Facts) -> bool:
    if facts["dtype"] == "str":
        return _one_of(facts, [told["value"]])
    return _lower(facts, told["value"]) and _upper(facts, told["value"])


def _one_of(facts: Facts, allowed: Sequence[Any]) -> bool:
    values = [value for value in allowed if value is not None and value == value]
    if not values:
        return False
    if facts["dtype"] == "str" and all(isinstance(value, str) for value in values):
        known = facts["categories"]
        facts["categories"] = tuple(v for v in values if known is None or v in known)
        return bool(facts["categories"])
    whole = facts["dtype"] == "int" and all(type(value) is int for value in values)
    if whole and len(set(values)) == max(values) - min(values) + 1:  # without a gap
        return _lower(facts, min(values)) and _upper(facts, max(values))
    return False


def _text(facts: Facts, pattern: str) -> bool:
    """Take a pattern for the text's start; two become one where neither has groups."""
    if facts["dtype"] != "str":
        return False
    groups = re.compile(pattern).groups
    known = facts["pattern"]
    if known is not None:
        if groups or re.compile(known).groups:  # a back-reference would name another group
            return False
        pattern = f"(?={known})(?:{pattern})"
        re.compile(pattern)
    facts["pattern"] = pattern
    return True


def _length(facts: Facts, told: Facts) -> bool:
    exact = told.get("exact_value")
    low = exact if exact is not None else told.get("min_value")
    high = exact if exact is not None else told.get("max_value")
    span = f"{'0' if low is None else int(low)},{'' if high is None else int(high)}"
    return _text(facts, rf"(?s:.{{{span}}})\Z")


def _source(pattern: Any) -> str:
    """A pattern as text; a compiled one only where it has no flags of its own."""
    if isinstance(pattern, re.Pattern):
        if pattern.flags & ~re.UNICODE:
            raise ValueError
        return str(pattern.pattern)
    return str(pattern)


_TAKE: dict[str, Callable[[Facts, Facts], bool]] = {
    "greater_than_or_equal_to": lambda facts, told: _lower(facts, told["min_value"]),
    "greater_than": lambda facts, told: _lower(facts, told["min_value"], open_=True),
    "less_than_or_equal_to": lambda facts, told: _upper(facts, told["max_value"]),
    "less_than": lambda facts, told: _upper(facts, told["max_value"], open_=True),
    "in_range": _between,
    "equal_to": _equal,
    "isin": lambda facts, told: _one_of(facts, list(told["allowed_values"])),
    "str_matches": lambda facts, told: _text(facts, _source(told["pattern"])),
    "str_startswith": lambda facts, told: _text(facts, re.escape(told["string"])),
    "str_endswith": lambda facts, told: _text(facts, rf"(?s:.*){re.escape(told['string'])}\Z"),
    "str_length": _length,
}
