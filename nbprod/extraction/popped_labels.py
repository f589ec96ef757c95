"""``y = frame.pop("label")`` as two statements: the label read, and the frame without it.

``del frame["label"]`` is the second of them.

A request has no label to pop, and a frame that is left without a column is a new frame.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.extraction.pieces import part_source, statement

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece, Statement
    from nbprod.extraction.selection import Selection

_ROLES = frozenset({"data", "split", "fit", "features"})


def unpop(selection: Selection, label: str) -> None:
    """Take the statements that pop the label apart, in place."""
    if not label:
        return
    holders = {
        name
        for piece in (*selection.pieces, *selection.parameters)
        for name in piece.names.binds
        if isinstance(value := getattr(piece.node, "value", None), ast.Constant)
        and value.value == label
    }
    for piece in [item for item in selection.pieces if item.role in _ROLES]:
        if isinstance(piece.node, ast.Delete):
            _undelete(selection, piece, label, holders)
            continue
        popped = _popped(piece, label, holders)
        if popped is None:
            continue
        target, frame, column = popped
        place = selection.pieces.index(piece)
        parts = [_made(selection, piece, f"{target} = {frame}[{column}]", piece.syntax)]
        parts.append(_made(selection, piece, f"{frame} = {frame}.drop(columns={column})"))
        selection.pieces[place : place + 1] = [
            replace(part, order=piece.order + index) for index, part in enumerate(parts)
        ]


def _popped(piece: Piece, label: str, holders: set[str]) -> tuple[str, str, str] | None:
    """(target, frame, column as written) of ``y = frame.pop("label")``."""
    node = piece.node
    if not (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(target := node.targets[0], ast.Name)
        and isinstance(call := node.value, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "pop"
        and isinstance(call.func.value, ast.Name)
        and len(call.args) == 1
    ):
        return None
    column = call.args[0]
    if not _is_label(column, label, holders):
        return None
    return target.id, call.func.value.id, part_source(piece, column)


def _is_label(column: ast.expr, label: str, holders: set[str]) -> bool:
    if isinstance(column, ast.Name):
        return column.id in holders
    return isinstance(column, ast.Constant) and column.value == label


def _undelete(selection: Selection, piece: Piece, label: str, holders: set[str]) -> None:
    """Make ``del frame["label"]`` a frame without the column, in place."""
    assert isinstance(piece.node, ast.Delete)
    lines = []
    for target in piece.node.targets:
        if (
            isinstance(target, ast.Subscript)
            and isinstance(target.value, ast.Name)
            and _is_label(target.slice, label, holders)
        ):
            frame = target.value.id
            lines.append(f"{frame} = {frame}.drop(columns={part_source(piece, target.slice)})")
        else:
            lines.append(f"del {part_source(piece, target)}")
    if all(line.startswith("del ") for line in lines):
        return
    place = selection.pieces.index(piece)
    selection.pieces[place : place + 1] = [
        replace(
            _made(selection, piece, line, None if index else piece.syntax),
            order=piece.order + index,
        )
        for index, line in enumerate(lines)
    ]


def _made(
    selection: Selection, origin: Piece, source: str, comments: Statement | None = None
) -> Piece:
    node, syntax = statement(source)
    if comments is not None:
        syntax = syntax.with_changes(leading_lines=comments.leading_lines)
    return replace(origin, node=node, syntax=syntax, names=selection.names(node), code=source)
