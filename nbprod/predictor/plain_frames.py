"""A frame the model's code gave -> plain values, as JSON, the log and a caller have them."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from nbprod.data.plain_columns import PlainColumns
from nbprod.data.row_values import is_null

if TYPE_CHECKING:
    import pandas as pd

    from nbprod.records import Json


def columns_of(frame: pd.DataFrame) -> PlainColumns:
    """A frame as plain JSON values: null for missing, ISO 8601 text for moments.

    Infinities stay floats, for the caller to refuse.
    """
    # One array of everything: a Series for each column would be what a small frame costs.
    whole = frame.to_numpy(dtype=object).T.tolist()
    columns = [_plain_column(*one) for one in zip(whole, frame.dtypes, strict=True)]
    names = [str(name) for name in frame.columns]
    return PlainColumns(dict(zip(names, columns, strict=True)), len(frame))


def records_of(frame: pd.DataFrame) -> list[Json]:
    """A frame's rows as plain JSON values; see `columns_of`."""
    return columns_of(frame).rows()


def _plain_column(values: list[Any], dtype: Any) -> list[Any]:
    """The values of one column; whole numbers, and floats without NaN, are plain already."""
    import numpy as np

    if isinstance(dtype, np.dtype):
        if dtype.kind in "iub":
            return values
        if dtype.kind == "f" and not math.isnan(sum(values)):
            return values
    return [_plain(value) for value in values]


def _plain(value: Any) -> Any:
    kind = type(value)
    if kind is float:
        return None if value != value else value  # NaN alone differs from itself
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if is_null(value):
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):  # a NumPy scalar
        return _plain(value.item())
    return str(value)
