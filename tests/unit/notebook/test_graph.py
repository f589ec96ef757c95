"""Names flow from cell to cell in the notebook's order."""

from __future__ import annotations

from pathlib import Path

from nbprod.notebook.document import Cell, Document
from nbprod.notebook.graph import flow, undefined_names, understand


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


def test_star_import_hides_everything() -> None:
    """After a star import nothing can be called undefined."""
    assert undefined_names(understand(document("from numpy import *", "x = sin(1)"))) == []


def test_cell_with_an_error() -> None:
    """A cell that does not parse has its error and no names; others are understood."""
    first, second = understand(document("x = (", "%magic\ny = 1"))
    assert first.error is not None
    assert not first.names.binds
    assert set(second.names.binds) == {"y"}
    assert second.dropped == ((1, "%magic"),)
