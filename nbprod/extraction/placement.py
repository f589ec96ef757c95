"""Where each definition lives, and how it gets the computed names that it read from around it."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.extraction.class_arguments import takes_arguments
from nbprod.extraction.definitions import MAY_IMPORT
from nbprod.extraction.entries import SHAPES
from nbprod.extraction.rules import finding, refusal

if TYPE_CHECKING:
    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.entries import Entry
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Program
    from nbprod.extraction.workbench import Assembly
    from nbprod.records import Finding

_SERVING = frozenset({"transform", "predict", "transform_online"})
_GENERATED = frozenset(SHAPES) | {"State", "Parameters"}


@dataclass
class Placement:
    """How definitions appear in the module."""

    # function -> how it takes computed names: "state", "parameters", or "names" one by one
    passing: dict[str, str] = field(default_factory=dict)
    renames: dict[str, str] = field(default_factory=dict)  # a name that an entry function has
    findings: list[Finding] = field(default_factory=list)


def place(definitions: Definitions, assembly: Assembly, program: Program) -> Placement:
    """Decide files, names and arguments; moves definitions between files in ``definitions``."""
    result = Placement()
    own = {entry.shape.name for entry in assembly.entries.values() if entry.definition}
    if assembly.own_state:
        own.add("State")
    for name in definitions.pieces:
        if name in _GENERATED - own:
            result.renames[name] = f"_{name}"
    _drop_unused(definitions, assembly, result)
    users = {name: _reached(definitions, entry) for name, entry in assembly.entries.items()}
    _choose_passing(definitions, assembly, program, users, result)
    _move_shared(definitions, assembly, result)
    return result


def _drop_unused(definitions: Definitions, assembly: Assembly, result: Placement) -> None:
    """Functions that read computed names, and that nothing in the module calls, stay behind."""
    used: set[str] = set()
    for name, entry in assembly.entries.items():
        used |= _reached(definitions, entry) | ({name} if entry.definition else set())
    for name in [name for name in definitions.extras if name not in used]:
        piece = definitions.pieces.pop(name)
        del definitions.files[name], definitions.extras[name]
        result.findings.append(
            finding(
                "NBX010",
                f"dropped: {piece.first_line} (nothing in the module calls it)",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        )


def _reached(definitions: Definitions, entry: Entry) -> set[str]:
    """The definitions that an entry function uses, through others too."""
    if entry.definition is not None:
        return definitions.reach([entry.shape.name]) - {entry.shape.name}
    return definitions.reach(_direct(definitions, entry))


def _direct(definitions: Definitions, entry: Entry) -> set[str]:
    if entry.definition is not None:
        return set(entry.definition.names.needs) & definitions.pieces.keys()
    return {
        name for piece in entry.pieces for name in piece.names.needs if name in definitions.pieces
    }


def _choose_passing(
    definitions: Definitions,
    assembly: Assembly,
    program: Program,
    users: dict[str, set[str]],
    result: Placement,
) -> None:
    """Decide for each function how it is given the computed names that it reads."""
    own = {name for name, entry in assembly.entries.items() if entry.definition is not None}
    frozen = program.parameters.keys() - program.last.keys()
    for name, extras in definitions.extras.items():
        contexts = {entry for entry, reached in users.items() if name in reached}
        if name in own or not contexts:
            continue
        piece = definitions.pieces[name]
        _check_takes_arguments(piece, name, extras)
        taken = _names_inside(piece.node)
        rebound = {
            bound
            for entry in contexts
            for item in assembly.entries[entry].pieces
            for bound in item.names.binds
        }
        result.passing[name] = "names"
        if set(extras) & rebound or isinstance(piece.node, ast.ClassDef):
            continue  # the value at the call, under this very name
        if contexts <= _SERVING and set(extras) <= set(assembly.state) and "state" not in taken:
            result.passing[name] = "state"
        elif not contexts & _SERVING and set(extras) <= frozen and "parameters" not in taken:
            result.passing[name] = "parameters"
    _spread_names(definitions, result)


def _check_takes_arguments(piece: Piece, name: str, extras: tuple[str, ...]) -> None:
    node = piece.node
    plain = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.decorator_list
    if not plain and not takes_arguments(node, extras):
        raise refusal(
            "NBX023",
            f"cell {piece.cell_id}: {name} reads {', '.join(extras)} from around it",
            hint=f"pass {extras[0]} to it as an argument; a class takes it in __init__",
            cell_id=piece.cell_id,
            line=piece.line,
        )


def _spread_names(definitions: Definitions, result: Placement) -> None:
    """A function that takes names one by one has no state to hand on to those it calls."""
    changed = True
    while changed:
        changed = False
        for name in [name for name, how in result.passing.items() if how == "names"]:
            for other in definitions.reach([name]):
                if result.passing.get(other, "names") != "names":
                    result.passing[other] = "names"
                    changed = True


def _names_inside(node: ast.AST) -> set[str]:
    return {item.id for item in ast.walk(node) if isinstance(item, ast.Name)} | {
        item.arg for item in ast.walk(node) if isinstance(item, ast.arg)
    }


def _move_shared(definitions: Definitions, assembly: Assembly, result: Placement) -> None:
    """A definition needed where its file may not be imported goes to lib, with what it needs."""
    own = {name for name, entry in assembly.entries.items() if entry.definition}
    needed: list[tuple[str, str]] = []  # (file, definition)
    for entry in assembly.entries.values():
        needed += [(entry.shape.file, name) for name in _direct(definitions, entry)]
    pending = sorted(set(needed))
    for name, piece in definitions.pieces.items():
        inner = sorted(set(piece.names.needs) & definitions.pieces.keys())
        pending += [(f"@{name}", other) for other in inner]
    changed = True
    while changed:
        changed = False
        for user, name in pending:
            file = definitions.files[user[1:]] if user.startswith("@") else user
            home = definitions.files[name]
            if home == file or home in MAY_IMPORT[file] or name in own:
                continue
            definitions.files[name] = "lib"
            changed = True
            piece = definitions.pieces[name]
            for other in piece.names.binds:
                definitions.files[other] = "lib"
            result.findings.append(
                finding(
                    "NBX025",
                    f"{name} goes to lib.py: {home}.py is not imported by {file}.py",
                    hint="tag its cell `lib` to say so in the notebook",
                    cell_id=piece.cell_id,
                    line=piece.line,
                )
            )
