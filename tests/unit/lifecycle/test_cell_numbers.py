"""Cells are told by the numbers that people count, wherever that is clear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import nbformat
import pytest

from nbprod.errors import DataError, ExtractionError
from nbprod.lifecycle.cell_numbers import cell_numbers
from nbprod.records import Extraction, Finding

if TYPE_CHECKING:
    from pathlib import Path


def _write(path: Path, *ids: str) -> None:
    cells = [nbformat.v4.new_code_cell("1", id=cell_id) for cell_id in ids]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of two notebooks that share an id."""
    (tmp_path / "nbprod.toml").write_text(
        '[model]\nname = "trips"\nowner = "me@example.com"\n[notebooks]\ntrain = "n.ipynb"\n'
    )
    _write(tmp_path / "n.ipynb", "a", "b", "c")
    _write(tmp_path / "gate.ipynb", "x", "c")
    return tmp_path


def _finding(**place: str) -> Finding:
    return Finding(code="NBX001", severity="error", message="m", **place)


def test_errors_and_findings_are_placed_by_number(folder: Path) -> None:
    """By the notebook they name, the record's, or the training one; an unclear id has none."""
    error = ExtractionError("m", hint="h", notebook="gate.ipynb", cell_id="c")
    assert cell_numbers(error, folder) == {"x": 1, "c": 2}
    record = Extraction(notebook="n.ipynb", package="p", version="v", findings=(_finding(),))
    assert cell_numbers(record, folder) == {}
    ours, gates = _finding(cell_id="b"), _finding(cell_id="x", notebook="gate.ipynb")
    both = Extraction(notebook="n.ipynb", package="p", version="v", findings=(ours, gates))
    assert cell_numbers(both, folder) == {"a": 1, "b": 2, "x": 1}
    assert cell_numbers(ExtractionError("m", hint="h", cell_id="b"), folder)["b"] == 2


def test_what_cannot_be_numbered_is_no_error(folder: Path, tmp_path: Path) -> None:
    """nbprod's own gate notebooks, a folder without a project, an error without a place."""
    built_in = ExtractionError("m", hint="h", notebook="nbprod:data", cell_id="c")
    assert cell_numbers(built_in, folder) == {}
    placed = ExtractionError("m", hint="h", cell_id="c")
    assert cell_numbers(placed, tmp_path / "none") == {}
    assert cell_numbers(DataError("m", hint="h"), folder) == {}
