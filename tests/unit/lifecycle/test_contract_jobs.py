"""Which columns of a table the contract is not asked about."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest

from nbprod.lifecycle.contract_jobs import of_training


@pytest.fixture
def project(tmp_path: Path) -> SimpleNamespace:
    """A project whose training table has a label and a column beside the inputs."""
    pd.DataFrame({"km": [1], "late": [0], "remark": ["x"]}).to_parquet(tmp_path / "train.parquet")
    return SimpleNamespace(
        project_path=str(tmp_path),
        not_inputs=("late",),
        data=SimpleNamespace(train="train.parquet", query=""),
    )


def test_a_foreign_column_is_left_to_the_contract(project, trips):
    """Label and the training table's own columns are left out; any other is an extra one."""
    columns = ["km", "late", "remark", "colour"]

    assert of_training(project, trips.contract, columns, "march.parquet") == ["late", "remark"]


def test_the_training_table_has_no_foreign_column(project, trips):
    """A training table carries more than a caller sends."""
    columns = ["km", "late", "remark"]

    assert of_training(project, trips.contract, columns, "train.parquet") == ["late", "remark"]


def test_an_open_contract_knows_no_extra_column(project, trips):
    """Where the contract is not strict, nothing that is beside it is judged."""
    contract = dataclasses.replace(trips.contract, strict=False)

    assert of_training(project, contract, ["km", "colour"], "march.parquet") == ["colour"]
