"""What a reviewer looks at: predictions for rows the model never saw, the most surprising first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.errors import DataError
from nbprod.predictor.predict import records_of
from nbprod.records import REDACTED, Json

if TYPE_CHECKING:
    from collections.abc import Collection

    import pandas as pd

    from nbprod.predictor.predict import Predictor


def surprising_predictions(
    predictor: Predictor,
    frame: pd.DataFrame,
    *,
    label: str,
    rows: int,
    redact: Collection[str] = (),
) -> list[Json]:
    """Rows with their inputs, what was predicted and what was observed; most surprising first.

    Surprise is the distance between prediction and label where both are numbers, else whether
    they differ; rows whose label is unknown come last. redact: columns whose values are hidden.
    """
    if frame.empty:
        raise DataError("the run held out no row", hint="check [data] holdout in nbprod.toml")
    frame = frame.reset_index(drop=True)
    output = predictor.predict(frame)
    name = label if label in output else output.columns[0]
    observed = frame.get(label)
    order = _surprise(output[name], observed).sort_values(ascending=False, kind="stable").index
    inputs = [rule.name for rule in predictor.contract.input if rule.name in frame.columns]
    shown = frame.loc[order[:rows], inputs].copy()
    for column in output.columns:
        shown[f"predicted {column}"] = output.loc[shown.index, column]
    if observed is not None:
        shown[f"observed {label}"] = observed[shown.index]
    return [
        {key: REDACTED if _bare(key) in redact else _rounded(value) for key, value in row.items()}
        for row in records_of(shown)
    ]


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
