"""The model fitted on prepared rows, and what it says of the rows it never saw."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.predictor import LoadedModule, predict_rows, transform_rows
from nbprod.training.contract_checks import contract_warnings
from nbprod.training.metrics import holdout_metrics, task_warning
from nbprod.training.preparation import Prepared, input_rows, label_name, timed

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from nbprod.config import Settings
    from nbprod.records import DataContract, Finding


@dataclass(frozen=True)
class Fitted:
    """A trained model, and what it says of the held-out rows."""

    model: Any
    fed: pd.DataFrame  # the training features as train() left them
    outputs: pd.DataFrame  # of the holdout
    metrics: dict[str, float]
    call: Callable[[Any], Any]  # predict on a few rows with another model in its place
    findings: tuple[Finding, ...]


def fit_model(
    package: LoadedModule, settings: Settings, contract: DataContract, prepared: Prepared
) -> Fitted:
    """Train by the module, then transform, predict and measure the held-out rows.

    Each step's seconds go to ``prepared.durations_s``. Raises ExecutionError with the place when
    the module's code raises.
    """
    durations = prepared.durations_s
    columns = list(prepared.features.columns)
    with timed(durations, "train"):
        model = package.call(
            "training.train", prepared.features, prepared.label, prepared.parameters
        )
    # A train cell that changes its features in place has fed the model the changed ones;
    # columns it only added (say, its own predictions) are not features.
    fed = prepared.features[[name for name in columns if name in prepared.features]]
    names = [rule.name for rule in contract.output]
    with timed(durations, "holdout features"):
        inputs = input_rows(prepared.holdout, settings, contract)
        features = transform_rows(package, inputs, prepared.state)
    with timed(durations, "inference"):
        outputs = predict_rows(package, model, features, prepared.state, names)
    with timed(durations, "metrics"):
        label = prepared.holdout[label_name(settings)]
        known = label.notna()
        metrics = holdout_metrics(outputs[known], label[known], settings.model.task)

    def call(other: Any) -> Any:
        return predict_rows(package, other, features.head(8), prepared.state, names)

    findings = (
        *task_warning(label[known], settings.model.task),
        *contract_warnings(contract, fed, outputs, package.path),
    )
    return Fitted(model, fed, outputs, metrics, call, findings)
