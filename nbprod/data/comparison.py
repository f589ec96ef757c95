"""Two frames compared value by value, within a tolerance per column.

Tolerances: ``exact``; ``abs:x`` for a distance of at most x; ``rel:x`` for a distance of at most
x times the larger magnitude; ``ulp:n`` for at most n units in the last place. A null equals a
null. Text, true/false and whole numbers are compared exactly under ``rel`` and ``ulp`` too:
only floats have noise. Rows are compared by position.

Where nobody names a tolerance it is ``ulp:64``. The same sum over one row and over a batch may
be added up in another order (BLAS blocks, SIMD, fused multiply-add), which moves its last bits:
a dot product of k terms by at most about k/2 units, in practice by the square root of k, so 64
covers some thousand terms; it is 1.4e-14 of a float64, 7.6e-6 of a float32. A unit is one
of the largest of both values and the column's typical (median) magnitude, since a sum that
cancels is noisy to the size of its terms, not of its result (Higham, Accuracy and Stability of
Numerical Algorithms, 3.1); and one of float32 where both sides hold nothing that float32
cannot. Floats that are all whole numbers are counts: they are exact.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbprod.data.row_values import is_null, plain
from nbprod.errors import ConfigError
from nbprod.records import ColumnDistance

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

    Floats = np.ndarray[Any, np.dtype[np.float64]]
    Mask = np.ndarray[Any, np.dtype[np.bool_]]

# The distance between a null and a value, or between types: larger than any, and JSON can say it.
UNMEASURABLE = sys.float_info.max
DEFAULT = "ulp:64"
_TOLERANCE = re.compile(
    r"^(?:exact|(?P<kind>abs|rel|ulp):(?P<size>\d+(?:\.\d+)?(?:[eE][-+]?\d+)?))$"
)


@dataclass(frozen=True)
class Difference:
    """Where two frames first differ in one column, and how."""

    kind: Literal["rows", "missing", "extra", "order", "dtype", "value"]
    column: str
    row: int  # position; -1 where the whole column differs
    expected: Any  # as a record can hold it
    actual: Any
    distance: float
    tolerance: str
    rows: int = 0  # how many rows of the column differ


@dataclass(frozen=True)
class Comparison:
    """Every column's distance, and the first difference of each column that differs."""

    distances: tuple[ColumnDistance, ...]
    differences: tuple[Difference, ...]

    @property
    def columns(self) -> frozenset[str]:
        """The columns that differ."""
        return frozenset(difference.column for difference in self.differences)


def compare(
    expected: pd.DataFrame,
    actual: pd.DataFrame,
    tolerance: Mapping[str, str] | None = None,
    *,
    scales: Mapping[str, float] | None = None,
) -> Comparison:
    """Columns (names, order, kinds of dtype) and values of two frames, row by row.

    scales: the typical magnitude of a column, where these rows are too few to show it.
    A different width of a number or resolution of a timestamp is no difference; another kind
    (int and float, naive and aware, other categories) is one, except where one side holds
    nothing but nulls.
    """
    allowed = tolerance or {}
    known = scales or {}
    if len(expected) != len(actual):
        return Comparison(
            (), (Difference("rows", "", -1, len(expected), len(actual), UNMEASURABLE, "exact"),)
        )
    if _identical(expected, actual):
        return Comparison(_nothing_apart(expected, allowed), ())
    differences: list[Difference] = []
    distances: list[ColumnDistance] = []
    for name in dict.fromkeys([*expected.columns, *actual.columns]):
        limit = tolerance_of(str(name), allowed)
        if name not in expected.columns or name not in actual.columns:
            difference: Difference | None = _absent(name, expected, limit)
        else:
            pair = _one(expected, name), _one(actual, name)
            difference = _column(str(name), *pair, limit, known.get(str(name)))
        assert difference is not None
        distances.append(
            ColumnDistance(
                column=str(name),
                tolerance=limit,
                max_distance=difference.distance,
                rows=len(expected),
            )
        )
        if difference.rows or difference.kind != "value":
            differences.append(difference)
    if not differences and list(expected.columns) != list(actual.columns):
        differences.append(_order(expected, actual))
    return Comparison(tuple(distances), tuple(differences))


def _identical(expected: pd.DataFrame, actual: pd.DataFrame) -> bool:
    """Whether two frames are the same bit by bit: most are, and no column need be measured."""
    import pandas as pd

    for dtype in expected.dtypes:
        if dtype.kind not in "biufmM" and not isinstance(dtype, pd.StringDtype):
            return False  # pandas takes True for 1 in a cell of any type
    return bool(expected.columns.equals(actual.columns) and expected.equals(actual))


