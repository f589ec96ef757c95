"""A variable renamed in the module, as a renaming in every cell that has the name.

A name crosses cells: features leave it, training reads it. The module's functions hand their
values over without names, so there it is renamed in one function; the notebook needs it everywhere.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.sync.merging import words
from nbprod.extraction.sync.naming import name_of
from nbprod.notebook.magics import plain_source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbprod.extraction.sync.naming import Names
    from nbprod.extraction.sync.places import Text
    from nbprod.notebook.document import Document

_SCOPES = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def renamed_names(
    now: Mapping[str, Text], wanted: Mapping[str, Text], names: Names
) -> dict[str, str]:
    """Variables that a person gave another name throughout a function: old -> new."""
    found: dict[str, str] = {}
    for path, text in wanted.items():
        before = {name_of(node): node for node in now[path].tree.body if name_of(node)}
        for node in text.tree.body:
            if (old := before.get(name_of(node))) is not None:
                told = _renamed(old, node)
                found |= {a: b for a, b in told.items() if names.is_own(name_of(node), a)}
    return found


def _renamed(old: ast.stmt, new: ast.stmt) -> dict[str, str]:
    ones, others = _in_order(old), _in_order(new)
    gone, come = set(ones) - set(others), set(others) - set(ones)
    if len(ones) != len(others) or not gone:
        return {}
    pairs = {a: b for a, b in zip(ones, others, strict=True) if a in gone}
    same = all(pairs.get(a, a) == b for a, b in zip(ones, others, strict=True))
    return pairs if same and set(pairs.values()) == come else {}


def _in_order(node: ast.stmt) -> list[str]:
    found = [item for item in ast.walk(node) if isinstance(item, ast.Name)]
    return [item.id for item in sorted(found, key=lambda n: (n.lineno, n.col_offset))]


def renamed_cells(document: Document, names: Mapping[str, str]) -> dict[str, str]:
    """The cells in which these names stand, with the new ones: cell id -> source.

    Nothing where that cannot be done for certain: a new name that the notebook has already, or an
    old one in a text or in a line that only IPython reads.
    """
    changed: dict[str, str] = {}
    for cell in document.code_cells:
        said = words(cell.source)
        if any(new in said for new in names.values()):
            return {}
        if not any(old in said for old in names):
            continue
        try:
            source = _with_names(cell.source, names)
        except SyntaxError:
            return {}
        if any(old in words(source) for old in names):
            return {}
        changed[cell.cell_id] = source
    return changed


def _with_names(source: str, names: Mapping[str, str]) -> str:
    lines = [line.encode() for line in source.split("\n")]
    places = list(_places(ast.parse(plain_source(source).source), names))
    for line, column, old in sorted(places, reverse=True):
        text = lines[line - 1]
        if text[column : column + len(old)] != old.encode():
            raise SyntaxError("within a text, whose parts have no places of their own")
        lines[line - 1] = text[:column] + names[old].encode() + text[column + len(old) :]
    return b"\n".join(lines).decode()


def _places(node: ast.AST, names: Mapping[str, str]) -> Iterator[tuple[int, int, str]]:
    """Line, column and name of each place, leaving out functions that have the name themselves."""
    if isinstance(node, ast.Name) and node.id in names:
        yield node.lineno, node.col_offset, node.id
    if isinstance(node, _SCOPES):
        own = {item.arg for item in ast.walk(node.args) if isinstance(item, ast.arg)}
        names = {old: new for old, new in names.items() if old not in own}
    for child in ast.iter_child_nodes(node):
        yield from _places(child, names)
