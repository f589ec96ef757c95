"""Rows damaged on purpose: a snapshot that a gate notebook reads instead of the real one.

Each kind destroys one thing that a check about data may claim to measure; all else stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd

    from nbprod.config import Settings

SHUFFLED_LABELS = "shuffled_labels"
_SEED = 20
_STALE_DAYS = 10_000


def write_damaged_rows(kind: str, snapshot: Path, settings: Settings, target: Path) -> None:
    """The snapshot under one kind of damage, written as parquet.

    Raises DataError naming the setting that is missing when this damage cannot be done.
    """
    import pandas as pd

    frame = ROW_KINDS[kind](pd.read_parquet(snapshot), settings)
    target.parent.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(target)


def _shuffled_labels(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """The label in another order."""
    import numpy as np

    label = settings.data.label
    if label not in frame.columns:
        raise DataError(
            f"the snapshot has no column {label!r} to shuffle",
            hint="set [data] label in nbprod.toml, or name another sabotage",
        )
    order = np.random.default_rng(_SEED).permutation(len(frame))
    return frame.assign(**{label: frame[label].to_numpy()[order]})


def _broken_rows(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Of five rows one is far out of range, or of no category, and another one is missing."""
    broken = frame.copy()
    for name in _inputs(frame, settings):
        column = broken[name]
        if _is_number(column):
            values = column.astype("float64").to_numpy().copy()
            values[::5], values[2::5] = -1e18, float("nan")
            broken[name] = values
        elif _is_text(column):
            texts = column.astype("object").to_numpy().copy()
            texts[::5], texts[2::5] = "\x00broken", None
            broken[name] = texts
    return broken


def _drifted_rows(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """Numbers moved by three standard deviations, all text the value that was rarest."""
    drifted = frame.copy()
    for name in _inputs(frame, settings):
        column = frame[name]
        if _is_number(column):
            spread = float(column.astype("float64").std()) or 1.0
            drifted[name] = column.astype("float64") + 3 * spread
        elif _is_text(column) and column.notna().any():
            drifted[name] = column.value_counts().index[-1]
    return drifted


def _repeated_rows(frame: pd.DataFrame, _settings: Settings) -> pd.DataFrame:
    """The first half twice."""
    import pandas as pd

    half = frame.iloc[: max(1, len(frame) // 2)]
    return pd.concat([half, half], ignore_index=True)


def _stale_rows(frame: pd.DataFrame, settings: Settings) -> pd.DataFrame:
    """All times long ago."""
    import pandas as pd

    time = settings.data.time
    if time not in frame.columns:
        raise DataError(
            "the snapshot has no time column to move back",
            hint="set [data] time in nbprod.toml, or name another sabotage",
        )
    return frame.assign(**{time: pd.to_datetime(frame[time]) - pd.Timedelta(days=_STALE_DAYS)})


ROW_KINDS: dict[str, Callable[[Any, Any], Any]] = {
    SHUFFLED_LABELS: _shuffled_labels,
    "broken_rows": _broken_rows,
    "drifted_rows": _drifted_rows,
    "repeated_rows": _repeated_rows,
    "stale_rows": _stale_rows,
}


def _inputs(frame: pd.DataFrame, settings: Settings) -> list[str]:
    kept = {*settings.not_inputs, *settings.data.key, settings.data.time}
    return [str(name) for name in frame.columns if name not in kept]


def _is_number(column: pd.Series[Any]) -> bool:
    import pandas as pd

    kind = column.dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_bool_dtype(kind)


def _is_text(column: pd.Series[Any]) -> bool:
    import pandas as pd

    return pd.api.types.is_string_dtype(column.dtype) or column.dtype == object
