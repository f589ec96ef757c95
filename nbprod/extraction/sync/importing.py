"""Imports that a person added to a module, as lines of the cells that import."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.sync.edits import CellEdits
from nbprod.extraction.sync.places import bound, imported
from nbprod.notebook.magics import plain_source

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.extraction.sync.places import Imported, Text
    from nbprod.notebook.document import Document

    Statement = tuple[str, ast.Import | ast.ImportFrom]  # cell id, import statement


def import_edits(
    now: Mapping[str, Text], wanted: Mapping[str, Text], document: Document
) -> tuple[CellEdits, dict[str, str]]:
    """The cell edits for imports that files have and the notebook has not.

    An import of a name that the notebook imports from elsewhere is changed where it stands, any
    other is added under the imports there are. The second value tells: statement -> its cell.
    """
    statements = _statements(document)
    known = {item for _, node in statements for item in imported(node)}
    edits, told = CellEdits(), dict[str, str]()
    added: dict[Imported, str] = {}
    for path, text in wanted.items():
        before = now[path].imports()
        gone = {bound(item) for item in before.keys() - text.imports().keys()}
        for item in sorted(text.imports().keys() - before.keys()):
            if item[0].startswith(".") or item in known or item in added:
                continue
            own = next((s for s in statements if _binds(s[1], item) and bound(item) in gone), None)
            if own is not None:
                _change(edits, own, item)
                told[_line(item)] = own[0]
            else:
                added[item] = path
    if added:
        cell_id = _add(edits, statements, now, added, document)
        told |= {_line(item): cell_id for item in added}
    return edits, told


def _statements(document: Document) -> list[Statement]:
    found: list[Statement] = []
    for cell in document.code_cells:
        try:
            tree = ast.parse(plain_source(cell.source).source)
        except SyntaxError:
            continue
        found += [
            (cell.cell_id, node)
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
        ]
    return found


def _add(
    edits: CellEdits,
    statements: list[Statement],
    now: Mapping[str, Text],
    added: Mapping[Imported, str],
    document: Document,
) -> str:
    """Add lines to the cell that imports most, else to the first cell of the file."""
    lines = tuple(map(_line, sorted(added)))
    cells = [cell_id for cell_id, _ in statements]
    if cells:
        cell_id = max(dict.fromkeys(cells), key=cells.count)
        last = max(node.end_lineno or 1 for cell, node in statements if cell == cell_id)
        edits.after[cell_id, last] = lines
        return cell_id
    order = [cell.cell_id for cell in document.cells]
    used = {place[0] for path in added.values() for place in now[path].places.values()}
    cell_id = min(used, key=order.index) if used else document.code_cells[0].cell_id
    source = document.cell(cell_id).source.split("\n")
    first = next((n for n, line in enumerate(source, 1) if not line.startswith("%")), 1)
    edits.before[cell_id, first] = (*lines, "")
    return cell_id


def _change(edits: CellEdits, own: Statement, item: Imported) -> None:
    cell_id, node = own
    if len(node.names) == 1:
        lines: tuple[str, ...] = (_line(item),)
    else:
        kept = [alias for alias in node.names if (alias.asname or alias.name) != bound(item)]
        rest = type(node)(**{**dict(ast.iter_fields(node)), "names": kept})
        lines = (ast.unparse(rest), _line(item))
    edits.changed[cell_id, node.lineno] = lines
    for number in range(node.lineno + 1, (node.end_lineno or node.lineno) + 1):
        edits.changed[cell_id, number] = ()


def _binds(node: ast.Import | ast.ImportFrom, item: Imported) -> bool:
    return any(bound(own) == bound(item) for own in imported(node))


def _line(item: Imported) -> str:
    module, member, name = item
    if not member:
        return f"import {module}" + (f" as {name}" if name else "")
    return f"from {module} import {member}" + (f" as {name}" if name != member else "")
