"""Definitions that need computed values where they stand: they go into the functions using them.

A decorated function that reads what was learned, a default argument that reads a parameter, a
constant of a lib cell that is computed from parameters: at a module's top level none of them has
what it reads. Within ``transform(frame, state)`` they stand as they stood in the notebook.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.extraction.class_arguments import takes_arguments
from nbprod.extraction.rules import finding

if TYPE_CHECKING:
    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

# The note of a statement that belongs to whatever needs it, whichever role its cell has.
NEARBY = "nearby"


def keep_nearby(selection: Selection, result: Definitions) -> None:
    """Put such definitions among the statements, in place: none of them is top-level then."""
    parameters = {name for piece in selection.parameters for name in piece.names.binds}
    rebound = {name for piece in selection.pieces for name in piece.names.binds}
    computed, fixed = rebound | parameters, parameters - rebound
    moved: list[Piece] = []
    while found := [
        piece
        for piece in dict.fromkeys(result.pieces.values())
        if _belongs_nearby(piece, result, computed, fixed)
    ]:
        for piece in found:
            for name in [name for name, other in result.pieces.items() if other is piece]:
                del result.pieces[name], result.files[name]
            computed |= piece.names.binds.keys()
            fixed |= piece.names.binds.keys() if not piece.is_definition else set()
        moved += found
    for piece in sorted(moved, key=lambda item: -item.order):
        _place(selection, result, piece, computed)


def _belongs_nearby(piece: Piece, result: Definitions, computed: set[str], fixed: set[str]) -> bool:
    at_once = {name for name in piece.names.reads if name not in result and name in computed}
    if not piece.is_definition:
        # a constant made of parameters; what is made of rows has no place in a lib cell
        return piece.role == "lib" and bool(at_once) and at_once <= fixed
    decorated = bool(getattr(piece.node, "decorator_list", ()))
    if at_once or not (decorated or isinstance(piece.node, ast.ClassDef)):
        return bool(at_once)
    later = {
        name
        for other in result.reach(piece.names.binds)
        for name in result.pieces[other].names.needs
        if name in computed and name not in result
    }
    taking = takes_arguments(piece.node, sorted(later)) and not _is_base(piece, result)
    return bool(later) and not taking


def _is_base(piece: Piece, result: Definitions) -> bool:
    """Whether another class of the notebook is made of this one: it hands no arguments on."""
    bases = {
        base.id
        for other in result.pieces.values()
        if isinstance(other.node, ast.ClassDef)
        for base in other.node.bases
        if isinstance(base, ast.Name)
    }
    return bool(bases & piece.names.binds.keys())


def _place(selection: Selection, result: Definitions, piece: Piece, computed: set[str]) -> None:
    """Put a definition among the statements: before the first that uses it, where it may wait."""
    order = piece.order
    if not computed & piece.names.reads.keys():
        own = piece.names.binds.keys()
        users = [item for item in selection.pieces if own & _uses(item, result)]
        order = min([item.order for item in users], default=order + 1) - 1
    notes = {**piece.notes, NEARBY: "1"}
    piece = replace(piece, notes=notes, order=max(order, piece.order))
    selection.pieces.append(piece)
    selection.pieces.sort(key=lambda item: item.order)
    selection.findings.append(
        finding(
            "NBX011",
            f"{', '.join(piece.names.binds)} goes into the functions that use it: it reads"
            " what they are given",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    )


def _uses(piece: Piece, result: Definitions) -> set[str]:
    """The names that a statement reads, through the functions that it calls too."""
    reached = result.reach(piece.names.needs)
    return {*piece.names.needs, *(n for name in reached for n in result.pieces[name].names.needs)}
