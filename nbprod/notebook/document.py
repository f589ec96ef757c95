"""Notebooks as values: cells with lasting ids, their sources, tags and last run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import ConfigError
from nbprod.notebook.files import read_text
from nbprod.notebook.formats import check_language, content_of
from nbprod.records import canonical_json, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence


@dataclass(frozen=True)
class Cell:
    """One cell; ``cell_id`` is unique in its notebook and the same on every reading."""

    cell_id: str
    index: int  # 0-based position
    kind: str  # code | markdown | raw
    source: str  # lines end in \n
    tags: tuple[str, ...] = ()
    execution_count: int | None = None
    raised: bool = False  # its last run ended in an error


@dataclass(frozen=True)
class Document:
    """A notebook's cells; ``digest`` covers ids, kinds, sources and tags, never outputs."""

    path: Path
    cells: tuple[Cell, ...]
    digest: str

    @property
    def code_cells(self) -> tuple[Cell, ...]:
        """The cells that hold code, in order."""
        return tuple(cell for cell in self.cells if cell.kind == "code")

    def cell(self, which: str | int) -> Cell:
        """A cell by its id or by its 1-based number among all cells; ConfigError if none."""
        return self.cells[position_of([cell.cell_id for cell in self.cells], which, self.path)]

    def with_sources(self, sources: Mapping[str, str]) -> Document:
        """The same notebook, other sources in the cells of these ids; nothing is written."""
        cells = tuple(
            replace(cell, source=sources.get(cell.cell_id, cell.source)) for cell in self.cells
        )
        return Document(path=self.path, cells=cells, digest=_digest(cells))


def read_notebook(path: str | Path) -> Document:
    """The notebook at ``path``: .ipynb, or a text format that jupytext reads.

    Cells without an id, and all of a text notebook, are called ``cell-<number>``; a repeated id
    gets ``-2``, ``-3``… NotebookError: no such file, not a notebook, not Python.
    """
    path = Path(path)
    content = content_of(path, read_text(path))
    check_language(content, path)
    return document_of(path, content["cells"])


def document_of(path: str | Path, raw: Sequence[Mapping[str, Any]]) -> Document:
    """A notebook from its cells in nbformat's shape, as an editor holds them before they are saved.

    path: where the notebook is, or will be; it is not read.
    """
    path = Path(path)
    ids = unique_ids(cell.get("id") for cell in raw)
    cells = tuple(
        Cell(
            cell_id=cell_id,
            index=index,
            kind=str(cell.get("cell_type", "raw")),
            source=source_of(cell),
            tags=tags_of(cell),
            execution_count=_count(cell),
            raised=_raised(cell),
        )
        for index, (cell_id, cell) in enumerate(zip(ids, raw, strict=True))
    )
    return Document(path=path, cells=cells, digest=_digest(cells))


def _digest(cells: Iterable[Cell]) -> str:
    told = [[cell.cell_id, cell.kind, cell.source, list(cell.tags)] for cell in cells]
    return sha256(canonical_json(told))


def unique_ids(ids: Iterable[Any]) -> list[str]:
    """An id for every cell: its own, its number where it has none, a suffix where it repeats."""
    told = [item if isinstance(item, str) and item else None for item in ids]
    taken = {item for item in told if item}
    seen: set[str] = set()
    unique: list[str] = []
    for number, item in enumerate(told, start=1):
        name = base = item or f"cell-{number}"
        count = 1
        while name in seen or (name != item and name in taken):
            count += 1
            name = f"{base}-{count}"
        seen.add(name)
        unique.append(name)
    return unique


def position_of(ids: list[str], which: str | int, path: Path) -> int:
    """The 0-based place of a cell named by id or 1-based number; ConfigError if none."""
    if str(which) in ids:
        return ids.index(str(which))
    if str(which).isdecimal() and 1 <= int(which) <= len(ids):
        return int(which) - 1
    raise ConfigError(
        f"{path} has no cell {which!r}",
        hint=f"name a cell by its id or by its number, 1 to {len(ids)};"
        " `nbprod inspect` lists them",
    )


def source_of(cell: Mapping[str, Any]) -> str:
    r"""The source of a cell in nbformat's shape as one text, whose lines end in ``\n``."""
    source = cell.get("source", "")
    text = source if isinstance(source, str) else "".join(source)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def tags_of(cell: Mapping[str, Any]) -> tuple[str, ...]:
    """The tags of a cell in nbformat's shape."""
    tags = (cell.get("metadata") or {}).get("tags") or ()
    return tuple(map(str, tags)) if isinstance(tags, list | tuple) else ()


def _count(cell: Mapping[str, Any]) -> int | None:
    count = cell.get("execution_count")
    return count if isinstance(count, int) else None


def _raised(cell: Mapping[str, Any]) -> bool:
    outputs = cell.get("outputs")
    return isinstance(outputs, list) and any(
        isinstance(item, dict) and item.get("output_type") == "error" for item in outputs
    )
