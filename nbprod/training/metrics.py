"""The metrics of a run on its holdout, by the kind of task; the gate judges, this only tells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.records import Finding

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

_EPSILON = 1e-15
_MOST_CLASSES = 20
_ROWS_A_CLASS = 4


def holdout_metrics(outputs: pd.DataFrame, label: pd.Series, task: str) -> dict[str, float]:
    """Metric name -> value; empty where outputs and labels cannot be compared.

    classification with a score in [0, 1] against 0/1 labels: auc, brier, log_loss, accuracy (at
    0.5); with predicted classes: accuracy. Otherwise, numbers against numbers: mae, rmse, r2.
    Rows without a label are left out. Where a prediction is no number there is but one metric,
    ``not_a_number``: the share of such rows, in (0, 1].
    """
    import numpy as np
    import pandas as pd

    known = label.notna().to_numpy()
    outputs, label = outputs[known], label[known]
    if not len(outputs):
        return {}
    column = score_column(outputs, str(label.name))
    if pd.api.types.is_float_dtype(outputs[column]):
        share = float((~np.isfinite(outputs[column].to_numpy(dtype=float))).mean())
        if share:
            return {"not_a_number": share}
    if task == "classification":
        return _classification(outputs[column], label)
    if not pd.api.types.is_numeric_dtype(outputs[column]) or not pd.api.types.is_numeric_dtype(
        label
    ):
        return {}
    observed = label.to_numpy(dtype=float)
    error = outputs[column].to_numpy(dtype=float) - observed
    metrics = {"mae": float(abs(error).mean()), "rmse": float((error**2).mean() ** 0.5)}
    spread = float(((observed - observed.mean()) ** 2).mean())
    # of a constant label there is nothing to explain
    return {**metrics, "r2": 1.0 - metrics["rmse"] ** 2 / spread} if spread else metrics


def task_warning(label: pd.Series, task: str) -> tuple[Finding, ...]:
    """A warning where a classification's label is a number that hardly ever comes twice.

    Fewer than four rows a class, and more than twenty classes: it is measured, not named.
    """
    import pandas as pd

    if task != "classification" or not pd.api.types.is_numeric_dtype(label):
        return ()
    kinds, rows = label.nunique(), len(label)
    if kinds <= _MOST_CLASSES or kinds * _ROWS_A_CLASS <= rows:
        return ()
    return (
        Finding(
            code="NBC008",
            severity="warning",
            message=f"{label.name} is a number with {kinds:,} values in {rows:,} rows, "
            "and is judged as a classification",
            hint='set [model] task = "regression" in nbprod.toml, and train again',
            column=str(label.name),
        ),
    )


def score_column(outputs: pd.DataFrame, label: str) -> Any:
    """The column that is the prediction: the only one, the label's, else the first of floats."""
    import pandas as pd

    if label in outputs.columns:
        return label
    floats = [name for name in outputs if pd.api.types.is_float_dtype(outputs[name])]
    return (floats or list(outputs.columns))[0]


def _classification(output: pd.Series, label: pd.Series) -> dict[str, float]:
    import numpy as np
    import pandas as pd

    truth, scores = label.to_numpy(), output.to_numpy()
    numbers = pd.api.types.is_float_dtype(output) and pd.api.types.is_numeric_dtype(label)
    if numbers and set(np.unique(truth.astype(float))) <= {0.0, 1.0} and _are_scores(scores):
        return _binary(truth.astype(float), scores.astype(float))
    return {"accuracy": float((scores == truth).mean())}


def _are_scores(scores: np.ndarray[Any, Any]) -> bool:
    return bool((scores >= 0).all() and (scores <= 1).all())


def _binary(truth: np.ndarray[Any, Any], scores: np.ndarray[Any, Any]) -> dict[str, float]:
    import numpy as np

    bounded = np.clip(scores, _EPSILON, 1 - _EPSILON)
    found = {
        "brier": float(((scores - truth) ** 2).mean()),
        "log_loss": float(-(truth * np.log(bounded) + (1 - truth) * np.log(1 - bounded)).mean()),
        "accuracy": float(((scores >= 0.5) == (truth >= 0.5)).mean()),
    }
    if 0 < truth.sum() < len(truth):
        from sklearn.metrics import roc_auc_score

        found["auc"] = float(roc_auc_score(truth, scores))
    return found
