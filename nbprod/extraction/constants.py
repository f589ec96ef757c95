"""Which assignments are the module's constants: read by functions or other roles, never changed."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.notebook.graph import GIVEN_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

# Calls that give the same value whenever they are made.
_VALUES = """
compile frozenset set dict list tuple range sorted len Path Timestamp Timedelta timedelta
datetime date time array Decimal Fraction namedtuple getLogger MappingProxyType
"""
_MAKES_A_VALUE = frozenset(_VALUES.split())


def constants(selection: Selection, known: Definitions) -> list[Piece]:
    """Assignments that functions, or cells of another role, read, and that never change."""
    bound: dict[str, list[Piece]] = {}
    changed: set[str] = set()
    for piece in (*selection.pieces, *selection.untagged):
        if piece.notes.get("skip"):
            continue
        for name in piece.names.binds:
            bound.setdefault(name, []).append(piece)
        changed |= piece.names.mutates.keys()
    readers = _readers(selection, known)
    parameters = {name for piece in selection.parameters for name in piece.names.binds}
    found: list[Piece] = []
    names = set(known.pieces)
    for piece in selection.pieces:
        value = _value(piece)
        if value is None or len(piece.names.binds) != 1:
            continue
        (name,) = piece.names.binds
        if len(bound[name]) > 1 or name in changed or name in parameters or name in known:
            continue
        by_function, roles = readers.get(name, (False, frozenset()))
        if not _is_wanted(piece.role, by_function=by_function, roles=roles - {piece.role}):
            continue
        if _is_value(value, names, selection.imports.keys(), calls=by_function):
            found.append(piece)
            names.add(name)
    return found


def _is_wanted(role: str, *, by_function: bool, roles: frozenset[str]) -> bool:
    if role == "fit":  # what fit assigns is State, unless State cannot reach the reader
        return bool(roles - {"features", "predict", "features-online"})
    return by_function or bool(roles)


def _readers(selection: Selection, known: Definitions) -> dict[str, tuple[bool, frozenset[str]]]:
    """For each name: whether a function reads it, and the roles whose statements do."""
    found: dict[str, tuple[bool, frozenset[str]]] = {}
    for piece in dict.fromkeys(known.pieces.values()):
        for name in piece.names.needs:
            found[name] = (True, found.get(name, (False, frozenset[str]()))[1] | {piece.role})
    for piece in selection.pieces:
        for name in piece.names.needs:
            before = found.get(name, (False, frozenset[str]()))
            found[name] = (before[0], before[1] | {piece.role})
    return found


def _value(piece: Piece) -> ast.expr | None:
    node = piece.node
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        return node.value if isinstance(node.targets[0], ast.Name) else None
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return node.value
    return None


def _is_value(value: ast.expr, names: set[str], imports: Iterable[str], *, calls: bool) -> bool:
    """Whether an expression is the same value whenever it is evaluated."""
    imported = set(imports)
    for node in ast.walk(value):
        if isinstance(node, ast.Await | ast.Yield | ast.YieldFrom | ast.NamedExpr):
            return False
        if isinstance(node, ast.Call):
            function = node.func
            last = function.attr if isinstance(function, ast.Attribute) else None
            if isinstance(function, ast.Name):
                last = function.id
            if not calls or last not in _MAKES_A_VALUE:
                return False
        if (
            isinstance(node, ast.Name)
            and isinstance(node.ctx, ast.Load)
            and node.id not in names | imported | GIVEN_NAMES
        ):
            return False
    return True
