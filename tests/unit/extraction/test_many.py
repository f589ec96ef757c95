"""Many notebooks in one call: each its record or its error, in order, however many processes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbprod.errors import NbprodError, NotebookError
from nbprod.extraction.many import extract_many, inspect_many
from nbprod.records import Extraction, Inspection

CELLS = [
    ("data", "import pandas as pd\nframe = pd.DataFrame({'x': range(SIZE), 'late': 0})"),
    ("features", "X = frame[['x']] * 2"),
    ("train", "y = frame['late']\nmodel = float((X['x'] + y).mean())"),
]


def write(path: Path, size: int) -> Path:
    cells = [
        {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": {"tags": [f"nbprod:{role}"]},
            "execution_count": None,
            "outputs": [],
            "source": source.replace("SIZE", str(size)),
        }
        for number, (role, source) in enumerate(CELLS)
    ]
    path.write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4}))
    return path


@pytest.mark.parametrize("count", [3, 20])
def test_each_has_its_record_or_its_error(tmp_path: Path, count: int) -> None:
    """In the order they were given; one that cannot be read stops no other."""
    paths = [write(tmp_path / f"n{number}.ipynb", number + 5) for number in range(count)]
    paths[1].write_text("{")
    seen = inspect_many(paths, label="late", workers=2)
    assert [isinstance(item, Inspection) for item in seen] == [n != 1 for n in range(count)]
    assert isinstance(seen[1], NotebookError)
    assert seen[1].hint
    pairs = [(path, tmp_path / f"package_{path.stem}") for path in paths]
    made = extract_many(pairs, project_path=tmp_path, label="late", workers=2)
    assert isinstance(made[1], NbprodError)
    assert [item.package for item in made if isinstance(item, Extraction)] == [
        f"package_n{number}" for number in range(count) if number != 1
    ]
    assert f"range({count + 4})" in (pairs[-1][1] / "data.py").read_text()


def test_a_package_belongs_to_one_notebook(tmp_path: Path) -> None:
    """Two notebooks are not written over each other."""
    paths = [write(tmp_path / f"n{number}.ipynb", 5) for number in range(2)]
    with pytest.raises(ValueError, match="one package"):
        extract_many([(path, tmp_path / "p") for path in paths], project_path=tmp_path)
