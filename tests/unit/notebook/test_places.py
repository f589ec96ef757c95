"""Errors in a generated package say which cells they passed through, wherever they are sent."""

from __future__ import annotations

import importlib
import json
import pickle
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cloudpickle
import pytest

from nbprod.errors import ExecutionError
from nbprod.notebook.places import note_places, place_of, places_of
from nbprod.predictor import load_package
from nbprod.predictor.modules import unload_package

LIB = "def ratio(a, b):\n    return a / b\n"
FEATURES = (
    "from .lib import ratio\n\n\ndef transform(frame, state):\n    return ratio(frame, state)\n"
)
LINES = {
    "lib.py": [[1, "helpers", 4, 2]],
    "features.py": [[5, "make-features", 7, 1]],
    "tests/test_lib.py": [[1, "tests", 1, 1]],
}


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A generated package beside its notebook, importable by its name."""
    folder = tmp_path / "placed_trips"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "lib.py").write_text(LIB)
    (folder / "features.py").write_text(FEATURES)
    manifest = {"notebook": "notebooks/train.ipynb", "lines": LINES}
    (folder / "nbprod.json").write_text(json.dumps(manifest))
    (tmp_path / "notebooks").mkdir()
    cells = [{"id": name} for name in ("title", "helpers", "plot", "make-features")]
    (tmp_path / "notebooks" / "train.ipynb").write_text(json.dumps({"cells": cells}))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "placed_trips"]:
        del sys.modules[name]


def raised_in(package: Path) -> Exception:
    """What the package raises when it is imported as anybody would."""
    features: Any = importlib.import_module(f"{package.name}.features")
    with pytest.raises(ZeroDivisionError) as caught:
        features.transform(1, 0)
    return caught.value


NOTE = """\
In notebooks/train.ipynb, most recent call last:
  cell 4 (make-features), line 7: return ratio(frame, state)
  cell 2 (helpers), line 5: return a / b"""


def test_the_note_names_every_cell_on_the_way(package: Path) -> None:
    """Notebook, cell number, id and line; in the traceback that Python prints; only once."""
    error = raised_in(package)
    assert [place.cell_id for place in note_places(error)] == ["make-features", "helpers"]
    note_places(error)
    assert error.__notes__ == [NOTE]
    assert NOTE in "".join(traceback.format_exception(error))


@pytest.mark.parametrize("codec", [pickle, cloudpickle])
def test_the_note_goes_where_the_exception_goes(package: Path, codec: Any) -> None:
    """Ray sends exceptions by (cloud)pickle: the note is there on the other side."""
    error = raised_in(package)
    note_places(error)
    assert codec.loads(codec.dumps(error)).__notes__ == [NOTE]


@pytest.mark.parametrize("codec", [pickle, cloudpickle])
def test_our_own_errors_keep_their_notes(codec: Any) -> None:
    """An error of nbprod rebuilds itself with its details, and with what was noted on it."""
    error = ExecutionError("it raised", hint="look", cell_id="c4", line=3)
    assert not hasattr(codec.loads(codec.dumps(error)), "__notes__")
    error.add_note(NOTE)
    again = codec.loads(codec.dumps(error))
    assert (again.cell_id, again.line, again.hint, again.__notes__) == ("c4", 3, "look", [NOTE])


def test_a_loaded_package_notes_its_errors(package: Path) -> None:
    """What an entry point raises has the cells in the message, and the note on its cause."""
    module = load_package(package, "12" * 32)
    try:
        with pytest.raises(ExecutionError) as caught:
            module.call("features.transform", 1, 0)
    finally:
        unload_package(module)
    assert caught.value.message.splitlines() == [
        "features.transform() raised ZeroDivisionError: division by zero",
        "  at placed_trips/lib.py, line 2 (cell 2 (helpers), line 5)",
        "  from cell 4 (make-features), line 7",
    ]
    assert (caught.value.cell_id, caught.value.line) == ("helpers", 5)
    assert caught.value.__cause__ is not None
    assert caught.value.__cause__.__notes__ == [NOTE]


def test_lines_that_no_cell_wrote_have_no_place(package: Path) -> None:
    """What extraction added, files of others, and errors of others say nothing."""
    assert place_of(package / "features.py", 1) is None
    assert place_of(__file__, 1) is None
    assert places_of(ValueError("never raised")) == []
    test = place_of(package / "tests" / "test_lib.py", 1)
    assert test is not None
    assert (test.file, test.cell_id) == ("tests/test_lib.py", "tests")


def test_without_the_notebook_the_cell_has_no_number(package: Path) -> None:
    """A replica has the module alone: the cell's id and line are told."""
    (package.parent / "notebooks" / "train.ipynb").unlink()
    assert str(place_of(package / "lib.py", 2)) == "cell helpers, line 5"


def test_a_syntax_error_has_its_place(package: Path) -> None:
    """Python names the file of a syntax error, but no frame stands in it."""
    (package / "lib.py").write_text("def ratio(a, b):\n    return a /\n")
    with pytest.raises(SyntaxError) as caught:
        importlib.import_module(f"{package.name}.features")
    assert [place.cell_id for place in places_of(caught.value)] == ["helpers"]
