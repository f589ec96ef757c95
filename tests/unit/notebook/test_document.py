"""Notebooks are read the same every time, and a role is set without touching anything else."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from nbprod.errors import ConfigError, NotebookError, StoreError
from nbprod.notebook import read_notebook, role_of, set_role, set_roles
from nbprod.notebook.edits import set_sources
from nbprod.notebook.files import file_digest
from nbprod.notebook.runnable import read_for_execution

if TYPE_CHECKING:
    from collections.abc import Callable


def cell(source: str | list[str], **more: Any) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "metadata": {},
        "execution_count": None,
        "outputs": [],
        "source": source,
    } | more


def write(path: Path, cells: list[dict[str, Any]], **more: Any) -> Path:
    content = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5} | more
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path


def test_cells_are_read(tmp_path: Path) -> None:
    """Ids, kinds, joined sources, tags and execution counts come out as they stand."""
    path = write(
        tmp_path / "a.ipynb",
        [
            cell(["x = 1\r\n", "y = 2"], id="a", metadata={"tags": ["nbprod:data", "other"]}),
            {"cell_type": "markdown", "id": "b", "metadata": {}, "source": "# é"},
            cell("z", id="c", execution_count=7),
        ],
    )
    document = read_notebook(path)
    assert [item.cell_id for item in document.cells] == ["a", "b", "c"]
    assert document.cells[0].source == "x = 1\ny = 2"
    assert document.cells[0].tags == ("nbprod:data", "other")
    assert [item.kind for item in document.cells] == ["code", "markdown", "code"]
    assert document.cells[2].execution_count == 7
    assert len(document.code_cells) == 2


def test_missing_and_repeated_ids(tmp_path: Path) -> None:
    """A cell without an id has its number's; a repeated id gets a suffix; never two the same."""
    cells = [cell("1"), cell("2", id="a"), cell("3", id="a"), cell("4", id="cell-5"), cell("5")]
    path = write(tmp_path / "a.ipynb", cells)
    ids = [item.cell_id for item in read_notebook(path).cells]
    assert ids == ["cell-1", "a", "a-2", "cell-5", "cell-5-2"]
    assert ids == [item.cell_id for item in read_notebook(path).cells]


def test_digest_is_over_sources_tags_and_ids(tmp_path: Path) -> None:
    """Outputs and execution counts leave the digest alone; source, tags and ids do not."""
    path = tmp_path / "a.ipynb"
    digest = read_notebook(write(path, [cell("x", id="a")])).digest
    ran = cell("x", id="a", execution_count=3, outputs=[{"output_type": "stream", "text": "hi"}])
    assert read_notebook(write(path, [ran])).digest == digest
    for other in (
        cell("y", id="a"),
        cell("x", id="b"),
        cell("x", id="a", metadata={"tags": ["t"]}),
    ):
        assert read_notebook(write(path, [other])).digest != digest


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"cells": [{"cell_type": "code"', "cut off"),
        ('{"cells": ,}', "not valid JSON"),
        ('{"a": 1}', "not a notebook"),
        ("[1, 2]", "not a notebook"),
        ('{"cells": "x", "nbformat": 4}', "not a list"),
        ("", "is empty"),
        ('{"cells": [{"source": "x = \'tru', "cut off"),
        ('{"cells": [{"cell_type": "code", "source": 5}], "nbformat": 4}', "source of its cell 1"),
        ('{"cells": [{"source": ["a", 5]}], "nbformat": 4}', "source of its cell 1"),
        ('{"cells": [{"source": "a", "metadata": []}], "nbformat": 4}', "metadata is not"),
        ('{"cells": [], "metadata": {"kernelspec": "x"}, "nbformat": "4"}', "kernelspec"),
    ],
)
def test_what_is_not_a_notebook(tmp_path: Path, text: str, message: str) -> None:
    """Each kind of damage has its own message, and a hint."""
    path = tmp_path / "a.ipynb"
    path.write_text(text)
    with pytest.raises(NotebookError, match=message) as caught:
        read_notebook(path)
    assert caught.value.hint
    assert caught.value.notebook == str(path)


