"""Groups of rows that a gate looks at one by one; small ones are pooled where one sees it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.errors import DataError
from nbprod.gates.multiplicity import corrected_confidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

POOLED = "(pooled)"
MISSING = "(missing)"
RULES_VARIABLE = "NBPROD_GATE_RULES"  # JSON: thresholds, min_slice, confidence


@dataclass(frozen=True)
class Slice:
    """Some rows of a frame and what they have in common."""

    where: dict[str, str]  # column -> value, as nbprod.check(slice=…) takes it
    frame: pd.DataFrame
    pooled: tuple[str, ...] = ()  # the values that were pooled into this one
    confidence: float = 0.95  # of its interval, so that those of all slices hold at once

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.frame)


def slices(
    frame: pd.DataFrame,
    by: str | Sequence[str],
    *,
    min_rows: int | None = None,
    named: Sequence[Any] = (),
) -> Iterator[Slice]:
    """Every group of rows with the same values in some columns, largest first.

    min_rows: smaller groups are pooled into one named ``(pooled)``; inside a gate [gate]
    min_slice of nbprod.toml is the default, elsewhere 0. A missing value is a group, too.
    named: values that must be there and large enough to be judged alone.
    Raises DataError for a frame without rows, and for a named value that is missing or too small.
    """
    columns = [by] if isinstance(by, str) else list(by)
    if absent := [column for column in columns if column not in frame.columns]:
        raise DataError(
            f"there is no column {absent[0]!r} to slice by",
            hint=f"the rows have: {', '.join(map(str, frame.columns))}",
        )
    if frame.empty:
        raise DataError(
            f"there is no row to slice by {', '.join(columns)}",
            hint="a gate without rows proves nothing: look at [gate] data and at the filter above",
        )
    least = _configured("min_slice", 0) if min_rows is None else min_rows
    groups = [
        (tuple(_text(value) for value in values), part)
        for values, part in frame.groupby(columns, dropna=False, observed=True, sort=True)
    ]
    groups.sort(key=lambda group: -len(group[1]))
    _check_named(named, {" / ".join(values): len(part) for values, part in groups}, columns, least)
    large = [(values, part) for values, part in groups if len(part) >= least]
    small = [(values, part) for values, part in groups if len(part) < least]
    level = corrected_confidence(_configured("confidence", 0.95), len(large) + bool(small))
    for values, part in large:
        yield Slice(dict(zip(columns, values, strict=True)), part, confidence=level)
    if small:
        yield _pool(columns, small, frame, level)


def _check_named(
    named: Sequence[Any], sizes: dict[str, int], columns: list[str], least: int
) -> None:
    """Whoever is named must be judged: neither missing nor lost in the pool."""
    for value in named:
        parts = value if isinstance(value, list | tuple) else [value]
        name = " / ".join(_text(part) for part in parts)
        rows, by = sizes.get(name, 0), ", ".join(columns)
        if not rows:
            raise DataError(
                f"no row has {by} = {name}",
                hint=f"there are: {', '.join(list(sizes)[:12])}; correct the name, or judge on "
                "rows that have it",
            )
        if rows < least:
            raise DataError(
                f"{by} = {name} has {rows} rows, fewer than the {least} of [gate] min_slice",
                hint="judge on more rows, or do not name it: small slices are pooled",
            )


def _pool(
    columns: list[str],
    small: list[tuple[tuple[str, ...], pd.DataFrame]],
    frame: pd.DataFrame,
    confidence: float,
) -> Slice:
    import pandas as pd

    rows = pd.concat([part for _, part in small])
    names = tuple(" / ".join(values) for values, _ in small)
    in_order = frame.loc[frame.index.isin(rows.index)]  # the frame's own order
    kept = in_order if len(in_order) == len(rows) else rows
    return Slice(dict.fromkeys(columns, POOLED), kept, names, confidence)


def _text(value: object) -> str:
    missing = value is None or value != value
    return MISSING if missing else str(value)


def _configured(name: str, default: Any) -> Any:
    """What nbprod.toml says of a rule, inside a gate."""
    rules = os.environ.get(RULES_VARIABLE)
    return json.loads(rules).get(name, default) if rules else default