def _nothing_apart(frame: pd.DataFrame, tolerance: Mapping[str, str]) -> tuple[ColumnDistance, ...]:
    return tuple(
        ColumnDistance(
            column=str(name),
            tolerance=tolerance_of(str(name), tolerance),
            max_distance=0.0,
            rows=len(frame),
        )
        for name in dict.fromkeys(frame.columns)
    )


def tolerance_of(column: str, tolerance: Mapping[str, str]) -> str:
    """The tolerance of a column: its own, else the one under ``*``, else the default."""
    limit = tolerance.get(column, tolerance.get("*", DEFAULT))
    if not _TOLERANCE.match(limit):
        raise ConfigError(
            f"the tolerance of {column!r} is {limit!r}", hint="exact, abs:x, rel:x or ulp:n"
        )
    return limit


def typical(column: pd.Series[Any]) -> float:
    """The median magnitude of a column of floats, zeros left out; 0 where there is none."""
    import numpy as np

    if getattr(column.dtype, "kind", "O") != "f":
        return 0.0
    values = np.abs(column.to_numpy(dtype=np.float64, na_value=np.nan))
    values = values[np.isfinite(values) & (values > 0)]
    return float(np.median(values)) if len(values) else 0.0


def kind_of_dtype(column: pd.Series[Any]) -> str:
    """What a column holds, whatever its width: int, float, text, "datetime in UTC"…"""
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "category"
    if pd.api.types.is_bool_dtype(dtype):
        return "bool"
    zone = getattr(dtype, "tz", None)
    kinds = {"i": "int", "u": "int", "f": "float", "c": "complex", "m": "timedelta"}
    kinds["M"] = f"datetime in {zone}" if zone else "datetime"
    if (kind := getattr(dtype, "kind", "O")) in kinds:
        return kinds[kind]
    if isinstance(dtype, pd.StringDtype):
        return "text"
    inferred = pd.api.types.infer_dtype(column, skipna=True)
    return {"string": "text", "boolean": "bool"}.get(inferred, "object")


def _one(frame: pd.DataFrame, name: Any) -> pd.Series[Any]:
    column: Any = frame[name]
    first: pd.Series[Any] = column.iloc[:, 0] if column.ndim == 2 else column
    return first


def _absent(name: Any, expected: pd.DataFrame, limit: str) -> Difference:
    gone = name in expected.columns
    return Difference(
        "missing" if gone else "extra",
        str(name),
        -1,
        "the column" if gone else "no such column",
        "no such column" if gone else "the column",
        UNMEASURABLE,
        limit,
        len(expected),
    )


def _order(expected: pd.DataFrame, actual: pd.DataFrame) -> Difference:
    pairs = zip(map(str, expected.columns), map(str, actual.columns), strict=False)
    moved = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    wanted, found = ([str(name) for name in frame.columns] for frame in (expected, actual))
    return Difference("order", moved[0], -1, wanted, found, UNMEASURABLE, "exact")


def _column(
    name: str,
    expected: pd.Series[Any],
    actual: pd.Series[Any],
    limit: str,
    scale: float | None,
) -> Difference:
    """The first difference of one column; its distance, with no row counted, where none is."""
    import numpy as np

    kinds = _kinds(expected), _kinds(actual)
    other = kinds[0] != kinds[1] and expected.notna().any() and actual.notna().any()
    if other and not set(kinds) <= {"int", "float", "bool"}:
        return Difference("dtype", name, -1, *kinds, UNMEASURABLE, limit, len(expected))
    distance, same = _measured(expected, actual, limit, scale)
    wrong = np.flatnonzero(~same)
    largest = float(distance.max()) if len(distance) else 0.0
    if other and not len(wrong):  # other values are the larger difference
        return Difference("dtype", name, -1, *kinds, UNMEASURABLE, limit, len(expected))
    if not len(wrong):
        return Difference("value", name, -1, None, None, largest, limit)
    row = int(wrong[0])
    return Difference(
        "value",
        name,
        row,
        plain(expected.iloc[row]),
        plain(actual.iloc[row]),
        largest,
        limit,
        len(wrong),
    )


def _kinds(column: pd.Series[Any]) -> str:
    kind = kind_of_dtype(column)
    if kind != "category":
        return kind
    dtype: Any = column.dtype
    known = [str(value) for value in dtype.categories]
    shown = ", ".join(known[:8]) + (f", … ({len(known)} in all)" if len(known) > 8 else "")
    return f"category of {shown}" + ("" if len(known) <= 8 else f", last {known[-1]}")


