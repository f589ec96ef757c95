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