def test_missing_folder_and_binary(tmp_path: Path) -> None:
    """No such file, a folder, and bytes that are no text are errors of ours."""
    (tmp_path / "bytes.ipynb").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "none.ipynb", tmp_path, tmp_path / "bytes.ipynb"):
        with pytest.raises(NotebookError):
            read_notebook(path)


KERNELSPEC_R = {"name": "ir", "display_name": "R", "language": "R"}
KERNELSPEC = {"name": "python3", "display_name": "Python 3", "language": "python"}
UNTOLD = {"name": "python3", "display_name": "Python 3"}
INFO_R, INFO = {"name": "R"}, {"name": "python"}


@pytest.mark.parametrize(
    ("metadata", "told"),
    [
        ({}, ""),
        ({"kernelspec": KERNELSPEC}, ""),
        ({"language_info": INFO}, ""),
        ({"kernelspec": KERNELSPEC, "language_info": INFO_R}, ""),  # the kernel that will run it
        ({"kernelspec": UNTOLD, "language_info": {"name": "ipython"}}, ""),
        ({"kernelspec": KERNELSPEC_R}, "R"),
        ({"language_info": INFO_R}, "R"),
        ({"kernelspec": UNTOLD, "language_info": {"name": "julia"}}, "julia"),
    ],
)
@pytest.mark.parametrize("read", [read_notebook, read_for_execution])
def test_language(
    tmp_path: Path, read: Callable[[Path], object], metadata: dict[str, Any], told: str
) -> None:
    """Whoever reads a notebook, to extract it or to run it, refuses the same ones, by language."""
    path = write(tmp_path / "a.ipynb", [cell("x = 1", id="a")], metadata=metadata)
    if not told:
        read(path)
        return
    with pytest.raises(NotebookError, match=f"in {told}, not in Python") as raised:
        read(path)
    assert "choose a Python kernel" in raised.value.hint


def test_older_format(tmp_path: Path) -> None:
    """A version 3 notebook is read, with the same ids each time."""
    old = {
        "nbformat": 3,
        "nbformat_minor": 0,
        "metadata": {"name": ""},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "code", "input": "x = 1", "language": "python", "outputs": []}
                ]
            }
        ],
    }
    path = tmp_path / "old.ipynb"
    path.write_text(json.dumps(old))
    assert [(c.cell_id, c.source) for c in read_notebook(path).cells] == [("cell-1", "x = 1")]


def test_set_role_touches_nothing_else(tmp_path: Path) -> None:
    """Outputs, metadata, key order, other tags, indentation and file mode stay."""
    output = {"output_type": "display_data", "data": {"text/plain": "é 1.50"}, "metadata": {}}
    path = write(
        tmp_path / "a.ipynb",
        [
            cell("x", id="a", metadata={"z": 1, "tags": ["mine"]}, outputs=[output]),
            cell("y", id="b"),
        ],
        metadata={"zeta": {"b": 1, "a": 2}},
    )
    os.chmod(path, 0o640)
    before = path.read_text()
    document = set_role(path, "a", "features")
    assert document.cells[0].tags == ("mine", "nbprod:features")
    expected = json.loads(before)
    expected["cells"][0]["metadata"]["tags"] = ["mine", "nbprod:features"]
    assert path.read_text() == json.dumps(expected, indent=1, ensure_ascii=False) + "\n"
    assert path.stat().st_mode & 0o777 == 0o640
    set_role(path, 1, "none")
    assert path.read_text() == json.dumps(json.loads(before), indent=1, ensure_ascii=False) + "\n"
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.ipynb"]


def test_set_role_by_number_and_parameters(tmp_path: Path) -> None:
    """A 1-based number names a cell; `parameters` is papermill's own tag; a role is replaced."""
    path = write(tmp_path / "a.ipynb", [cell("x"), cell("y")])
    assert set_role(path, 2, "parameters").cells[1].tags == ("parameters",)
    assert set_role(path, "2", "data").cells[1].tags == ("nbprod:data",)
    assert "id" not in json.loads(path.read_text())["cells"][1]


