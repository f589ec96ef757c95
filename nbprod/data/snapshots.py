"""What a run read, so that a later one can tell whether it reads the same: digest and snapshot."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from nbprod.data.frames import times_of
from nbprod.records import Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy as np
    import pandas as pd


def snapshot_of(
    frame: pd.DataFrame,
    uri: str,
    time_column: str = "",
    *,
    query: str = "",
    sources: Mapping[str, str] | None = None,
) -> Snapshot:
    """An immutable reference to the rows a run read, with their time range where named.

    query: what a database was asked. sources: files the run names and their hashes.
    """
    start = end = ""
    if time_column:
        times = times_of(frame, time_column).dropna()
        if len(times):
            start, end = times.min().isoformat(), times.max().isoformat()
    return Snapshot(
        uri=uri,
        digest=frame_digest(frame),
        rows=len(frame),
        columns=tuple(map(str, frame.columns)),
        dtypes={str(name): str(dtype) for name, dtype in frame.dtypes.items()},
        time_column=time_column,
        time_start=start,
        time_end=end,
        query=query,
        sources=dict(sources or {}),
    )


def source_hashes(values: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """SHA-256 of each local file that one of the values names; path as written -> hash.

    values: parameters and settings; a text among them that is the path of a file, absolute or
    relative to the folder, is a source.
    """
    found = {}
    for value in values.values():
        if not isinstance(value, str) or not value or len(value) > 4096 or "\0" in value:
            continue
        path = folder / value
        if path.is_file():
            with path.open("rb") as file:
                found[value] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def changed_since(snapshot: Snapshot, frame: pd.DataFrame) -> str:
    """How a frame differs from the one a snapshot was taken of, "" where it is the same."""
    if frame_digest(frame) == snapshot.digest:
        return ""
    columns = tuple(map(str, frame.columns))
    if len(frame) != snapshot.rows:
        return f"it has {len(frame):,} rows, it had {snapshot.rows:,}"
    if gone := [name for name in snapshot.columns if name not in columns]:
        return f"it has no column {gone[0]!r} any more"
    if new := [name for name in columns if name not in snapshot.columns]:
        return f"it has a new column {new[0]!r}"
    if columns != snapshot.columns:
        return "its columns stand in another order"
    for name, then in snapshot.dtypes.items():
        now = str(frame[name].dtype)
        if now != then:
            return f"its column {name!r} is {now}, it was {then}"
    return f"values differ in its {len(frame):,} rows"


def frame_digest(frame: pd.DataFrame) -> str:
    """SHA-256 over every value of every row and column, and the columns' names, order, kinds.

    The same for any row grouping of a file, for text as objects, strings or large strings, for
    a number's width and a timestamp's resolution. The index is not part of it.
    """
    digest = hashlib.sha256()
    for position, name in enumerate(frame.columns):
        kind, parts = _content(frame.iloc[:, position])
        digest.update(json.dumps([str(name), kind, len(frame)]).encode())
        for part in parts:
            digest.update(part)
    return digest.hexdigest()


def _content(column: pd.Series[Any]) -> tuple[str, list[Any]]:
    """A column's kind and its values as bytes."""
    import numpy as np
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype) and _is_text(dtype.categories):
        return _texts(column) or _objects(column.astype(object))
    if isinstance(dtype, pd.CategoricalDtype):
        return _content(column.astype(dtype.categories.dtype))
    kind = getattr(dtype, "kind", "O")
    if kind == "M":
        zone = str(getattr(dtype, "tz", None) or "")
        return f"datetime {zone}", [_nulls(column), *_moments(column)]
    if kind in "iub" and not pd.api.types.is_string_dtype(dtype):
        values = column.fillna(0).to_numpy(dtype=np.uint64 if kind == "u" else np.int64)
        return {"b": "bool"}.get(kind, "int"), [_nulls(column), values.tobytes()]
    if kind == "f":
        values = column.to_numpy(dtype=np.float64, na_value=np.nan).copy()
        values[column.isna().to_numpy(dtype=bool)] = np.nan  # one NaN for all its bit patterns
        return "float", [values.tobytes()]
    return _texts(column) or _objects(column)


def _is_text(values: Any) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_string_dtype(values.dtype))


def _nulls(column: pd.Series[Any]) -> bytes:
    null: np.ndarray[Any, Any] = column.isna().to_numpy(dtype=bool)
    return null.tobytes()


def _moments(column: pd.Series[Any]) -> list[bytes]:
    """Whole seconds and nanoseconds, so that the resolution does not matter."""
    import numpy as np
    import pandas as pd

    index = pd.DatetimeIndex(column)
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[index.unit]
    seconds, rest = np.divmod(np.where(index.isna(), 0, index.asi8), ticks)
    return [seconds.tobytes(), (rest * (10**9 // ticks)).tobytes()]


def _texts(column: pd.Series[Any]) -> tuple[str, list[Any]] | None:
    """A column of text alone: nulls, lengths and bytes, by Arrow; None for any other column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        values = pa.array(column, from_pandas=True)
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if pa.types.is_dictionary(values.type):
            values = values.dictionary_decode()
        if not (pa.types.is_string(values.type) or pa.types.is_large_string(values.type)):
            return None
        values = values.cast(pa.large_binary()).fill_null(b"")
    except (pa.ArrowException, TypeError, ValueError):
        return None  # types mixed, or text that is no Unicode
    lengths = pc.binary_length(values).cast(pa.int64()).to_numpy(zero_copy_only=False)
    _, offsets, data = values.buffers()
    places = memoryview(offsets).cast("q") if offsets else [0]
    start, end = places[values.offset], places[values.offset + len(values)]
    content = memoryview(data)[start:end] if data is not None else b""
    return "text", [_nulls(column), lengths.tobytes(), content]


def _objects(column: pd.Series[Any]) -> tuple[str, list[Any]]:
    """Any other objects, or text that is no Unicode: each by its type and what it prints as."""
    import numpy as np

    null = column.isna().to_numpy(dtype=bool)
    values = [None if gone else value for value, gone in zip(column.tolist(), null, strict=True)]
    if {type(value) for value in values} <= {str, type(None)}:
        texts = [b"" if value is None else value.encode("utf-8", "replace") for value in values]
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        return "text", [null.tobytes(), lengths.tobytes(), *texts]
    named = [(type(value).__name__, repr(value)) for value in values]
    return "object", [json.dumps(named).encode()]
