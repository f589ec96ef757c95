"""Quality: the metrics of what was labelled, judged only where there is enough of it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from nbprod.monitoring.quality import judge, measure


def rows(outcome: list[object], **columns: object) -> pd.DataFrame:
    frame = pd.DataFrame({"outcome": pd.Series(outcome, dtype=object), "degraded": False})
    frame["labelled"] = frame["outcome"].notna()
    return frame.assign(**columns)


def test_probability_of_yes_or_no() -> None:
    """A probability is measured as scikit-learn does, over the labelled predictions only."""
    source = np.random.default_rng(0)
    truth = source.integers(0, 2, 300)
    score = np.clip(truth * 0.3 + source.random(300) * 0.7, 0, 1)
    outcome: list[object] = [int(value) for value in truth[:200]] + [None] * 100
    found = measure(rows(outcome, output=score), task="classification", label="late")
    truth, score = truth[:200], score[:200]
    assert found["auc"] == pytest.approx(metrics.roc_auc_score(truth, score))
    assert found["brier"] == pytest.approx(float(((truth - score) ** 2).mean()))
    assert found["log_loss"] == pytest.approx(metrics.log_loss(truth, score))
    assert found["accuracy"] == pytest.approx(float(((score >= 0.5) == truth).mean()))
    assert found["base_rate"] == pytest.approx(truth.mean())
    assert found["mean_prediction"] == pytest.approx(score.mean())


def test_booleans_and_one_class() -> None:
    """Booleans are yes and no; where only one of them occurred there is no AUC to tell."""
    found = measure(rows([True, True], output=[0.9, 0.8]), task="classification", label="late")
    assert found["accuracy"] == 1
    assert "auc" not in found


def test_predicted_classes() -> None:
    """Predicted classes have an accuracy and nothing a probability would need."""
    frame = rows(["cat", "dog", "cat"], output=["cat", "cat", "cat"])
    assert measure(frame, task="classification", label="x") == {"accuracy": pytest.approx(2 / 3)}


def test_regression() -> None:
    """Errors of a number; outcomes that are none are left out."""
    frame = rows([1.0, 2, 4.0, "broken"], output=[1.0, 3.0, 2.0, 9.0])
    found = measure(frame, task="regression", label="x")
    assert found["mae"] == pytest.approx(1.0)
    assert found["rmse"] == pytest.approx((5 / 3) ** 0.5)
    assert found["r2"] == pytest.approx(metrics.r2_score([1, 2, 4], [1, 3, 2]))
    assert measure(rows(["broken"], output=[1.0]), task="regression", label="x") == {}


def test_named_output_and_fallback() -> None:
    """With several outputs the label's is measured; answers of the fallback are left out."""
    frame = rows([1, 0, 0], **{"output.other": 9.0, "output.late": [1.0, 0.0, 1.0]})
    frame.loc[2, "degraded"] = True
    assert measure(frame, task="classification", label="late")["brier"] == 0


def test_nothing_to_measure() -> None:
    """Without labels, or without an answer, there is no quality."""
    assert measure(rows([None], output=[0.5]), task="classification", label="late") == {}
    assert measure(rows([1]), task="classification", label="late") == {}


def test_thresholds_are_judged() -> None:
    """A threshold that is not reached is a finding; slices and unknown metrics are the gate's."""
    thresholds = {"auc": ">= 0.7", "brier": "<= 0.18", "auc[origin]": ">= 0.99", "f1": ">= 0.9"}
    quality = {"auc": 0.65, "brier": 0.18}
    found = judge(quality, thresholds, labelled=500, min_rows=200)
    assert [(item.code, item.details["metric"]) for item in found] == [("NBM003", "auc")]
    assert "0.6500" in found[0].message
    assert found[0].hint


def test_few_labels_are_not_judged() -> None:
    """A bad value over too few labels is told to be too few, not a failure."""
    found = judge({"auc": 0.1}, {"auc": ">= 0.7"}, labelled=199, min_rows=200)
    assert [(item.code, item.severity) for item in found] == [("NBM010", "info")]