@pytest.mark.parametrize(
    ("which", "role"), [("nope", "data"), (9, "data"), (0, "data"), (1, "datas")]
)
def test_unknown_cell_or_role(tmp_path: Path, which: str | int, role: str) -> None:
    """What does not exist is an error, and the file stays as it was."""
    path = write(tmp_path / "a.ipynb", [cell("x")])
    before = path.read_bytes()
    with pytest.raises(ConfigError):
        set_role(path, which, role)
    assert path.read_bytes() == before


def test_failing_write_leaves_the_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk while writing leaves the old notebook, and no stray file."""
    path = write(tmp_path / "a.ipynb", [cell("x")])
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("nbprod.notebook.files.os.fsync", full)
    with pytest.raises(StoreError, match="No space left"):
        set_role(path, 1, "data")
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ["a.ipynb"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", "# %%\nx = 1\n\n# %% [markdown]\n# hello\n\n# %%\ny = 2\n"),
        ("b.md", "# Title\n\n```python\nx = 1\n```\n\nhello\n\n```python\ny = 2\n```\n"),
        ("c.py", "x = 1\n\n# hello\n\n# +\ny = 2\nz = 3\n# -\n"),
    ],
)
def test_text_notebooks(tmp_path: Path, name: str, text: str) -> None:
    """Text notebooks have cells with lasting ids, and keep tags and everything else."""
    path = tmp_path / name
    path.write_text(text)
    document = read_notebook(path)
    first, last = document.code_cells[0], document.code_cells[-1]
    assert (first.source, last.source.splitlines()[0]) == ("x = 1", "y = 2")
    assert read_notebook(path).digest == document.digest
    changed = set_roles(path, {first.cell_id: "data", last.cell_id: "train"})
    assert [role_of(item.tags) for item in changed.code_cells] == ["data", "train"]
    assert [item.source for item in changed.cells] == [item.source for item in document.cells]
    for item in (first, last):
        set_role(path, item.cell_id, "")
    assert read_notebook(path).digest == document.digest


def test_set_sources(tmp_path: Path) -> None:
    """Cells get other sources, each kept as text or lines; every other byte stays."""
    path = write(tmp_path / "a.ipynb", [cell("x = 1\ny = 2"), cell("z")])
    content = json.loads(path.read_text())
    content["cells"][0]["source"] = "x = 1\r\ny = 2"
    content["cells"][1]["source"] = ["z\n", "w"]
    text = json.dumps(content, indent=1)
    path.write_bytes(text.replace("\n", "\r\n").encode("utf-8-sig"))
    ids = [item.cell_id for item in read_notebook(path).cells]
    new = {ids[0]: "x = 1\ny = 3", ids[1]: "z\nv"}
    assert [item.source for item in read_notebook(path).with_sources(new).cells] == [*new.values()]
    changed = set_sources(path, new, digest=file_digest(path))
    assert changed.digest == read_notebook(path).digest
    assert [item.source for item in changed.cells] == ["x = 1\ny = 3", "z\nv"]
    wanted = text.replace("y = 2", "y = 3").replace('"w"', '"v"')
    assert path.read_bytes() == wanted.replace("\n", "\r\n").encode("utf-8-sig")


def test_set_sources_refuses_a_changed_notebook(tmp_path: Path) -> None:
    """With the digest of another reading nothing is written."""
    path = write(tmp_path / "a.ipynb", [cell("x")])
    digest, first = file_digest(path), read_notebook(path).cells[0].cell_id
    path.write_text(path.read_text() + "\n")
    before = path.read_bytes()
    with pytest.raises(NotebookError, match="meanwhile"):
        set_sources(path, {first: "y"}, digest=digest)
    with pytest.raises(ConfigError, match="no cell"):
        set_sources(path, {"other": "y"}, digest=file_digest(path))
    assert path.read_bytes() == before


def test_set_sources_of_text_that_would_be_read_otherwise(tmp_path: Path) -> None:
    """A source that the text format takes for two cells is refused."""
    path = tmp_path / "a.py"
    path.write_text("# %%\nx = 1\n\n# %%\ny = 2\n")
    before = path.read_bytes()
    with pytest.raises(NotebookError, match="cannot hold"):
        set_sources(path, {"cell-1": "x = 1\n\n# %%\nz = 3"}, digest=file_digest(path))
    assert path.read_bytes() == before
