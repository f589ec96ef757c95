"""The candidate beside the champion: the same rows, the primary metric, a paired interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.errors import ConfigError, DataError
from nbprod.gates.intervals import Interval, auc_difference_interval
from nbprod.gates.thresholds import GateRules, Measurement, judge
from nbprod.predictor.predict import Predictor

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from nbprod.config import Settings
    from nbprod.records import Finding, GateCheck

# Damage that a comparison must notice, whatever the champion is worth.
WRONG = "wrong_predictions"
_RESAMPLES = 300
_SEED = 0
_DEFAULTS = {"classification": "auc", "regression": "mae", "ranking": "rank_correlation"}


@dataclass(frozen=True)
class Metric:
    """A metric that the gate can compute itself."""

    compute: Callable[[NDArray[Any], NDArray[Any]], float]
    higher_is_better: bool


def metric_named(name: str) -> Metric:
    """A metric by its usual name; ConfigError for one that is not known here."""
    from sklearn import metrics as sk

    def of_class(score: Callable[..., float]) -> Callable[[Any, Any], float]:
        return lambda y, p: float(score(y, p >= 0.5 if p.dtype.kind == "f" else p))

    known = {
        "auc": Metric(sk.roc_auc_score, True),
        "average_precision": Metric(sk.average_precision_score, True),
        "brier": Metric(lambda y, p: float(((p - y) ** 2).mean()), False),
        "log_loss": Metric(lambda y, p: float(sk.log_loss(y, p, labels=[0, 1])), False),
        "accuracy": Metric(of_class(sk.accuracy_score), True),
        "f1": Metric(of_class(sk.f1_score), True),
        "mae": Metric(sk.mean_absolute_error, False),
        "mse": Metric(sk.mean_squared_error, False),
        "rmse": Metric(sk.root_mean_squared_error, False),
        "r2": Metric(sk.r2_score, True),
        "ndcg": Metric(lambda y, p: float(sk.ndcg_score([y], [p])), True),  # one list
        "rank_correlation": Metric(_rank_correlation, True),
    }
    known["roc_auc"] = known["auc"]
    if name not in known:
        raise ConfigError(
            f"[gate] primary is {name!r}; the gate cannot compare two models by it",
            hint=f"one of: {', '.join(sorted(known))}",
        )
    return known[name]


def _rank_correlation(y: NDArray[Any], p: NDArray[Any]) -> float:
    """Spearman's: the correlation of the ranks, ties sharing the middle one; 0 for a constant."""
    import numpy as np
    import pandas as pd

    ranks = pd.DataFrame({"y": y, "p": p}).rank()
    if ranks.std().min() == 0:
        return 0.0
    return float(np.corrcoef(ranks["y"], ranks["p"])[0, 1])


def primary_name(settings: Settings) -> str:
    """[gate] primary, or the usual metric of the task."""
    return settings.gate.primary or _DEFAULTS[settings.model.task]


def compare_with_champion(
    settings: Settings, candidate: Path, baseline: Path, snapshot: Path
) -> tuple[GateCheck, tuple[Finding, ...]]:
    """How much better the candidate's primary metric is than the champion's, as a check.

    Loads both bundles in this process, so call it where the user's code may run. The value is
    positive where the candidate is better, with a paired interval; it passes when the candidate is
    surely no worse than by [gate] baseline max_regression. Its negative control, predictions
    that are wrong on every row, is tried on the spot.
    Raises ConfigError or DataError when the two cannot be compared.
    """
    import pandas as pd

    name = primary_name(settings)
    metric = metric_named(name)
    frame = pd.read_parquet(snapshot)
    label = settings.data.label
    if label not in frame.columns:
        raise DataError(
            f"the snapshot has no label {label!r}", hint="set [data] label in nbprod.toml"
        )
    frame = frame[frame[label].notna()]
    try:
        truth = frame[label].astype(float).to_numpy()
    except (TypeError, ValueError) as error:
        raise DataError(
            f"the label {label!r} is no number: {error}",
            hint="let the gate's own notebooks compare with the champion: [gate] baseline = {}",
        ) from error
    new = _numbers(candidate, frame, label, "the candidate")
    old = _numbers(baseline, frame, label, "the champion")
    allowed = float(settings.gate.baseline.get("max_regression", 0.0))
    rules = GateRules(confidence=settings.gate.confidence)

    def measure(scores: NDArray[Any]) -> Measurement:
        difference = _difference(name, metric, truth, scores, old, rules.confidence)
        return Measurement(
            name=f"{name} vs champion",
            value=difference.value,
            threshold=f">= {-allowed:g}" if allowed else ">= 0",
            rows=len(truth),
            low=difference.low,
            high=difference.high,
            sabotage=WRONG,
        )

    try:
        check, findings = judge(measure(new), rules)
        control, _ = judge(measure(_wrong(truth, settings.model.task)), rules)
    except ValueError as error:  # scikit-learn: one class only, labels of another kind
        raise DataError(
            f"{name} of candidate and champion cannot be measured: {error}",
            hint="look at the labels of the held-out rows, or choose another [gate] primary",
        ) from error
    import dataclasses

    return dataclasses.replace(check, sabotage_caught=control.verdict != "passed"), findings


def _numbers(bundle: Path, frame: pd.DataFrame, label: str, whose: str) -> NDArray[Any]:
    """The predictions of a bundle; DataError where one is no number: it compares with nothing."""
    import numpy as np

    values = prediction_column(Predictor.load(bundle).predict(frame), label)
    if wrong := int((~np.isfinite(values)).sum()):
        raise DataError(
            f"{whose} predicts no number for {wrong:,} of {len(values):,} rows",
            hint="look at these rows: NaN and infinity have no metric",
        )
    return values


def _wrong(truth: NDArray[Any], task: str) -> NDArray[Any]:
    """Predictions as wrong as they can be: the other class, or a value far off."""
    if task == "classification":
        return 1.0 - truth
    away: NDArray[Any] = truth + 10 * (truth.std() or 1.0)
    return away if task == "regression" else -truth


def prediction_column(output: pd.DataFrame, label: str) -> NDArray[Any]:
    """The column that is the prediction: the only one, the label's, else the first of floats.

    Raises DataError when none of the output's columns can be it.
    """
    import pandas as pd

    floats = [name for name in output.columns if pd.api.types.is_float_dtype(output[name].dtype)]
    if len(output.columns) == 1:
        column = output.columns[0]
    elif label in output.columns:
        column = label
    elif floats:
        column = floats[0]
    else:
        raise DataError(
            f"no output column to compare by: {', '.join(map(str, output.columns))}",
            hint=f"name the score like the label, {label!r}",
        )
    values: NDArray[Any] = output[column].astype(float).to_numpy()
    return values


def _difference(
    name: str,
    metric: Metric,
    truth: NDArray[Any],
    new: NDArray[Any],
    old: NDArray[Any],
    confidence: float,
) -> Interval:
    """Candidate minus champion, positive where the candidate is better."""
    if name in ("auc", "roc_auc"):
        return auc_difference_interval(truth, new, old, confidence=confidence)
    import numpy as np

    sign = 1.0 if metric.higher_is_better else -1.0

    def better(rows: Any) -> float:
        return sign * float(
            metric.compute(truth[rows], new[rows]) - metric.compute(truth[rows], old[rows])
        )

    rng = np.random.default_rng(_SEED)
    count = len(truth)
    drawn = [better(rng.integers(0, count, count)) for _ in range(_RESAMPLES)]
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Interval(better(slice(None)), float(low), float(high))
