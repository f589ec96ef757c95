"""Frames: written whole or not at all, and the cut between training and holdout rows."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import duration_s
from nbprod.errors import DataError
from nbprod.records import new_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import pandas as pd


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
    times = times_of(frame, time)
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
    times = times_of(frame, time)
    _no_nulls(times, time)
    first = times.sort_values(kind="stable").iloc[len(frame) - count] if len(frame) else None
    return (times >= first).to_numpy(dtype=bool)


def times_of(frame: pd.DataFrame, time: str) -> pd.Series[Any]:
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
