"""The quality layer: predictions against the outcomes that came.

Slices and confidence intervals are the gate's; here each threshold without a slice is compared
with the value over all labelled predictions.
"""

from __future__ import annotations

import operator
import re
from typing import TYPE_CHECKING, Any

from nbprod.monitoring.rules import finding

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame, Series

    from nbprod.records import Finding

_THRESHOLD = re.compile(r"^(>=|<=|>|<|==)\s*(\S+)$")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}


def measure(rows: DataFrame, *, task: str, label: str) -> dict[str, float]:
    """Metrics of the labelled predictions among these rows; empty without any.

    rows: as ``prediction_log.joined`` gives them. task: ``classification`` or ``regression``.
    label: the outcome's name, and the output's where there are several.
    classification: auc, brier, log_loss, accuracy, base_rate, mean_prediction, for a probability
    of a yes-or-no outcome; accuracy alone for predicted classes. regression: mae, rmse, r2.
    Answers of the fallback are not the model's and are left out.
    """
    known = rows[rows["labelled"] & ~rows["degraded"].astype(bool)]
    answer = _answer_column(known, label)
    if known.empty or answer is None:
        return {}
    if task == "classification":
        return _classification(known["outcome"], known[answer])
    return _regression(known["outcome"], known[answer])


def judge(
    quality: Mapping[str, float], thresholds: Mapping[str, str], *, labelled: int, min_rows: int
) -> list[Finding]:
    """A finding for each threshold that the quality does not reach.

    thresholds: metric -> ``">= 0.70"``; those of a slice (``auc[origin]``) are the gate's.
    With fewer labelled predictions than ``min_rows`` nothing is judged, and that is said.
    """
    if labelled < min_rows:
        few = f"{labelled} labelled predictions are too few to judge quality ({min_rows} wanted)"
        return [finding("NBM010", few, labelled=labelled)]
    found = []
    for name, threshold in thresholds.items():
        match = _THRESHOLD.match(threshold.strip())
        if name not in quality or match is None:
            continue
        if not _COMPARE[match[1]](quality[name], float(match[2])):
            found.append(
                finding(
                    "NBM003",
                    f"{name} is {quality[name]:.4f} over {labelled} labelled predictions, "
                    f"the threshold is {threshold}",
                    metric=name,
                    value=quality[name],
                    labelled=labelled,
                )
            )
    return found


def _answer_column(rows: DataFrame, label: str) -> str | None:
    named = [str(name) for name in rows.columns if str(name).startswith("output.")]
    for name in ("output", f"output.{label}", *named[:1]):
        if name in rows:
            return name
    return None


def _classification(outcome: Series[Any], answer: Series[Any]) -> dict[str, float]:
    import pandas as pd

    truth = pd.to_numeric(outcome.map(_as_number), errors="coerce")
    score = pd.to_numeric(answer.map(_as_number), errors="coerce")
    yes_or_no = truth.isin([0, 1]).all() and score.between(0, 1).all()
    if not yes_or_no:
        same = [str(a) == str(b) for a, b in zip(outcome, answer, strict=True)]
        return {"accuracy": sum(same) / len(same)}
    return _probability(truth.to_numpy(dtype=int), score.to_numpy(dtype=float))


def _probability(truth: NDArray[np.int_], score: NDArray[np.float64]) -> dict[str, float]:
    from sklearn import metrics

    found = {
        "accuracy": float(metrics.accuracy_score(truth, score >= 0.5)),
        "brier": float(metrics.brier_score_loss(truth, score)),
        "log_loss": float(metrics.log_loss(truth, score, labels=[0, 1])),
        "base_rate": float(truth.mean()),
        "mean_prediction": float(score.mean()),
    }
    if len(set(truth.tolist())) == 2:  # one class alone has no ranking
        found["auc"] = float(metrics.roc_auc_score(truth, score))
    return found


def _regression(outcome: Series[Any], answer: Series[Any]) -> dict[str, float]:
    import pandas as pd
    from sklearn import metrics

    pairs = pd.DataFrame({"truth": outcome, "answer": answer}).apply(pd.to_numeric, errors="coerce")
    pairs = pairs.dropna()
    if pairs.empty:
        return {}
    found = {
        "mae": float(metrics.mean_absolute_error(pairs["truth"], pairs["answer"])),
        "rmse": float(metrics.root_mean_squared_error(pairs["truth"], pairs["answer"])),
    }
    if len(pairs) > 1:
        found["r2"] = float(metrics.r2_score(pairs["truth"], pairs["answer"]))
    return found


def _as_number(value: Any) -> Any:
    return int(value) if isinstance(value, bool) else value
