"""The module's own code on rows the contract accepted, and what its results have to be."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from nbprod.data.contract import frame_of
from nbprod.errors import ExecutionError

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from nbprod.predictor.modules import LoadedModule
    from nbprod.records import ColumnRule


def served_rows(
    module: LoadedModule,
    accepted: pd.DataFrame | Sequence[Mapping[str, Any]],
    rules: tuple[ColumnRule, ...],
    state: Any,
) -> pd.DataFrame:
    """Features of a request's rows, which the contract accepted, as serving computes them.

    By the module's ``transform_online``, one record at a time, where the notebook has one: a
    record has the contract's types (datetimes are `datetime.datetime`). Else by its transform.
    Raises ExecutionError where either raises, or does not give a mapping or a row for each row.
    """
    import pandas as pd

    if isinstance(accepted, pd.DataFrame):
        return transform_rows(module, accepted, state)
    if not module.has_entry("features.transform_online"):
        return transform_rows(module, frame_of(accepted, rules), state)
    answers = []
    for row in accepted:
        answer = module.call("features.transform_online", dict(row), state)
        if not isinstance(answer, Mapping):
            raise ExecutionError(
                f"features.transform_online() returned a {type(answer).__name__}, not a dict",
                hint="return {feature: value} for the record",
            )
        answers.append(answer)
    return pd.DataFrame(answers)


def transform_rows(module: LoadedModule, frame: pd.DataFrame, state: Any) -> pd.DataFrame:
    """The module's transform on a frame; one row of features for each row, the index kept.

    Raises ExecutionError when it raises, or when rows were dropped, added or reordered: then
    an answer could not be matched with its request, nor a label with its features.
    """
    import pandas as pd

    features = module.call("features.transform", frame, state)
    if not isinstance(features, pd.DataFrame):
        raise ExecutionError(
            f"features.transform() returned a {type(features).__name__}, not a DataFrame",
            hint="the features cells must leave one frame with a row for each raw row",
        )
    if not features.index.equals(frame.index):
        raise ExecutionError(
            f"features.transform() changed the rows: {len(frame)} in, {len(features)} out"
            + ("" if len(features) != len(frame) else ", with another index"),
            hint="keep one row for each raw row and its index: drop or sort rows in the data cell",
        )
    return features


def predict_rows(
    module: LoadedModule, model: Any, features: pd.DataFrame, state: Any, names: Sequence[str] = ()
) -> pd.DataFrame:
    """The module's predict on features: a frame with one column for each output.

    names: the outputs' names, where predict returns an array or an unnamed Series.
    Raises ExecutionError when it raises, or returns something else than one row for each row.
    """
    import numpy as np
    import pandas as pd

    predict = module.entry_point("inference.predict")
    arguments = (model, features, state)[: 3 if _takes_state(predict) else 2]
    result = module.call("inference.predict", *arguments)
    if isinstance(result, pd.Series):
        result = result.to_frame(names[0] if result.name is None and names else result.name)
    elif (
        isinstance(result, np.ndarray | list)
        and np.ndim(result) <= 2
        and len(result) == len(features)
    ):
        columns = list(names) if np.ndim(result) == 2 else [*names, "prediction"][:1]
        result = pd.DataFrame(result, index=features.index, columns=columns or None)
    if not isinstance(result, pd.DataFrame) or len(result) != len(features):
        raise ExecutionError(
            f"inference.predict() returned a {type(result).__name__}"
            + (f" of {len(result)} rows for {len(features)}" if hasattr(result, "__len__") else ""),
            hint="return a DataFrame with features.index and one column for each output",
        )
    if not result.index.equals(features.index):
        raise ExecutionError(
            "inference.predict() returned another index than its features have",
            hint="build the result with index=features.index",
        )
    return result


@lru_cache(maxsize=64)
def _takes_state(predict: Callable[..., Any]) -> bool:
    return len(inspect.signature(predict).parameters) > 2
