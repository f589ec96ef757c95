"""Which columns of a raw row a transform reads: what a caller must send."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


def columns_read(
    transform: Callable[[pd.DataFrame], pd.DataFrame], frame: pd.DataFrame
) -> tuple[str, ...]:
    """The columns without which the transform fails or gives other features.

    transform: raw rows -> features, the state already bound. frame: some raw rows, at least one.
    Each column is left out once, so that a column read only under a condition that these rows
    do not meet is not found; `contract show` lists what was found, and its owner may add to it.
    """
    whole = transform(frame.copy())
    read = []
    for name in frame.columns:
        without = frame.drop(columns=[name])
        try:
            same = transform(without).equals(whole)
        except Exception:  # noqa: BLE001 - whatever the user's code raises, it needed the column
            same = False
        if not same:
            read.append(str(name))
    return tuple(read)
