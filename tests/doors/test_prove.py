"""`nbprod extract --prove` and `Project.prove()`: cells and module in processes of their own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command import nbprod

from nbprod import Project
from nbprod.records import sha256

SETTINGS = """\
[model]
name  = "tiny-trips"
owner = "me@example.com"

[notebooks]
train = "notebooks/train.ipynb"

[data]
label = "late"
"""
NOTEBOOK = """\
# %% tags=["parameters"]
rows = 60

# %%
import numpy as np
import pandas as pd

raise RuntimeError("an untagged cell does not run")

# %% tags=["nbprod:data"]
trips = pd.DataFrame({"km": np.arange(rows, dtype=float), "late": np.arange(rows) % 2})

# %% tags=["nbprod:lib"]
def scaled(km):
    return km / 10.0

# %% tags=["nbprod:fit"]
middle = trips["km"].mean()

# %% tags=["nbprod:features"]
X = pd.DataFrame({"near": scaled(trips["km"]) - middle})

# %% tags=["nbprod:train"]
class Mean:
    def fit(self, X, y):
        self.mean = float(y.mean())
        return self

    def predict(self, X):
        return np.full(len(X), self.mean) + X["near"].to_numpy()


model = Mean().fit(X, trips["late"])

# %% tags=["nbprod:predict"]
predictions = pd.DataFrame({"late": model.predict(X)}, index=X.index)

# %% tags=["nbprod:test"]
def test_scaled():
    assert scaled(20.0) == 2.0
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project of one small notebook."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "nbprod.toml").write_text(SETTINGS)
    cells = []
    for number, text in enumerate(re.split(r"^# %%", NOTEBOOK, flags=re.MULTILINE)[1:], start=1):
        head, _, source = text.partition("\n")
        tags = {"tags": json.loads(head.partition("=")[2])} if "=" in head else {}
        cell = {"cell_type": "code", "id": f"cell-{number}", "metadata": tags, "outputs": []}
        cells.append({**cell, "execution_count": None, "source": source.strip("\n")})
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "notebooks" / "train.ipynb").write_text(json.dumps(notebook))
    return tmp_path


def _edit(path: Path, old: str, new: str) -> None:
    if path.suffix == ".ipynb":
        old, new = json.dumps(old)[1:-1], json.dumps(new)[1:-1]
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_clean_module_is_proved(project: Path) -> None:
    """Exit 0; the record holds every value's verdict, the inline tests and what it was made of."""
    result = nbprod("extract", "--prove", "--json", cwd=project)
    assert result.code == 0, result.err
    extraction, proof = result.record
    assert proof["passed"] is True
    assert proof["version"] == extraction["version"]
    assert set(proof["inputs"]) == {extraction["id"], "notebooks/train.ipynb"}
    verdicts = {value["name"]: value["verdict"] for value in proof["values"]}
    assert verdicts == dict.fromkeys(
        ["rows", "trips", "middle", "X", "model", "predictions"], "same"
    )
    assert proof["tests"] == {"passed": 1}
    saved = list((project / ".nbprod" / "proofs").glob("*.json"))
    assert [path.stem for path in saved] == [proof["id"]]


def test_a_module_that_is_not_the_notebook_is_found(project: Path) -> None:
    """One changed line, and a test that fails: both named with the notebook's cell and line."""
    _edit(project / "notebooks" / "train.ipynb", "== 2.0", "== 3.0")
    found = Project.load(project)
    extraction = found.extract()
    assert extraction.changed
    # as if extraction had written it: the manifest knows the changed file
    package = project / "tiny_trips"
    digest = sha256((package / "features.py").read_bytes())
    _edit(package / "features.py", '["km"].mean()', '["km"].median() + 1')
    _edit(package / "nbprod.json", digest, sha256((package / "features.py").read_bytes()))
    proof = found.prove()
    assert not proof.passed
    differs, failed = proof.findings
    assert (differs.code, differs.details["value"], differs.details["role"]) == (
        "NBX030",
        "middle",
        "state",
    )
    assert (differs.cell_id, differs.line) == ("cell-5", 1)
    assert (differs.details["expected"], differs.details["actual"]) == (29.5, 30.5)
    assert "X, model, predictions" in differs.message
    assert (failed.code, failed.cell_id, failed.line) == ("NBX032", "cell-9", 2)
    assert failed.message.startswith("test_scaled: assert 2.0 == 3.0")
    assert proof.tests == {"failed": 1}


def test_the_users_own_code_raises(project: Path) -> None:
    """Exit 1 with the cell and line: from the cells alone, and from the module in parity."""
    notebook = project / "notebooks" / "train.ipynb"
    _edit(notebook, "rows = 60", "rows = 0")
    _edit(notebook, 'middle = trips["km"].mean()', 'known = trips\nmiddle = known["km"].iloc[0]')
    result = nbprod("extract", "--prove", cwd=project)
    assert result.code == 1
    assert "cell 5, line 2 raised IndexError" in result.err
    assert "at: notebooks/train.ipynb, cell 5 (cell-5), line 2" in result.err
    _edit(notebook, "rows = 0", "rows = 60")
    _edit(notebook, ".iloc[0]", '.loc["nowhere"]')
    assert nbprod("extract", cwd=project).code == 0
    result = nbprod("parity", cwd=project)
    assert result.code == 1
    assert "features.fit() raised KeyError" in result.err
    assert "at: notebooks/train.ipynb, cell 5 (cell-5), line 2" in result.err
