"""Frames: read, write, digest, and the cut between training and holdout rows."""

from __future__ import annotations

import difflib
import hashlib
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import duration_s
from nbprod.errors import DataError
from nbprod.records import Snapshot, new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd

_READABLE = ".parquet, .pq, a folder of them, .csv, .csv.gz"


def load_frame(uri: str, *, base: str | Path) -> pd.DataFrame:
    """The rows at a URI that fsspec and pyarrow read: Parquet, or CSV with ISO 8601 dates.

    base: the folder a path is relative to. Raises DataError when nothing is there, or it
    cannot be read.
    """
    import fsspec

    address = uri if "://" in uri else str(Path(base, uri))
    try:
        filesystem, path = fsspec.core.url_to_fs(address)
        if not filesystem.exists(path):
            raise DataError(f"there is no data at {address}", hint=_nearby(uri, address))
        return _read(filesystem, path, address)
    except (OSError, ValueError, ImportError) as error:  # pyarrow's own errors are ValueErrors
        raise DataError(
            f"{address} cannot be read: {error}",
            hint=f"readable are {_READABLE}; a remote URI needs its fsspec package and access",
        ) from error


def _read(filesystem: Any, path: str, address: str) -> pd.DataFrame:
    name = path.lower()
    if name.endswith((".parquet", ".pq")) or filesystem.isdir(path):
        import pyarrow.parquet as pq

        frame: pd.DataFrame = pq.read_table(path, filesystem=filesystem).to_pandas()
        return frame
    if name.endswith((".csv", ".csv.gz")):
        return _read_csv(filesystem, path)
    raise DataError(f"{address}: unknown kind of file", hint=f"readable are {_READABLE}")


def _read_csv(filesystem: Any, path: str) -> pd.DataFrame:
    import pyarrow as pa
    from pyarrow import csv

    with filesystem.open(path, "rb", compression="infer") as file:
        table = csv.read_csv(file)
    days = [field.name for field in table.schema if pa.types.is_date(field.type)]
    frame: pd.DataFrame = table.to_pandas()
    for name in days:  # pyarrow makes objects of dates; a contract knows datetimes
        frame[name] = frame[name].astype("datetime64[us]")
    return frame


def _nearby(uri: str, address: str) -> str:
    folder = Path(address).parent
    names = [item.name for item in folder.iterdir()] if folder.is_dir() else []
    close = difflib.get_close_matches(Path(address).name, names, n=1, cutoff=0.8)
    if close:
        return f"did you mean {uri.removesuffix(Path(uri).name)}{close[0]}?"
    return "write the path relative to the project folder, or as a URI, in nbprod.toml [data] train"


