"""Rows that nobody has sent yet: each value as the contract or the data allow it, combined anew.

Real rows hold few of the combinations that will come: two nulls in one row, a zero where only
ones were, an old moment with a new category. The generator is seeded: the same rows give the
same generated ones.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from nbprod.data.row_values import is_null

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np

    from nbprod.parity.saying import Record
    from nbprod.parity.wire import Request
    from nbprod.records import ColumnRule

_SEEN = 0.5  # how often a value is one of those in the data
_NULL = 0.25  # how often one that may be null is
_ABSENT = 0.1  # how often one that need not be sent is not
_ZERO = 0.1  # how often a number is zero, where that lies within its range
_DECIMALS = 3


def generated_records(request: Request, count: int) -> list[Record]:
    """So many rows as JSON brings them, fewer where the contract refuses some.

    With a contract a number lies between its bounds, and between the data's where it has none;
    without one every value is of a kind and a range that the data show.
    """
    import numpy as np

    rng = np.random.default_rng(0)
    sent = [request.records[place] for place in request.positions]
    rules = {rule.name: rule for rule in request.contract.input} if request.contract else {}
    draws = {name: _drawn(rules.get(name), [row.get(name) for row in sent]) for name in sent[0]}
    optional = {name for name, rule in rules.items() if not rule.required}
    records = []
    for _ in range(count):
        record = {name: draw(rng) for name, draw in draws.items()}
        left_out = {name for name in optional if rng.random() < _ABSENT}
        records.append({name: value for name, value in record.items() if name not in left_out})
    if request.contract is None:
        return records
    allowed = request.allowed(records)
    return [record for record, row in zip(records, allowed, strict=True) if row is not None]


def _drawn(rule: ColumnRule | None, values: Sequence[Any]) -> Callable[[np.random.Generator], Any]:
    """What draws one column's values."""
    known = [value for value in values if not is_null(value)]
    nullable = rule.nullable if rule is not None else len(known) < len(values)
    fresh = _fresh(rule, known)

    def draw(rng: np.random.Generator) -> Any:
        if nullable and rng.random() < _NULL:
            return None
        if known and (fresh is None or rng.random() < _SEEN):
            return known[int(rng.integers(len(known)))]
        return fresh(rng) if fresh is not None else None

    return draw


def _fresh(
    rule: ColumnRule | None, known: Sequence[Any]
) -> Callable[[np.random.Generator], Any] | None:
    """What draws values that the data need not hold; None where only those are safe."""
    if rule is not None and rule.categories:
        choices = list(rule.categories)
        return lambda rng: choices[int(rng.integers(len(choices)))]
    kind = rule.dtype if rule is not None else _kind(known)
    if kind == "bool":
        return lambda rng: bool(rng.random() < 0.5)
    if kind in ("int", "float") and known:
        return _number(rule, known, whole=kind == "int")
    if kind == "datetime" and known and isinstance(known[0], str):
        return _moment(rule, known)
    if kind == "str" and rule is not None and known:
        ways = (str.lower, str.upper, str.title, str.strip, lambda text: f"{text} ")
        return lambda rng: ways[int(rng.integers(len(ways)))](known[int(rng.integers(len(known)))])
    return None


def _kind(known: Sequence[Any]) -> str:
    kinds = {type(value) for value in known}
    if kinds <= {bool}:
        return "bool" if kinds else ""
    if bool in kinds or not kinds <= {int, float}:
        return ""
    return "int" if kinds == {int} else "float"


def _number(
    rule: ColumnRule | None, known: Sequence[Any], *, whole: bool
) -> Callable[[np.random.Generator], Any]:
    low, high = min(known), max(known)
    if rule is not None:
        low = low if rule.minimum is None else rule.minimum
        high = high if rule.maximum is None else rule.maximum

    def draw(rng: np.random.Generator) -> Any:
        if low <= 0 <= high and rng.random() < _ZERO:
            return 0 if whole else 0.0
        if whole:
            return int(rng.integers(int(low), int(high) + 1)) if high >= low else int(low)
        return round(float(rng.uniform(low, high)), _DECIMALS)

    return draw


def _moment(
    rule: ColumnRule | None, known: Sequence[str]
) -> Callable[[np.random.Generator], Any] | None:
    try:
        bounds = [datetime.fromisoformat(text) for text in (min(known), max(known))]
        if rule is not None:
            bounds = [
                bound if text is None else datetime.fromisoformat(text)
                for bound, text in zip(bounds, (rule.earliest, rule.latest), strict=True)
            ]
        seconds = (bounds[1] - bounds[0]).total_seconds()
    except (ValueError, TypeError):  # no ISO text, or one with a zone and one without
        return None
    return lambda rng: (bounds[0] + timedelta(seconds=int(rng.uniform(0, seconds)))).isoformat()
