"""Names flow from cell to cell in the notebook's order."""

from __future__ import annotations

from pathlib import Path

from nbprod.notebook.document import Cell, Document
from nbprod.notebook.graph import flow, undefined_names, understand
from nbprod.notebook.stars import star_imports


def document(*sources: str) -> Document:
    cells = tuple(
        Cell(f"c{number}", number - 1, "code", source)
        for number, source in enumerate(sources, start=1)
    )
    return Document(Path("a.ipynb"), cells, "")


def test_last_writer_counts() -> None:
    """A name comes from the last cell before that binds or changes it."""
    cells = understand(document("x = [1]\ny = 2", "x.append(y)", "z = x", "x = 3"))
    assert flow(cells) == {"c2": {"x": "c1", "y": "c1"}, "c3": {"x": "c2"}}


def test_functions_look_ahead() -> None:
    """What a function reads may be defined below it."""
    cells = understand(document("def f():\n    return late", "late = 1", "f()"))
    assert flow(cells) == {"c1": {"late": "c2"}, "c3": {"f": "c1"}}
    assert undefined_names(cells) == []


def test_undefined_names() -> None:
    """A name that no cell before binds is told with cell and line; Python's own are known."""
    cells = understand(document("a = b\nprint(len(a))", "b = 1", "def g():\n    return never"))
    told = [(code.cell.cell_id, name, line) for code, name, line in undefined_names(cells)]
    assert told == [("c1", "b", 1), ("c3", "never", 2)]


def test_names_of_a_star_import(tmp_path: Path) -> None:
    """A star import gives what its module says; where that is not known, nothing is undefined."""
    (tmp_path / "beside.py").write_text("__all__ = ['given']\nprint('imported')\n")
    cells = understand(document("from math import *\nfrom beside import *", "x = sin(given, kept)"))
    stars = star_imports(cells, tmp_path)
    assert [(star.cell_id, star.line, star.module) for star in stars] == [
        ("c1", 1, "math"),
        ("c1", 2, "beside"),
    ]
    assert stars[1].given == {"given"}
    assert [(name, line) for _, name, line in undefined_names(cells, stars)] == [("kept", 1)]
    cells = understand(document("from no_such_module import *\nfrom . import *", "x = kept"))
    missing, relative = star_imports(cells, tmp_path)
    assert missing.given is relative.given is None
    assert "No module named" in missing.why
    assert undefined_names(cells, [missing, relative]) == []


def test_cell_with_an_error() -> None:
    """A cell that does not parse has its error and no names; others are understood."""
    first, second = understand(document("x = (", "%magic\ny = 1"))
    assert first.error is not None
    assert not first.names.binds
    assert set(second.names.binds) == {"y"}
    assert second.dropped == ((1, "%magic"),)
