"""Generated packages are loaded under their digest, lazily, and their errors have a place."""

from __future__ import annotations

import json
import sys

import pytest

from nbprod.errors import ExecutionError, ExtractionError
from nbprod.predictor import load_package
from nbprod.predictor.modules import unload_package


def test_two_versions_live_side_by_side(tmp_path, trips):
    """Each package keeps its own code, whichever was imported first."""
    first = load_package(trips.write(tmp_path / "a" / "trips"), "11" * 32)
    other = trips.sources["lib.py"].replace("a / b", "a * b")
    second = load_package(trips.write(tmp_path / "b" / "trips", lib=other), "22" * 32)
    assert (first.lib.ratio(1, 2), second.lib.ratio(1, 2)) == (0.5, 2)
    assert first.features.ratio is first.lib.ratio
    assert first.features.State is not second.features.State
    assert first.name != second.name
    assert "11" * 6 in first.name


def test_the_same_version_in_two_folders_uses_its_own_files(tmp_path, trips):
    """Equal digests do not share modules: one folder may be gone when its module is needed."""
    one, two = (load_package(trips.write(tmp_path / n / "trips"), "11" * 32) for n in "ab")
    assert one.lib.__file__ != two.lib.__file__
    assert one.lib is load_package(one.path, "11" * 32).lib


def test_submodules_are_imported_when_they_are_asked_for(tmp_path, trips):
    """Loading imports the package alone; a broken training module hurts only who asks for it."""
    module = load_package(trips.write(tmp_path / "trips", training="raise ValueError('no')"), "1")
    assert not [name for name in sys.modules if name.startswith(f"{module.name}.")]
    assert module.features.fit
    with pytest.raises(ExecutionError, match=r"importing training.py raised ValueError: no"):
        module.training  # noqa: B018
    with pytest.raises(AttributeError):
        module.anything  # noqa: B018


def test_bytecode_is_neither_written_nor_read(tmp_path, trips):
    """A `__pycache__` would be code that no hash covers."""
    package = trips.write(tmp_path / "trips")
    module = load_package(package, "1")
    assert module.lib.ratio(1, 2)
    assert not (package / "__pycache__").exists()


def test_an_edit_is_seen_after_unloading(tmp_path, trips):
    """Unloading forgets the modules, so that the next load reads the files."""
    package = trips.write(tmp_path / "trips")
    module = load_package(package, "1")
    assert module.lib.ratio(1, 2) == 0.5
    unload_package(module)
    (package / "lib.py").write_text("def ratio(a, b):\n    return 9\n")
    assert load_package(package, "1").lib.ratio(1, 2) == 9


def test_errors_name_file_line_and_cell(tmp_path, trips):
    """The deepest frame in the package is the place; the manifest's lines give the cell."""
    package = trips.write(tmp_path / "trips")
    manifest = json.loads((package / "nbprod.json").read_text())
    manifest["lines"] = {"lib.py": [[1, "other", 1, 1], [2, "c4", 5, 2]]}
    (package / "nbprod.json").write_text(json.dumps(manifest))
    module = load_package(package, "1")
    with pytest.raises(ExecutionError, match="ZeroDivisionError") as caught:
        module.call("lib.ratio", 1, 0)
    error = caught.value
    assert (error.cell_id, error.line, error.notebook) == ("c4", 5, "notebooks/train.ipynb")
    assert (error.details["file"], error.details["file_line"]) == ("lib.py", 2)
    assert "trips/lib.py, line 2 (cell c4, line 5)" in error.message


def test_a_syntax_error_has_a_place(tmp_path, trips):
    """Code that cannot be compiled is named by its line."""
    module = load_package(trips.write(tmp_path / "trips", lib="x = 1\ny = (\n"), "1")
    with pytest.raises(ExecutionError) as caught:
        module.lib  # noqa: B018
    assert (caught.value.details["file"], caught.value.details["file_line"]) == ("lib.py", 2)


@pytest.mark.parametrize("name", ["features.nothing", "schemas.Input"])
def test_a_missing_entry_point_is_named(tmp_path, trips, name):
    """A function or file that is not there is an error that says which cell to tag."""
    module = load_package(trips.write(tmp_path / "trips"), "1")
    with pytest.raises(ExecutionError, match=name.split(".")[0]) as caught:
        module.entry_point(name)
    assert "extract" in caught.value.hint


def test_a_relative_path_that_is_not_there_is_looked_for_in_the_project(
    tmp_path, trips, monkeypatch
):
    """The hint names the folder that paths are read from: the notebook may have lain elsewhere."""
    monkeypatch.chdir(tmp_path)
    module = load_package(trips.write(tmp_path / "trips", lib="open('data/a.csv')"), "1")
    with pytest.raises(ExecutionError) as caught:
        module.lib  # noqa: B018
    assert f"paths are read from {tmp_path}: put data/a.csv there" in caught.value.hint


def test_no_package_is_an_error(tmp_path):
    """A folder without `__init__.py` was not generated."""
    with pytest.raises(ExecutionError, match="not a generated package"):
        load_package(tmp_path, "1")


def test_a_damaged_manifest_is_an_error(tmp_path, trips):
    """Which code it is must be readable."""
    package = trips.write(tmp_path / "trips")
    (package / "nbprod.json").write_text("{")
    with pytest.raises(ExtractionError, match=r"nbprod.json cannot be read"):
        load_package(package, "1")
