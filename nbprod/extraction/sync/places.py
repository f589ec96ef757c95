"""Where the lines of a module come from: which cell and line, or extraction itself."""

from __future__ import annotations

import ast
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.extraction.remembering import Module
    from nbprod.notebook.document import Document

    Place = tuple[str, int]  # cell id, 1-based line of the cell
    Imported = tuple[str, str, str]  # module with its dots, member or "", name it is bound to


def body_of(text: str) -> list[str]:
    """A generated file's lines, without the header that tells where it comes from."""
    lines = text.split("\n")
    return lines[header_length(lines) :]


def header_length(lines: list[str]) -> int:
    """How many lines the header has: the comments that a file begins with."""
    return next((i for i, line in enumerate(lines) if not line.startswith("#")), len(lines))


@dataclass
class Text:
    """A file of a module as it can be reasoned about: lines without header, top-level statements.

    ``places`` holds, for a line of ``lines``, its cell and line; lines that it lacks were written
    by extraction itself. Lines are counted from 0 here.
    """

    path: str
    header: list[str]
    lines: list[str]
    tree: ast.Module
    places: dict[int, Place] = field(default_factory=dict)

    def statement(self, line: int) -> ast.stmt | None:
        """The top-level statement that a line belongs to; the decorators are part of it."""
        return next((node for node in self.tree.body if line in self.span(node)), None)

    def span(self, node: ast.stmt) -> range:
        """The lines of a statement."""
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(item.lineno for item in decorators)])
        return range(first - 1, node.end_lineno or first)

    def imports(self) -> dict[Imported, int]:
        """What the file imports at its top level, with the line."""
        found: dict[Imported, int] = {}
        for node in self.tree.body:
            if isinstance(node, ast.Import | ast.ImportFrom):
                for item in imported(node):
                    found[item] = node.lineno - 1
        return found

    def import_lines(self) -> set[int]:
        """The lines of top-level imports."""
        return {
            line
            for node in self.tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for line in self.span(node)
        }

    def number(self, line: int) -> int:
        """A line's number in the whole file, as an editor shows it."""
        return line + len(self.header) + 1


def imported(node: ast.Import | ast.ImportFrom) -> list[Imported]:
    """What an import statement binds."""
    if isinstance(node, ast.Import):
        return [(alias.name, "", alias.asname or "") for alias in node.names]
    module = "." * node.level + (node.module or "")
    return [(module, alias.name, alias.asname or alias.name) for alias in node.names]


def bound(item: Imported) -> str:
    """The name that an import binds."""
    return item[2] or item[0].partition(".")[0]


def read_text(path: str, text: str) -> Text:
    """A file taken apart; SyntaxError, with the line in the file, when it is not Python."""
    lines = text.split("\n")
    count = header_length(lines)
    try:
        tree = ast.parse("\n".join(lines[count:]))
    except SyntaxError as error:
        error.lineno = (error.lineno or 1) + count
        raise
    return Text(path, lines[:count], lines[count:], tree)


def texts_of(module: Module, document: Document) -> dict[str, Text]:
    """A module's files, each with the cell behind its lines."""
    runs: Mapping[str, list[list[int]]] = json.loads(module.manifest)["lines"]
    cells = {cell.cell_id: cell.source.split("\n") for cell in document.cells}
    found: dict[str, Text] = {}
    for path, content in module.files.items():
        text = read_text(path, content)
        for first, cell_id, cell_line, count in runs.get(path, []):
            for offset in range(count):
                line = first + offset - 1 - len(text.header)
                text.places[line] = (str(cell_id), cell_line + offset)
        _spread(text, cells)
        found[path] = text
    return found


def _spread(text: Text, cells: Mapping[str, list[str]]) -> None:
    """Give comments and decorators beside a cell's statements the places they stand at."""
    for step in (-1, 1):
        for line in sorted(text.places, reverse=step < 0):
            cell_id, number = text.places[line]
            source = cells.get(cell_id, [])
            here, there = line + step, number - 1 + step
            while 0 <= here < len(text.lines) and here not in text.places:
                told = text.lines[here].strip()
                while told and 0 <= there < len(source) and not source[there].strip():
                    there += step
                if not 0 <= there < len(source) or source[there].strip() != told:
                    break
                text.places[here] = (cell_id, there + 1)
                here, there = here + step, there + step