def save_frame(frame: pd.DataFrame, path: str | Path) -> Path:
    """The frame as Parquet at a path, complete or not there at all; the path comes back."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.with_name(f".{target.name}.{new_id()}")
    try:
        frame.to_parquet(aside)
        with aside.open("rb") as file:
            os.fsync(file.fileno())
        aside.replace(target)
    except (OSError, ValueError, TypeError) as error:  # pyarrow's own errors are among these
        raise DataError(
            f"{target} cannot be written: {error}",
            hint="check the disk, and that each column holds one type of value",
        ) from error
    finally:
        aside.unlink(missing_ok=True)
    return target


def write_text(path: str | Path, text: str) -> Path:
    """The text in UTF-8 at a path, complete or not there at all; the path comes back."""
    target = Path(path)
    aside = target.with_name(f".{target.name}.{new_id()}")
    try:
        aside.write_text(text, encoding="utf-8")
        aside.replace(target)
    except OSError as error:
        raise DataError(
            f"{target} cannot be written: {error}", hint="check the folder and the disk"
        ) from error
    finally:
        aside.unlink(missing_ok=True)
    return target


# ---------------------------------------------------------------- digest


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
    if isinstance(dtype, pd.CategoricalDtype):
        return _content(column.astype(dtype.categories.dtype))
    null = column.isna().to_numpy(dtype=bool)
    kind = getattr(dtype, "kind", "O")
    if kind == "M":
        zone = str(getattr(dtype, "tz", None) or "")
        return f"datetime {zone}", [null.tobytes(), *_moments(column)]
    if kind in "iub" and not (pd.api.types.is_string_dtype(dtype)):
        values = column.fillna(0).to_numpy(dtype=np.uint64 if kind == "u" else np.int64)
        return {"b": "bool"}.get(kind, "int"), [null.tobytes(), values.tobytes()]
    if kind == "f":
        values = column.to_numpy(dtype=np.float64, na_value=np.nan).copy()
        values[null] = np.nan  # one NaN for all of its bit patterns
        return "float", [values.tobytes()]
    return _objects(column, null)


def _moments(column: pd.Series[Any]) -> list[bytes]:
    """Whole seconds and nanoseconds, so that the resolution does not matter."""
    import numpy as np
    import pandas as pd

    index = pd.DatetimeIndex(column)
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[index.unit]
    seconds, rest = np.divmod(np.where(index.isna(), 0, index.asi8), ticks)
    return [seconds.tobytes(), (rest * (10**9 // ticks)).tobytes()]


def _objects(column: pd.Series[Any], null: np.ndarray[Any, Any]) -> tuple[str, list[Any]]:
    values = [None if gone else value for value, gone in zip(column.tolist(), null, strict=True)]
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {str}:
        texts = [b"" if value is None else value.encode("utf-8", "replace") for value in values]
        lengths = json.dumps([len(text) for text in texts]).encode()
        return "text", [null.tobytes(), lengths, *texts]
    named = [(type(value).__name__, repr(value)) for value in values]
    return "object", [json.dumps(named).encode()]


def snapshot_of(frame: pd.DataFrame, uri: str, time_column: str = "") -> Snapshot:
    """An immutable reference to the rows a run read, with their time range where named."""
    start = end = ""
    if time_column:
        times = _times(frame, time_column).dropna()
        if len(times):
            start, end = times.min().isoformat(), times.max().isoformat()
    return Snapshot(
        uri=uri,
        digest=frame_digest(frame),
        rows=len(frame),
        columns=tuple(map(str, frame.columns)),
        time_column=time_column,
        time_start=start,
        time_end=end,
    )


# ---------------------------------------------------------------- holdout


def split_holdout(
    frame: pd.DataFrame, *, time: str, holdout: Mapping[str, Any]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training rows and the rows it never sees: the latest ones, never a random draw.

    holdout: ``{"last": "30d"}`` before the latest time, or ``{"fraction": 0.2}`` of the rows,
    the last by time where a time column is named (rows of one moment stay together), else the
    last as they stand. Both keep the frame's index. Raises DataError when one of them is empty.
    """
    if set(holdout) == {"last"}:
        held = _last(frame, time, str(holdout["last"]))
    elif set(holdout) == {"fraction"}:
        held = _fraction(frame, time, holdout["fraction"])
    else:
        raise DataError(
            f"[data] holdout is {dict(holdout)}",
            hint='write { last = "30d" } or { fraction = 0.2 }',
        )
    train, rest = frame[~held], frame[held]
    if not len(train) or not len(rest):
        raise DataError(
            f"[data] holdout = {dict(holdout)} leaves {len(train)} rows to train on and "
            f"{len(rest)} held out, of {len(frame)}",
            hint="choose another holdout, or bring data of a longer time",
        )
    return train, rest


def _last(frame: pd.DataFrame, time: str, duration: str) -> np.ndarray[Any, Any]:
    import pandas as pd

    if not time:
        raise DataError(
            f'[data] holdout = {{ last = "{duration}" }} needs a time column',
            hint="name it as [data] time, or hold out a fraction",
        )
    times = _times(frame, time)
    _no_nulls(times, time)
    cut = times.max() - pd.Timedelta(seconds=duration_s(duration))
    held: np.ndarray[Any, Any] = (times > cut).to_numpy(dtype=bool)
    return held


def _fraction(frame: pd.DataFrame, time: str, fraction: Any) -> np.ndarray[Any, Any]:
    import numpy as np

    if isinstance(fraction, bool) or not isinstance(fraction, int | float) or not 0 < fraction < 1:
        raise DataError(
            f"[data] holdout = {{ fraction = {fraction} }}", hint="a number between 0 and 1"
        )
    count = math.ceil(len(frame) * fraction)
    if not time:
        return np.arange(len(frame)) >= len(frame) - count
    times = _times(frame, time)
    _no_nulls(times, time)
    first = times.sort_values(kind="stable").iloc[len(frame) - count] if len(frame) else None
    return (times >= first).to_numpy(dtype=bool)


def _times(frame: pd.DataFrame, time: str) -> pd.Series[Any]:
    """The time column as datetimes; text is read as ISO 8601."""
    import pandas as pd

    if time not in frame.columns:
        raise DataError(
            f"there is no time column {time!r}",
            hint=f"[data] time names one of: {', '.join(map(str, frame.columns))}",
        )
    column = frame[time]
    if getattr(column.dtype, "kind", "O") == "M":
        return column
    try:
        if getattr(column.dtype, "kind", "O") in "iufb":
            raise ValueError(f"it holds {column.dtype}")
        return pd.to_datetime(column, format="ISO8601")
    except (ValueError, TypeError) as error:
        raise DataError(
            f"the time column {time!r} holds no dates: {error}",
            hint="make it datetime64 or ISO 8601 text where the data is loaded",
        ) from error


def _no_nulls(times: pd.Series[Any], time: str) -> None:
    if missing := int(times.isna().sum()):
        raise DataError(
            f"{missing} rows have no {time!r}, so that they are neither before nor after the cut",
            hint="drop them, or give them a time, where the data is loaded",
        )
