"""The version is over code that runs; the manifest tells edits, and the line behind a line."""

from __future__ import annotations

import ast
import json
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbprod.errors import ExtractionError, NotFoundError
from nbprod.extraction import locate, module_state
from nbprod.extraction.provenance import code_version

CELLS = [
    ("", "import pandas as pd"),
    ("parameters", "size = 4"),
    ("data", "frame = pd.DataFrame({'x': range(size)})\nframe['late'] = frame['x'] % 2"),
    ("features", "def double(rows):\n    # twice\n    return rows[['x']] * 2\n\nX = double(frame)"),
    ("train", "model = X.join(frame['late']).groupby('late').mean()"),
    ("predict", "predictions = pd.DataFrame({'late': X['x'] > model['x'].mean()}, index=X.index)"),
]


def test_version_ignores_comments_and_layout() -> None:
    """Two texts that run alike have one version; another value, or another file, has another."""
    one = code_version({"a.py": "def f(x):\n    return x+1\n", "tests/test_a.py": "1"})
    assert one == code_version({"a.py": "# hi\ndef f( x ):\n\n    return (x + 1)  # more\n"})
    assert one != code_version({"a.py": "def f(x):\n    return x + 2\n"})
    assert one != code_version({"b.py": "def f(x):\n    return x + 1\n"})
    assert one == code_version({"a.py": '"""From a.ipynb."""\ndef f(x): return x + 1\n'})
    assert one == code_version({"a.py": ast.parse("def f(x): return x + 1")})
    assert code_version({"a.py": "x = 1"}) != code_version({"a.py": "x = True"})
    assert code_version({"a.py": "x = 1"}) != code_version({"a.py": "x = '1'"})


def test_version_is_the_same_on_every_python() -> None:
    """The digest of syntax that Python versions store differently is this very one."""
    source = 'x = f"a{b!r:{w}.2f}c" "d" f"{e}" f""\ndef f(a, /, *b, c=1, **d) -> int: ...\n'
    assert (
        code_version({"a.py": source})
        == "9e831dee48cfebaa36453188e2401d5bfe2711cdf14094d74b4a0889a52a66d8"
    )


def test_module_state(carry: Callable[..., Any]) -> None:
    """An untouched module has no edits; a changed or missing file is told."""
    carried = carry(CELLS)
    state = module_state(carried.package)
    assert (state["version"], state["edited"]) == (carried.record.version, [])
    assert "features.transform" in state["entry_points"]
    features = carried.package / "features.py"
    features.write_text(features.read_text() + "\n")
    (carried.package / "data.py").unlink()
    assert module_state(carried.package)["edited"] == ["data.py", "features.py"]


def test_no_module(tmp_path: Path) -> None:
    """A folder without a manifest, or with another's, is an error with the way out."""
    with pytest.raises(NotFoundError, match="no module") as caught:
        module_state(tmp_path)
    assert "nbprod extract" in caught.value.hint
    for text in ("{", "[]", json.dumps({"format": 99, "files": {}})):
        (tmp_path / "nbprod.json").write_text(text)
        with pytest.raises(ExtractionError):
            module_state(tmp_path)


def test_manifest_keeps_the_cells(carry: Callable[..., Any]) -> None:
    """The manifest holds role and source of each tagged cell: the base for writing edits back."""
    carried = carry(CELLS)
    manifest = json.loads((carried.package / "nbprod.json").read_text())
    assert manifest["format"] == 1
    assert manifest["notebook"] == "notebooks/train.ipynb"
    assert manifest["cells"]["c2"] == {"role": "parameters", "source": "size = 4"}
    assert "c1" not in manifest["cells"]
    assert set(manifest["files"]) == set(carried.record.files)


def test_a_line_of_the_module_is_a_line_of_a_cell(carry: Callable[..., Any]) -> None:
    """Every mapped line has the text of its cell's line, up to names that were rewritten."""
    carried = carry(CELLS)
    for file in carried.record.files:
        for number, text in enumerate(carried.text(file).splitlines(), start=1):
            place = locate(carried.package, f"/somewhere/{carried.package.name}/{file}", number)
            if place is not None:
                cell, line = place
                source = CELLS[int(cell[1:]) - 1][1].splitlines()[line - 1]
                assert source.split("=")[0].split("(")[0].strip()[:4] in text or "frame" in text
    place = locate(
        carried.package, "features.py", _line(carried.text("features.py"), "return rows")
    )
    assert place == ("c4", 3)
    assert locate(carried.package, "features.py", 1) is None
    assert locate(carried.package, "elsewhere.py", 1) is None


def test_traceback_leads_to_the_cell(carry: Callable[..., Any]) -> None:
    """The line that raised in the module is found in the notebook."""
    carried = carry(CELLS)
    features = carried.module("features")
    try:
        features.transform({"y": 1}, None)
    except TypeError as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        assert locate(carried.package, frame.filename, frame.lineno or 0) == ("c4", 3)
    else:
        pytest.fail("a dict has no rows[['x']]")


def _line(text: str, part: str) -> int:
    return next(n for n, line in enumerate(text.splitlines(), start=1) if part in line)
