"""Cells by the numbers that people count, for what names them by their id alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import load_settings
from nbprod.errors import NbprodError

if TYPE_CHECKING:
    from collections.abc import Iterator


def cell_numbers(told: Any, folder: str | Path) -> dict[str, int]:
    """Cell id -> number, from 1, as `inspect` lists and `tag` takes them; no editor shows the id.

    told: an error, or a record with its findings; what it names no notebook for is of the training
    notebook. folder: of the project. A notebook that cannot be read, and an id that two of them
    number differently, have no numbers.
    """
    placed = [told, *getattr(told, "findings", ())]
    placed = [one for one in placed if getattr(one, "cell_id", None)]
    numbers: dict[str, int] = {}
    unclear = set()
    for path in sorted({_notebook(one, told, folder) for one in placed}):
        for cell_id, number in _numbers(path):
            if numbers.setdefault(cell_id, number) != number:
                unclear.add(cell_id)
    return {cell_id: number for cell_id, number in numbers.items() if cell_id not in unclear}


def _notebook(one: Any, told: Any, folder: str | Path) -> Path:
    named = one.notebook or getattr(told, "notebook", "")
    try:
        return Path(folder, named or load_settings(folder).notebooks.train)
    except NbprodError:
        return Path(folder)


def _numbers(path: Path) -> Iterator[tuple[str, int]]:
    from nbprod.notebook.document import read_notebook

    try:
        cells = read_notebook(path).cells
    except (NbprodError, OSError):
        return
    for cell in cells:
        yield cell.cell_id, cell.index + 1
