"""Names that stand for one learned thing after another, each kept under a name of its own.

``le.fit(df["sex"]) ... le.fit(df["port"])``: State needs both encoders, the notebook has one name.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from nbprod.extraction.learners import column_of, learns_alone, made_by
from nbprod.extraction.meanings import looks_held_out
from nbprod.extraction.pieces import statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.extraction.rules import finding
from nbprod.notebook.effects import root_name
from nbprod.notebook.syntax import once_per_node

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

_READING = frozenset({"features", "predict", "split"})


@dataclass
class _Version:
    """A stretch of the notebook in which a name stands for one thing."""

    start: int  # index of its first piece
    learned_from: str = ""  # the column, as part of a name
    made: bool = True  # whether its own statement makes the object; else the one before is reused
    read: bool = False
    name: str = field(default="")


def name_versions(selection: Selection) -> None:
    """Give every learned thing that is read a name of its own, in place."""
    pieces = _without_refits(selection, sorted(selection.pieces, key=lambda p: p.order))
    names = {name for piece in pieces if piece.role == "fit" for name in piece.names.binds}
    names |= {name for piece in pieces if piece.role == "fit" for name in piece.names.mutates}
    places = _places(pieces)
    for name in sorted(names):
        versions = _versions(pieces, places.get(name, []), name)
        if versions is None or sum(version.read for version in versions) < 2:
            continue
        _name(selection, versions, name)
        pieces = _renamed(selection, pieces, versions, name)
        places = _places(pieces)
    selection.pieces[:] = pieces


def _without_refits(selection: Selection, pieces: list[Piece]) -> list[Piece]:
    """The statements without those that fit anew on held-out rows what training rows taught.

    ``X_test = scaler.fit_transform(X_test)``: the module transforms with what it has learned.
    """
    fitted: dict[str, Piece] = {}
    kept: list[Piece] = []
    for piece in pieces:
        name = _learner(piece.node) if learns_alone(piece.node) else ""
        given = _given(piece.node) if name else set()
        if name and piece.role == "fit" and given and all(map(looks_held_out, given)):
            before = fitted.get(name)
            if before is not None and not any(map(looks_held_out, _given(before.node))):
                if kept and made_by(kept[-1].node) and name in kept[-1].names.binds:
                    kept.pop()  # the new object that it would have been
                selection.findings.append(
                    finding(
                        "NBX052",
                        f"{name} learns anew from held-out rows: `{piece.first_line}`",
                        hint=f"the module keeps what the training rows taught {name}:"
                        " only .transform() held-out rows",
                        cell_id=piece.cell_id,
                        line=piece.line,
                    )
                )
                continue
        if name:
            fitted[name] = piece
        kept.append(piece)
    return kept


def _given(node: ast.stmt) -> set[str]:
    """The names of what a statement's call is given."""
    value = getattr(node, "value", None)
    parts = value.args if isinstance(value, ast.Call) else []
    return {root for part in parts if (root := root_name(part)) is not None}


def _places(pieces: list[Piece]) -> dict[str, list[int]]:
    """For each name, the statements that bind, read or change it."""
    places: dict[str, list[int]] = {}
    for index, piece in enumerate(pieces):
        for name in {*piece.names.binds, *piece.names.needs, *piece.names.mutates}:
            places.setdefault(name, []).append(index)
    return places


def _versions(pieces: list[Piece], places: list[int], name: str) -> list[_Version] | None:
    """The stretches of a name; None where it is not only learned things that it stands for."""
    versions: list[_Version] = []
    fresh = False  # made, and not learned anything yet
    for index in places:
        piece = pieces[index]
        binds, needs = name in piece.names.binds, name in piece.names.needs
        if piece.is_definition:
            return None  # a function that reads it reads whichever there is
        relearns = learns_alone(piece.node) and _learner(piece.node) == name
        if binds and not needs:
            if piece.role != "fit" and made_by(piece.node) is None:
                return None
            versions.append(_Version(index))
            fresh = made_by(piece.node) is not None and not learns_alone(piece.node)
            if not fresh:
                versions[-1].learned_from = _column(piece.node)
        elif relearns and versions:
            if not fresh:
                versions.append(_Version(index, made=False))
            versions[-1].learned_from = _column(piece.node)
            fresh = False
        if versions and needs and piece.role in _READING:
            versions[-1].read = True
    return versions


def _learner(node: ast.stmt) -> str:
    value = getattr(node, "value", None)
    return (root_name(value) or "") if isinstance(value, ast.Call) else ""


@once_per_node
def _column(node: ast.stmt) -> str:
    value = getattr(node, "value", None)
    if isinstance(value, ast.Call) and value.args:
        return column_of(value.args[0])
    return column_of(value) if isinstance(value, ast.expr) else ""


def _name(selection: Selection, versions: list[_Version], name: str) -> None:
    """``le_sex``, ``le_port`` where the columns tell them apart; else ``le``, ``le_2``."""
    taken = {
        word
        for item in (*selection.pieces, *selection.untagged)
        for word in (*item.names.binds, *item.names.needs)
    } | selection.imports.keys()
    columns = [version.learned_from for version in versions if version.read]
    told = all(columns) and len(set(columns)) == len(columns)
    told = told and not any(f"{name}_{column}" in taken for column in columns)
    number = 0
    for version in versions:
        if told and version.read:
            version.name = f"{name}_{version.learned_from}"
            continue
        number += 1
        while number > 1 and f"{name}_{number}" in taken:
            number += 1
        version.name = name if number == 1 and not told else f"{name}_{number}"


def _renamed(
    selection: Selection, pieces: list[Piece], versions: list[_Version], name: str
) -> list[Piece]:
    found: list[Piece] = []
    current = ""
    starts = {version.start: version for version in versions}
    for index, piece in enumerate(pieces):
        version = starts.get(index)
        if version is not None:
            if not version.made:
                found.append(_again(selection, piece, version.name, name, current))
            current = version.name
            if name in selection.makers:
                selection.makers[current] = selection.makers[name]
            selection.findings.append(
                finding(
                    "NBX011",
                    f"{name} is {current} from here on: it stands for something else elsewhere",
                    cell_id=piece.cell_id,
                    line=piece.line,
                )
            )
        found.append(_with_name(selection, piece, name, current) if current else piece)
    return found


def _again(selection: Selection, piece: Piece, new: str, name: str, before: str) -> Piece:
    """The statement that makes another object, before the name learns anew."""
    maker = selection.makers.get(name) or f"deepcopy({before})"
    node, syntax = statement(f"{new} = {maker}")
    made = piece.with_statement(node, syntax, selection.names)
    return replace(made, order=piece.order - 1)


def _with_name(selection: Selection, piece: Piece, old: str, new: str) -> Piece:
    if old == new or not (
        old in piece.names.binds or old in piece.names.needs or old in piece.names.mutates
    ):
        return piece
    syntax = rewrite(piece.syntax, Rewrite(names={old: new}))
    return piece.rewritten(syntax, selection.names)
