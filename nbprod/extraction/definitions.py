"""What lives at the top level of the module: functions, classes and constants, and in which file.

A definition that reads names which the notebook computes (what ``fit`` learned, parameters) takes
them as arguments in the module; ``extras`` tells which.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.extraction.constants import constants
from nbprod.extraction.global_writers import inline_global_writers
from nbprod.extraction.import_effects import check_lib
from nbprod.extraction.nearby import keep_nearby
from nbprod.extraction.rules import refusal
from nbprod.notebook.graph import GIVEN_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

FILES = {
    "lib": "lib",
    "schema": "schemas",
    "data": "data",
    "split": "data",
    "fit": "features",
    "features": "features",
    "features-online": "features",
    "train": "training",
    "predict": "inference",
}
# A file may import from these; any other need moves the definition to lib.
MAY_IMPORT: dict[str, frozenset[str]] = {
    "lib": frozenset(),
    "schemas": frozenset({"lib"}),
    "data": frozenset({"lib"}),
    "features": frozenset({"lib"}),
    "training": frozenset({"lib", "data", "features"}),
    "inference": frozenset({"lib", "features"}),
}
# Role -> the functions that it may define itself, in the place of loose statements.
ENTRY_NAMES = {
    "data": "load",
    "split": "split",
    "fit": "fit",
    "features": "transform",
    "features-online": "transform_online",
    "train": "train",
    "predict": "predict",
}


@dataclass
class Definitions:
    """Top-level names of the module."""

    pieces: dict[str, Piece] = field(default_factory=dict)  # name -> the statement that binds it
    files: dict[str, str] = field(default_factory=dict)  # name -> file, without .py
    extras: dict[str, tuple[str, ...]] = field(default_factory=dict)  # name -> taken from around
    loose_lib: list[Piece] = field(default_factory=list)  # lib statements that bind nothing

    def __contains__(self, name: object) -> bool:
        return name in self.pieces

    def reach(self, names: Iterable[str]) -> set[str]:
        """These top-level names and all that they need of each other."""
        reached: set[str] = set()
        pending = [name for name in names if name in self.pieces]
        while pending:
            name = pending.pop()
            if name not in reached:
                reached.add(name)
                needed = self.pieces[name].names.needs
                pending.extend(other for other in needed if other in self.pieces)
        return reached


def define(selection: Selection) -> Definitions:
    """Find the top-level names of a notebook's module, and take their statements out of its pieces.

    ExtractionError: a name defined twice, a definition that needs a computed name when it is made.
    """
    inline_global_writers(selection)
    result = Definitions()
    for piece in [item for item in selection.pieces if _is_top_level(item)]:
        selection.pieces.remove(piece)
        _add(result, piece)
    for piece in constants(selection, result):
        selection.pieces.remove(piece)
        _add(result, piece)
    check_lib(selection, result)
    given = GIVEN_NAMES | selection.imports.keys()
    keep_nearby(selection, result)
    _find_extras(selection, result, given)
    return result


def _is_top_level(piece: Piece) -> bool:
    if piece.role in ("lib", "schema"):
        return True
    if piece.is_definition:
        return True
    return isinstance(piece.node, ast.Try) and any(
        isinstance(inner, ast.Import | ast.ImportFrom) for inner in piece.nodes
    )


def _add(result: Definitions, piece: Piece) -> None:
    if not piece.names.binds:
        result.loose_lib.append(piece)
    for name in piece.names.binds:
        first = result.pieces.get(name)
        again = first is not None and (
            piece.is_definition or first.is_definition or first.role != piece.role
        )
        if first is not None and again:
            raise refusal(
                "NBX003",
                f"{name} is defined twice: in cell {first.cell_id} and in cell {piece.cell_id}",
                hint="rename one of them, or remove the one that is out of date",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        result.pieces[name] = piece
        result.files[name] = FILES[piece.role]


def _find_extras(selection: Selection, result: Definitions, given: frozenset[str]) -> None:
    """Which computed names each definition reads, its own and through what it calls."""
    direct: dict[str, set[str]] = {}
    for name, piece in result.pieces.items():
        for other, line in piece.names.global_writes.items():
            raise refusal(
                "NBX023",
                f"cell {piece.cell_id}: {name}() assigns the global name {other}: a module has no"
                " globals that change",
                hint=f"return {other}, and assign it where {name}() is called; or let it return"
                f" once, at its end, and call it by statements: `kept = {name}(...)`",
                cell_id=piece.cell_id,
                line=line,
            )
        at_once = [
            other for other in piece.names.reads if other not in result and other not in given
        ]
        if at_once and all(star.given is not None for star in selection.stars):
            raise _needs_at_once(selection, piece, at_once[0])
        direct[name] = {
            other for other in piece.names.needs if other not in result and other not in given
        }
    for name in result.pieces:
        needed = set().union(*(direct[other] for other in result.reach([name])))
        if needed:
            result.extras[name] = tuple(sorted(needed))


def _needs_at_once(selection: Selection, piece: Piece, name: str) -> Exception:
    computed = any(
        name in other.names.binds for other in (*selection.pieces, *selection.parameters)
    )
    if computed:
        what = "at the module's top level" if not piece.is_definition else "where it is defined"
        return refusal(
            "NBX023",
            f"cell {piece.cell_id} line {piece.line}: `{piece.first_line}` reads {name} {what},"
            " before anything is computed",
            hint=f"read {name} inside the function, or move this line to the cell that uses it",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    return undefined(selection, piece, name)


def undefined(selection: Selection, piece: Piece, name: str) -> Exception:
    """The error for a name that no tagged cell defines; it names the cell to tag, if any."""
    for other in reversed(selection.untagged):
        if name in other.names.binds:
            return refusal(
                "NBX002",
                f"cell {piece.cell_id} needs {name}, which only the untagged cell"
                f" {other.cell_id} assigns",
                hint=f"give it a role: `nbprod tag NOTEBOOK {other.cell_id} ROLE`",
                cell_id=piece.cell_id,
                line=piece.line_of(name),
            )
    if name in selection.commands:
        cell, _, text = selection.commands[name]
        first = text.split("\n")[0]
        return refusal(
            "NBX029",
            f"cell {piece.cell_id} needs {name}, which only IPython gives:"
            f" `{first}` in cell {cell}",
            hint=f"compute {name} in Python: subprocess.run, pathlib, os.environ",
            cell_id=piece.cell_id,
            line=piece.line_of(name),
        )
    perhaps = [f"from {item.module} import *" for item in selection.stars if item.given is None]
    perhaps += [text.split("\n")[0] for _, text in selection.unseen]
    star = f"; perhaps it comes from `{perhaps[0]}`" if perhaps else ""
    return refusal(
        "NBX001",
        f"cell {piece.cell_id} reads {name}, which no cell defines{star}",
        hint=f"import {name} by name" if star else f"define {name} in a cell before it",
        cell_id=piece.cell_id,
        line=piece.line_of(name),
    )
