"""What a transform returns, as a frame: pandas, polars, Arrow, arrays, sparse matrices, tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


class NoFrame(Exception):  # noqa: N818 - control flow of this room
    """A result is nothing that features could be read from."""


def as_frame(result: Any) -> pd.DataFrame:
    """A transform's result as a frame numbered from zero, each column under a name of its own.

    Raises NoFrame for anything that holds no table of features.
    """
    import pandas as pd

    frame = _framed(result)
    if not isinstance(frame, pd.DataFrame):
        raise NoFrame(f"the transform returned a {type(result).__name__}, not a frame")
    if isinstance(frame.columns, pd.MultiIndex):
        frame = frame.set_axis(["_".join(map(str, name)) for name in frame.columns], axis=1)
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()][0]
        raise NoFrame(f"the transform returned more than one column {twice!r}")
    return frame.reset_index(drop=True)


def records_frame(answers: list[Any]) -> pd.DataFrame:
    """One answer for each record, as a frame: each a mapping, a frame of one row, or a value."""
    import numpy as np
    import pandas as pd

    if answers and isinstance(answers[0], pd.DataFrame):
        return as_frame(pd.concat(answers, ignore_index=True))
    if answers and isinstance(answers[0], pd.Series):
        answers = [dict(answer) for answer in answers]
    if answers and isinstance(answers[0], np.ndarray | list | tuple):
        return as_frame(np.asarray([np.ravel(answer) for answer in answers]))
    return as_frame(pd.DataFrame(answers))


def _framed(result: Any) -> Any:
    import numpy as np
    import pandas as pd

    if isinstance(result, pd.DataFrame):
        return result
    if isinstance(result, pd.Series):
        return result.to_frame()
    if type(result).__module__.partition(".")[0] == "polars" and hasattr(result, "collect"):
        result = result.collect()
    if hasattr(result, "toarray"):  # a sparse matrix
        result = result.toarray()
    elif hasattr(result, "detach") and hasattr(result, "numpy"):  # a tensor
        result = result.detach().cpu().numpy()
    elif hasattr(result, "to_pandas"):  # polars, Arrow
        return _framed(result.to_pandas())
    if isinstance(result, np.ndarray) and result.dtype.names:  # a structured array
        return pd.DataFrame(result)
    if isinstance(result, np.ndarray) and result.ndim in (1, 2):
        made = pd.DataFrame(np.ma.filled(result, np.nan) if np.ma.isMA(result) else result)
        return made.set_axis(made.columns.map(str), axis=1)
    return result
