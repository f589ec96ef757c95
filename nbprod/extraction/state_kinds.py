"""The types of State's fields, from what fit's statements say about them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.kinds import common, kind_of
from nbprod.extraction.parameters_file import type_of

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.workbench import Workbench


def state_kinds(work: Workbench) -> dict[str, str]:
    """name -> annotation of each field: a type where every statement that binds it agrees."""
    entry = work.result.entries.get("fit")
    pieces = entry.pieces if entry is not None else []
    classes = {
        *work.selection.imports,
        *(name for name, piece in work.definitions.pieces.items() if piece.is_definition),
    }
    known: dict[str, str] = {}
    binding: dict[str, list[Piece]] = {}
    for piece in pieces:
        for name in piece.names.binds:
            binding.setdefault(name, []).append(piece)
    for piece in pieces:
        for name in piece.names.binds:
            known[name] = common(_bound(item, name, classes, known) for item in binding[name])
    found: dict[str, str] = {}
    for name in work.result.state:
        by = work.learned.get(name)
        if work.is_parameter(name, by):
            found[name] = type_of(work.program.parameters[name])
        else:
            found[name] = known.get(name) or "Any"
    return found


def _bound(piece: Piece, name: str, classes: set[str], known: dict[str, str]) -> str:
    """What kind of value a statement surely gives a name, "" where it does not tell."""
    node = piece.node
    if isinstance(node, ast.AnnAssign) and node.value is not None:
        return ast.unparse(node.annotation)
    if isinstance(node, ast.Assign) and all(isinstance(item, ast.Name) for item in node.targets):
        return kind_of(node.value, classes, known)
    if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
        return known.get(name, "") if known.get(name) in ("list", "str", "set", "dict") else ""
    return ""
