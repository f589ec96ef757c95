"""Metrics of a run follow its task and the kind of its outputs."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from nbprod.training.metrics import holdout_metrics, task_warning

LABEL = pd.Series([0, 1, 1, 0], name="late")


def test_scores_of_a_binary_label():
    """A score in [0, 1] is judged by rank, by distance and at one half."""
    found = holdout_metrics(pd.DataFrame({"late": [0.1, 0.9, 0.4, 0.2]}), LABEL, "classification")
    assert (found["auc"], found["accuracy"]) == (1.0, 0.75)
    assert pytest.approx(found["brier"]) == (0.01 + 0.01 + 0.36 + 0.04) / 4
    assert -sum(map(math.log, (0.9, 0.9, 0.4, 0.8))) / 4 == pytest.approx(found["log_loss"])


def test_one_class_has_no_auc():
    """Where all labels are the same, what cannot be computed is left out."""
    found = holdout_metrics(pd.DataFrame({"p": [0.1, 0.2]}), LABEL.head(2) * 0, "classification")
    assert {"brier", "log_loss", "accuracy"} == set(found)


def test_predicted_classes():
    """Class names are compared as they are; the label's own column is the prediction."""
    outputs = pd.DataFrame({"score": [0.1, 0.2], "kind": ["a", "b"]})
    found = holdout_metrics(outputs, pd.Series(["a", "a"], name="kind"), "classification")
    assert found == {"accuracy": 0.5}


def test_regression():
    """Mean absolute and root mean squared error."""
    found = holdout_metrics(
        pd.DataFrame({"price": [1.0, 4.0]}), pd.Series([1.0, 2.0], name="y"), "regression"
    )
    assert (1.0, math.sqrt(2)) == (found["mae"], pytest.approx(found["rmse"]))


def test_what_cannot_be_compared_has_no_metric():
    """No rows, or text in a regression: nothing."""
    assert holdout_metrics(pd.DataFrame({"p": []}), LABEL.head(0), "regression") == {}
    words = pd.DataFrame({"p": ["a"]})
    assert holdout_metrics(words, pd.Series([1.0], name="y"), "regression") == {}


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_prediction_that_is_no_number_has_no_other_metric(task):
    """No mean that is none, no accuracy that counts it as wrong; rows without label are no rows."""
    outputs = pd.DataFrame({"late": [0.1, float("nan"), float("inf"), 0.4, 0.2]})
    label = pd.Series([0.0, 1.0, 1.0, 0.0, float("nan")], name="late")
    assert holdout_metrics(outputs, label, task) == {"not_a_number": 0.5}
    good = holdout_metrics(outputs.iloc[[0, 3, 4]], label.iloc[[0, 3, 4]], task)
    assert good == holdout_metrics(outputs.iloc[[0, 3]], label.iloc[[0, 3]], task)
    assert "not_a_number" not in good
    assert holdout_metrics(outputs.iloc[4:], label.iloc[4:], task) == {}


def test_a_number_judged_as_a_class_is_warned_of():
    """Prices are no classes; ten grades, 0 and 1, texts, and a regression's numbers are fine."""
    price = pd.Series(range(100), name="price") * 1.5
    (finding,) = task_warning(price, "classification")
    assert (finding.severity, finding.column) == ("warning", "price")
    assert 'task = "regression"' in finding.hint
    assert not task_warning(price, "regression")
    for label in (LABEL, price.astype(int) % 10, price.astype(str), pd.concat([price] * 4)):
        assert not task_warning(label, "classification")
