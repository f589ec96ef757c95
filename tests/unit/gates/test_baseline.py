"""Candidate and champion on the same rows."""

from __future__ import annotations

import pandas as pd
import pytest

from nbprod.errors import ConfigError, DataError
from nbprod.gates.baseline import compare_with_champion


@pytest.fixture(scope="module")
def worse(tmp_path_factory, make):
    """A model fitted on labels of which almost half are wrong, and reversed in its answers."""
    return make(tmp_path_factory.mktemp("worse") / "bundle", noise=0.9)


@pytest.mark.parametrize("primary", ["auc", "brier", "log_loss", "accuracy", "mae"])
def test_a_worse_candidate_is_stopped(project, shared_bundle, worse, primary) -> None:
    """By any metric, whichever direction is better; the control is caught."""
    settings = project.settings(primary=primary, baseline_rule={"max_regression": 0.01})
    check, findings = compare_with_champion(
        settings, worse.folder, shared_bundle.folder, project.holdout
    )
    assert (check.verdict, check.threshold) == ("failed", ">= -0.01")
    assert check.value < -0.05
    assert [item.code for item in findings] == ["NBG004"]
    better, _ = compare_with_champion(settings, shared_bundle.folder, worse.folder, project.holdout)
    assert (better.verdict, better.sabotage_caught) == ("passed", True)
    assert better.low <= better.value <= better.high


def test_equal_models_are_equal(project, shared_bundle) -> None:
    """The champion against itself differs by nothing, and passes without any allowance."""
    settings = project.settings(baseline_rule={"max_regression": 0.0})
    check, _ = compare_with_champion(
        settings, shared_bundle.folder, shared_bundle.folder, project.holdout
    )
    assert (check.value, check.verdict, check.threshold) == (0.0, "passed", ">= 0")


def test_what_cannot_be_compared_is_an_error(project, shared_bundle, tmp_path) -> None:
    """An unknown metric and rows without labels are refused."""
    folder = shared_bundle.folder
    with pytest.raises(ConfigError, match="'lift'"):
        compare_with_champion(project.settings(primary="lift"), folder, folder, project.holdout)
    bare = tmp_path / "bare.parquet"
    pd.read_parquet(project.holdout).drop(columns="late").to_parquet(bare)
    with pytest.raises(DataError, match="no label"):
        compare_with_champion(project.settings(), folder, folder, bare)


def test_a_prediction_that_is_no_number_is_told(project, shared_bundle, make, tmp_path) -> None:
    """Of the candidate or of the champion, with how many rows it is; in a gate it is a failure."""
    gaps = make(tmp_path / "gaps" / "bundle", gaps=True).folder
    pairs = {"candidate": (gaps, shared_bundle.folder), "champion": (shared_bundle.folder, gaps)}
    for whose, (candidate, champion) in pairs.items():
        with pytest.raises(
            DataError, match=rf"the {whose} predicts no number for \d+ of 1,500 rows"
        ):
            compare_with_champion(project.settings(), candidate, champion, project.holdout)
    result = project.gate(baseline=gaps, baseline_rule={"alias": "champion"}, gates=())
    assert "NBG013" in [item.code for item in result.findings if item.severity == "error"]
    assert result.verdict == "failed"


@pytest.mark.parametrize("labels", [[1] * 1500, ["late"] * 1500])
def test_labels_that_have_no_metric_are_told(project, shared_bundle, tmp_path, labels) -> None:
    """One class only, or words."""
    rows = pd.read_parquet(project.holdout).assign(late=labels)
    rows.to_parquet(tmp_path / "odd.parquet")
    folder = shared_bundle.folder
    with pytest.raises(DataError):
        compare_with_champion(project.settings(), folder, folder, tmp_path / "odd.parquet")
