"""What a reviewer looks at: predictions for rows the model never saw, the most surprising first."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

from nbprod.errors import DataError
from nbprod.predictor.plain_frames import records_of
from nbprod.records import REDACTED, Json

_ORDINARY = 8
_SURPRISING, _LEAST = 20, 20  # the worst twentieth, and rows below which nothing is said of it
_MOST_VALUES, _MOST_SHOWN, _BINS = 40, 8, 12

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from nbprod.predictor.predict import Predictor


def review_evidence(
    predictor: Predictor,
    frame: pd.DataFrame,
    *,
    label: str,
    rows: int,
    redact: Collection[str] = (),
) -> Json:
    """What a reviewer looks at, as plain data.

    ``surprising``: rows with what was predicted, what was observed, and their inputs, the most
    surprising first; ``ordinary``: a few by chance, the same way. Surprise is the distance between
    prediction and label where both are numbers, else whether they differ; rows whose label is
    unknown come last. ``where``: values of inputs that are more frequent among the most
    surprising twentieth than among all. ``answers``: shares of the predictions by bin, for each
    of two observed classes, or beside what was observed. redact: columns whose values are hidden.
    """
    if frame.empty:
        raise DataError("the run held out no row", hint="check [data] holdout in nbprod.toml")
    frame = frame.reset_index(drop=True)
    output = predictor.predict(frame)
    name = label if label in output else output.columns[0]
    observed = frame.get(label)
    surprise = _surprise(output[name], observed)
    order = surprise.sort_values(ascending=False, kind="stable").index
    inputs = frame[[r.name for r in predictor.contract.input if r.name in frame.columns]]
    shown = _beside(output, observed, inputs, label)
    chance = frame.sample(min(_ORDINARY, len(frame)), random_state=0).index
    hidden = label in redact or name in redact
    return {
        "surprising": _plain(shown.loc[order[:rows]], redact),
        "ordinary": _plain(shown.loc[chance], redact),
        "where": _where(inputs.drop(columns=[c for c in redact if c in inputs]), surprise),
        "answers": {} if hidden else _answers(output[name], observed),
    }


def _beside(
    output: pd.DataFrame, observed: pd.Series[Any] | None, inputs: pd.DataFrame, label: str
) -> pd.DataFrame:
    """Predicted, observed, inputs: what is to be judged stands first."""
    import pandas as pd

    parts = [output.add_prefix("predicted ")]
    if observed is not None:
        parts.append(observed.rename(f"observed {label}").to_frame())
    return pd.concat([*parts, inputs], axis=1)


def _plain(shown: pd.DataFrame, redact: Collection[str]) -> list[Json]:
    return [
        {key: REDACTED if _bare(key) in redact else _rounded(value) for key, value in row.items()}
        for row in records_of(shown)
    ]


def _where(inputs: pd.DataFrame, surprise: pd.Series[Any]) -> list[Json]:
    """Values that at least doubled their share among the most surprising rows, most rows first."""
    import pandas as pd

    count = len(surprise) // _SURPRISING
    if count < _LEAST or surprise.max() <= 0:
        return []
    worst = surprise.nlargest(count).index
    found = []
    for name in inputs.columns:
        column = inputs[name]
        if pd.api.types.is_numeric_dtype(column.dtype) and column.nunique() > _MOST_VALUES:
            column = pd.qcut(column, 10, duplicates="drop")
        elif column.nunique() > _MOST_VALUES:
            continue
        texts = column.astype(str)
        everywhere = texts.value_counts().to_dict()
        for value, rows in texts[worst].value_counts().to_dict().items():
            share, usual = rows / count, everywhere[value] / len(texts)
            if rows >= _LEAST and share > 2 * usual:
                told: Json = {"column": str(name), "value": str(value), "rows": int(rows)}
                found.append(told | {"share": round(share, 4), "usual": round(usual, 4)})
    found.sort(key=lambda one: one["usual"] - one["share"])
    return found[:_MOST_SHOWN]


def _answers(predicted: pd.Series[Any], observed: pd.Series[Any] | None) -> Json:
    """Name -> bin -> share, in bins that all of them have; {} where there is nothing to bin."""
    import pandas as pd

    if observed is None or not pd.api.types.is_numeric_dtype(predicted.dtype):
        return {}
    known = observed.notna() & predicted.notna()
    predicted, observed = predicted[known].astype(float), observed[known]
    classes = sorted(observed.unique(), key=str)
    if not len(predicted) or not pd.api.types.is_numeric_dtype(observed.dtype):
        return {}
    if len(classes) == 2:
        parts = {f"observed {value}": predicted[observed == value] for value in classes}
    else:
        parts = {"observed": observed.astype(float), "predicted": predicted}
    every = pd.concat(parts.values())
    if every.nunique() < 2:
        return {}
    binned = pd.cut(every, _BINS)
    edges = [-math.inf, *(one.right for one in binned.cat.categories[:-1]), math.inf]
    names = [f"[{low:.2g}, {high:.2g})" for low, high in itertools.pairwise(edges)]
    return {
        title: dict(zip(names, _shares(values, binned.cat.categories), strict=True))
        for title, values in parts.items()
    }


def _shares(values: pd.Series[Any], bins: Any) -> list[float]:
    import pandas as pd

    counts = pd.cut(values, bins).value_counts(normalize=True, sort=False)
    return [round(float(share), 5) for share in counts]


def _surprise(predicted: pd.Series[Any], observed: pd.Series[Any] | None) -> pd.Series[Any]:
    import pandas as pd

    if observed is None:
        return pd.Series(0.0, index=predicted.index)
    numbers = [pd.to_numeric(column, errors="coerce") for column in (predicted, observed)]
    if all(column.notna().any() for column in numbers):
        return (numbers[0].astype(float) - numbers[1].astype(float)).abs().fillna(-1.0)
    differs = (predicted.astype(str) != observed.astype(str)).astype(float)
    return differs.where(observed.notna(), -1.0)


def _bare(name: str) -> str:
    """The column that a shown one is about."""
    for word in ("predicted ", "observed "):
        name = name.removeprefix(word)
    return name


def _rounded(value: Any) -> Any:
    return round(value, 4) if isinstance(value, float) else value