def _measured(
    expected: pd.Series[Any], actual: pd.Series[Any], limit: str, scale: float | None
) -> tuple[Floats, Mask]:
    """Each row's distance in the tolerance's measure, and whether it is within."""
    import numpy as np

    kinds = {kind_of_dtype(expected), kind_of_dtype(actual)}
    nulls = expected.isna().to_numpy(dtype=bool), actual.isna().to_numpy(dtype=bool)
    both, one = nulls[0] & nulls[1], nulls[0] ^ nulls[1]
    if kinds <= {"int", "float"} and "float" in kinds:
        distance, same = _float_distance(expected, actual, limit, scale)
    elif kinds <= {"int", "float", "bool", "timedelta"} or next(iter(kinds)).startswith("datetime"):
        distance, same = _exact_distance(expected, actual, limit, both | one)
    else:
        pairs = zip(expected.tolist(), actual.tolist(), strict=True)
        same = np.fromiter((_equal(a, b) for a, b in pairs), dtype=bool, count=len(expected))
        distance = (~same).astype(np.float64)
    distance = np.where(both, 0.0, np.where(one, UNMEASURABLE, distance))
    return distance, np.asarray(both | (same & ~one), dtype=bool)


def _float_distance(
    expected: pd.Series[Any], actual: pd.Series[Any], limit: str, scale: float | None
) -> tuple[Floats, Mask]:
    import numpy as np

    left = expected.to_numpy(dtype=np.float64, na_value=np.nan)
    right = actual.to_numpy(dtype=np.float64, na_value=np.nan)
    kind, size = _parsed(limit)
    with np.errstate(all="ignore"):
        distance = np.where(left == right, 0.0, np.abs(left - right))
        largest = np.maximum(np.abs(left), np.abs(right))
        if kind == "rel":
            distance = np.where(distance == 0, 0.0, distance / largest)
        elif kind == "ulp":
            usual = typical(expected) if scale is None else scale
            width = np.float32 if is_single(left, right) else np.float64
            units = np.spacing(np.maximum(largest, usual).astype(width)).astype(np.float64)
            distance = np.where(distance == 0, 0.0, distance / units)
            if whole(left) and whole(right):
                size = 0.0
    distance = np.where(np.isfinite(distance), distance, UNMEASURABLE)
    return distance, distance <= size


def is_single(left: Floats, right: Floats) -> bool:
    """Whether two columns hold nothing that float32 cannot: then they may show its noise."""
    import numpy as np

    values = np.concatenate([left, right])
    values = values[np.isfinite(values)]
    return bool((values.astype(np.float32).astype(np.float64) == values).all())


def whole(values: Floats) -> bool:
    """Whether the values that are finite are whole numbers: counts have no noise."""
    import numpy as np

    finite = values[np.isfinite(values)]
    return bool((finite == np.floor(finite)).all())


def _exact_distance(
    expected: pd.Series[Any], actual: pd.Series[Any], limit: str, skip: Mask
) -> tuple[Floats, Mask]:
    """Whole numbers, truth values and moments (in seconds): ``abs`` is the only leeway."""
    import numpy as np
    import pandas as pd

    keep = ~skip
    left, right = expected[keep], actual[keep]
    kind, size = _parsed(limit)
    apart = np.zeros(len(expected), dtype=np.float64)
    same = np.ones(len(expected), dtype=bool)
    same[keep] = np.fromiter(
        (a == b for a, b in zip(left.tolist(), right.tolist(), strict=True)), dtype=bool
    )
    if kind_of_dtype(expected).startswith(("datetime", "timedelta")):
        apart[keep] = (left.reset_index(drop=True) - right.reset_index(drop=True)).map(
            lambda gap: abs(pd.Timedelta(gap).total_seconds())
        )
    else:
        apart[keep] = np.abs(left.to_numpy(dtype=np.float64) - right.to_numpy(dtype=np.float64))
    return apart, (same | (apart <= size)) if kind == "abs" else same


def _parsed(limit: str) -> tuple[str, float]:
    match = _TOLERANCE.match(limit)
    if not match or not match["kind"]:
        return "exact", 0.0
    return match["kind"], float(match["size"])


def _equal(left: Any, right: Any) -> bool:
    """Whether two values of an object column are the same; arrays element by element."""
    import numpy as np

    if isinstance(left, np.ndarray | list | tuple) or isinstance(right, np.ndarray | list | tuple):
        try:
            return bool(np.array_equal(np.asarray(left), np.asarray(right), equal_nan=True))
        except (TypeError, ValueError):
            return repr(left) == repr(right)
    if is_null(left) or is_null(right):
        return is_null(left) and is_null(right)
    return type(left) is type(right) and bool(left == right)
