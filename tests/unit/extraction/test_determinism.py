"""The same notebook gives the same bytes on every machine, however it was saved."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest

from nbprod.extraction import extract
from nbprod.records import Extraction

SOURCES = [
    ("", "import numpy as np\nimport pandas as pd\n\n%matplotlib inline"),
    ("parameters", "size = 40  # rows\nname = 'größe'"),
    ("data", "# Rows\nframe = pd.DataFrame({'x': np.arange(size), 'late': np.arange(size) % 2})"),
    ("fit", "centre = frame['x'].mean()"),
    ("features", "X = frame[['x']] - centre\n\n# doubled\nX['twice'] = X['x'] * 2"),
    ("train", "y = frame['late']\nmodel = float((y * X['x']).sum())"),
]


def notebook(*, ids: bool = True) -> dict[str, Any]:
    """A notebook as Jupyter saves it, with markdown between its cells."""
    cells: list[dict[str, Any]] = [
        {"cell_type": "markdown", "id": "m", "metadata": {}, "source": ["# Title\n", "text"]}
    ]
    for number, (role, source) in enumerate(SOURCES):
        tag = [role if role == "parameters" else f"nbprod:{role}"] if role else []
        cells.append(
            {
                "cell_type": "code",
                "execution_count": None,
                "id": f"c{number}",
                "metadata": {"tags": tag} if tag else {},
                "outputs": [],
                "source": source.splitlines(keepends=True),
            }
        )
    if not ids:
        for cell in cells:
            del cell["id"]
    metadata = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5 if ids else 4}


def module(folder: Path, name: str, content: str | bytes) -> tuple[Extraction, dict[str, bytes]]:
    """The module that a file makes: the record, and the bytes of every file but the manifest's."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    package = path.parent / "flights"
    record = extract(path, package, label="late", project_path=path.parent)
    files = (item for item in package.rglob("*") if item.is_file())
    return record, {str(item.relative_to(package)): item.read_bytes() for item in files}


def _ran(content: dict[str, Any]) -> str:
    for number, cell in enumerate(content["cells"]):
        if cell["cell_type"] == "code":
            cell["execution_count"] = 40 - number
            text = {"text/plain": [f"<Figure {number}>"], "image/png": "iVBORw0KGgo="}
            cell["outputs"] = [{"output_type": "display_data", "data": text, "metadata": {}}]
    return json.dumps(content, indent=1)


def _other_metadata(content: dict[str, Any]) -> str:
    for cell in content["cells"]:
        cell["metadata"] |= {"collapsed": True, "papermill": {"duration": 1.5}}
    content["metadata"]["language_info"] = {"version": "3.12.1", "name": "python"}
    return json.dumps({key: content[key] for key in reversed(content)}, sort_keys=False)


def _reversed_keys(content: dict[str, Any]) -> str:
    content["cells"] = [{key: c[key] for key in reversed(c)} for c in content["cells"]]
    return json.dumps(content, indent=4, ensure_ascii=True)


def _one_string(content: dict[str, Any]) -> str:
    for cell in content["cells"]:
        cell["source"] = "".join(cell["source"])
    return json.dumps(content, ensure_ascii=False)


def _windows(content: dict[str, Any]) -> str:
    for cell in content["cells"]:
        cell["source"] = [line.replace("\n", "\r\n") for line in cell["source"]]
    return json.dumps(content, indent=1).replace("\n", "\r\n")


def _later_minor(content: dict[str, Any]) -> str:
    return json.dumps(content | {"nbformat_minor": 9, "new_in_5": {}}, indent=1)


def _with_mark(content: dict[str, Any]) -> str:
    return "\ufeff" + json.dumps(content, indent=1)


@pytest.mark.parametrize(
    "saved",
    [_ran, _other_metadata, _reversed_keys, _one_string, _windows, _later_minor, _with_mark],
)
def test_how_a_notebook_was_saved_does_not_matter(
    tmp_path: Path, saved: Callable[[dict[str, Any]], str]
) -> None:
    """Outputs, counts, metadata, key order, indentation, line endings, minor version: same bytes."""
    _, plain = module(tmp_path / "a", "train.ipynb", json.dumps(notebook(), indent=1))
    _, other = module(tmp_path / "b", "train.ipynb", saved(copy.deepcopy(notebook())))
    assert other == plain
    assert len(plain) == 6


def _node() -> Any:
    return nbformat.reads(json.dumps(notebook(ids=False)), as_version=4)


def _percent(line_end: str) -> Callable[[], bytes]:
    def written() -> bytes:
        node = _node()
        return jupytext.writes(node, fmt="py:percent").replace("\n", line_end).encode()

    return written


def _as(fmt: str) -> Callable[[], bytes]:
    return lambda: jupytext.writes(_node(), fmt=fmt).encode()


def _version_3() -> bytes:
    node = _node()
    return nbformat.writes(nbformat.convert(node, 3), version=3).encode()


def _minor(minor: int) -> Callable[[], bytes]:
    return lambda: json.dumps(notebook(ids=False) | {"nbformat_minor": minor}).encode()


@pytest.mark.filterwarnings("ignore::nbformat.warnings.MissingIDFieldWarning")
@pytest.mark.parametrize(
    ("suffix", "written"),
    [
        (".ipynb", _minor(0)),
        (".ipynb", _minor(2)),
        (".ipynb", _version_3),
        (".py", _percent("\n")),
        (".py", _percent("\r\n")),
        (".md", _as("md")),
        (".Rmd", _as("Rmd")),
        (".md", _as("md:myst")),
        (".py", _as("py:light")),
    ],
    ids=["4.0", "4.2", "3", "percent", "percent-crlf", "md", "Rmd", "myst", "light"],
)
def test_older_and_text_notebooks(
    tmp_path: Path, suffix: str, written: Callable[[], bytes]
) -> None:
    """A notebook without cell ids gives the same files in every format, but for its own name."""
    plain, files = module(tmp_path / "a", "train.ipynb", json.dumps(notebook(ids=False)))
    other, told = module(tmp_path / "b", f"train{suffix}", written())
    named = {
        path: text.replace(f"train{suffix}".encode(), b"train.ipynb")
        for path, text in told.items()
        if path != "nbprod.json"
    }
    del files["nbprod.json"]
    assert named == files
    assert other.version == plain.version


def test_version_is_of_the_code_that_runs(tmp_path: Path) -> None:
    """Comments, layout and ids change the bytes alone; a changed number changes both."""
    plain, files = module(tmp_path / "a", "train.ipynb", json.dumps(notebook()))
    spoken = notebook()
    spoken["cells"][4]["source"] = ["centre = (  # the middle\n", "    frame['x'].mean()\n", ")"]
    spoken["cells"][3]["id"] = "renamed"
    other, told = module(tmp_path / "b", "train.ipynb", json.dumps(spoken))
    assert other.version == plain.version
    digests = [json.loads(item["nbprod.json"])["digest"] for item in (files, told)]
    assert digests[0] != digests[1]
    changed = notebook()
    changed["cells"][5]["source"][-1] = "X['twice'] = X['x'] * 3"
    assert module(tmp_path / "c", "train.ipynb", json.dumps(changed))[0].version != plain.version
