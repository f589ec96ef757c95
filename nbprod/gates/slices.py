"""Groups of rows that a gate looks at one by one; small ones are pooled where one sees it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.errors import DataError

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

    @property
    def rows(self) -> int:
        """How many rows it has."""
        return len(self.frame)


def slices(
    frame: pd.DataFrame, by: str | Sequence[str], *, min_rows: int | None = None
) -> Iterator[Slice]:
    """Every group of rows with the same values in some columns, largest first.

    min_rows: smaller groups are pooled into one named ``(pooled)``; inside a gate [gate]
    min_slice of nbprod.toml is the default, elsewhere 0. A missing value is a group, too.
    """
    columns = [by] if isinstance(by, str) else list(by)
    if absent := [column for column in columns if column not in frame.columns]:
        raise DataError(
            f"there is no column {absent[0]!r} to slice by",
            hint=f"the rows have: {', '.join(map(str, frame.columns))}",
        )
    least = _configured_min_slice() if min_rows is None else min_rows
    groups = [
        (tuple(_text(value) for value in values), part)
        for values, part in frame.groupby(columns, dropna=False, observed=True, sort=True)
    ]
    groups.sort(key=lambda group: -len(group[1]))
    small = [(values, part) for values, part in groups if len(part) < least]
    for values, part in groups:
        if len(part) >= least:
            yield Slice(dict(zip(columns, values, strict=True)), part)
    if small:
        yield _pool(columns, small, frame)


def _pool(
    columns: list[str], small: list[tuple[tuple[str, ...], pd.DataFrame]], frame: pd.DataFrame
) -> Slice:
    import pandas as pd

    rows = pd.concat([part for _, part in small])
    names = tuple(" / ".join(values) for values, _ in small)
    in_order = frame.loc[frame.index.isin(rows.index)]  # the frame's own order
    kept = in_order if len(in_order) == len(rows) else rows
    return Slice(dict.fromkeys(columns, POOLED), kept, names)


def _text(value: object) -> str:
    missing = value is None or value != value
    return MISSING if missing else str(value)


def _configured_min_slice() -> int:
    rules = os.environ.get(RULES_VARIABLE)
    return int(json.loads(rules)["min_slice"]) if rules else 0
