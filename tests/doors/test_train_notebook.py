"""`nbprod train --notebook`: papermill runs the notebook, too, and its values are compared."""

from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from command import nbprod

from nbprod import tracking


@pytest.fixture(scope="module")
def extracted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A starter project with its module."""
    folder = tmp_path_factory.mktemp("starter") / "project"
    assert nbprod("init", str(folder), cwd=folder.parent).code == 0
    assert nbprod("extract", cwd=folder).code == 0
    return folder


def test_notebook_and_module_agree_and_then_do_not(extracted: Path) -> None:
    """Features and predictions are the same to the bit with the same parameters and seed; after a
    cell was changed without extracting, the run says which value differs, and is kept all the same.
    """
    arguments = ("train", "--notebook", "--seed", "3", "-p", "regularisation", "0.5", "--json")
    same = nbprod(*arguments, cwd=extracted)
    assert same.code == 0, same.err
    verdicts = {step["name"]: step["verdict"] for step in same.record["notebook"]}
    assert verdicts == {"features (X_train)": "bit-equal", "predictions (predictions)": "bit-equal"}
    copy = extracted / ".nbprod" / "runs" / same.record["id"] / "train.ipynb"
    node = nbformat.read(copy, as_version=4)
    (injected,) = [c for c in node.cells if "injected-parameters" in c.metadata.get("tags", [])]
    assert "regularisation = 0.5" in injected.source
    assert "set_seeds(3)" in node.cells[0].source

    path = extracted / "notebooks" / "train.ipynb"
    text = path.read_text()
    changed = text.replace("/ spread[name]", "/ spread[name] * 2")
    assert changed != text
    path.write_text(changed)
    other = nbprod(*arguments, cwd=extracted)
    assert other.code == 1, other.err
    errors = [item for item in other.record["findings"] if item["severity"] == "error"]
    assert {item["code"] for item in errors} == {"NBS035"}
    assert "features (X_train)" in errors[0]["message"]
    assert "--prove" in errors[0]["hint"]
    assert (extracted / ".nbprod" / "runs" / other.record["id"] / "record.json").is_file()


def test_a_notebook_that_raises_leaves_no_run(extracted: Path) -> None:
    """Exit 1 with the notebook's own cell number; no candidate without its whole run."""
    path = extracted / "notebooks" / "train.ipynb"
    node = nbformat.read(path, as_version=4)
    node.cells.append(nbformat.v4.new_code_cell("raise RuntimeError('at the end')"))
    nbformat.write(node, path)
    before = sorted((extracted / ".nbprod" / "runs").glob("*"))
    store = f"sqlite:///{extracted}/.nbprod/mlflow.db"
    candidate = tracking.aliases(store, "strong-wine")
    result = nbprod("train", "--notebook", "--json", cwd=extracted)
    assert result.code == 1
    error = json.loads(result.out)["error"]
    assert "at the end" in error["message"]
    assert f"cell {len(node.cells)}," in error["message"]
    assert sorted((extracted / ".nbprod" / "runs").glob("*")) == before
    assert tracking.aliases(store, "strong-wine") == candidate
