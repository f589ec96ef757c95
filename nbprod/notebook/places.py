"""The notebook's cell and line behind a line of a generated package, and behind an error in it.

A package's ``nbprod.json`` maps its lines to cells. It is found beside the file that a traceback
names, so this works for any generated package, however it was imported; and a note on an exception
goes with it wherever it is pickled to.
"""

from __future__ import annotations

import functools
import json
import linecache
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_MANIFEST = "nbprod.json"


@dataclass(frozen=True)
class Place:
    """A line of a notebook, and the line of the package that it became."""

    notebook: str  # as the manifest names it, relative to the project
    cell_id: str
    number: int  # of the cell in the notebook, from 1; 0 where the notebook is not at hand
    line: int  # 1-based, in the cell
    file: str  # in the package: "features.py"
    file_line: int
    source: str  # the line, stripped

    def __str__(self) -> str:
        cell = f"{self.number} ({self.cell_id})" if self.number else self.cell_id
        return f"cell {cell}, line {self.line}"


def place_of(file: str | Path, line: int) -> Place | None:
    """The place behind a line of a generated package's file; None for any other line."""
    path = Path(file)
    for folder in path.parents[:2]:  # a test lies one folder deeper
        if not (folder / _MANIFEST).is_file():
            continue
        manifest = _manifest(folder / _MANIFEST)
        name = path.relative_to(folder).as_posix()
        cell_id, cell_line = cell_behind(manifest, name, line)
        if cell_id is None or cell_line is None:
            return None
        notebook = str(manifest.get("notebook", ""))
        number = _number(folder.parent / notebook, cell_id)
        source = linecache.getline(str(path), line).strip()
        return Place(notebook, cell_id, number, cell_line, name, line, source)
    return None


def cell_behind(manifest: Mapping[str, Any], file: str, line: int) -> tuple[str | None, int | None]:
    """The cell id and its 1-based line behind a line of a file, as a package's manifest says.

    The manifest's ``lines`` maps a file to [first line, cell id, line of the cell, how many].
    """
    for first, cell_id, cell_line, count in manifest.get("lines", {}).get(file, ()):
        if first <= line < first + count:
            return str(cell_id), int(cell_line) + line - int(first)
    return None, None


def places_of(error: BaseException) -> list[Place]:
    """Where an error passed through cells, the deepest last."""
    frames = [(frame.filename, frame.lineno or 0) for frame in _frames(error)]
    if isinstance(error, SyntaxError) and error.filename:
        frames.append((error.filename, error.lineno or 0))
    found = [place_of(file, line) for file, line in frames if file.endswith(".py")]
    return [place for place in found if place is not None]


def note_places(error: BaseException) -> list[Place]:
    """Add a note with notebook, cells and lines to an error, once; the places, the deepest last."""
    places = places_of(error)
    if places:
        note = f"In {places[-1].notebook}, most recent call last:"
        lines = [f"  {place}: {place.source}" for place in places]
        if not any(known.startswith(note) for known in getattr(error, "__notes__", ())):
            error.add_note("\n".join([note, *lines]))
    return places


def _frames(error: BaseException) -> traceback.StackSummary:
    return traceback.extract_tb(error.__traceback__)


@functools.lru_cache(maxsize=16)
def _read(path: Path, _changed_ns: int) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _manifest(path: Path) -> dict[str, Any]:
    try:
        return _read(path, path.stat().st_mtime_ns)
    except OSError:
        return {}


def _number(notebook: Path, cell_id: str) -> int:
    """Which cell it is, counted as a person counts; a replica has no notebook to look into."""
    if notebook.suffix != ".ipynb":
        return 0
    cells = _manifest(notebook).get("cells", [])
    ids = [cell.get("id") for cell in cells if isinstance(cell, dict)]
    return ids.index(cell_id) + 1 if cell_id in ids else 0
