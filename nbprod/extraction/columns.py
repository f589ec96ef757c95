"""Columns by name: which ones the statements of a notebook read and write."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbprod.extraction.pieces import Piece


def stored_column(node: ast.stmt) -> tuple[str, str] | None:
    """(frame, column) of ``frame["column"] = ...``, and of nothing else."""
    if not (isinstance(node, ast.Assign) and len(node.targets) == 1):
        return None
    target = node.targets[0]
    if (
        isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Name)
        and isinstance(target.slice, ast.Constant)
        and isinstance(target.slice.value, str)
    ):
        return target.value.id, target.slice.value
    return None


def unread_column(
    piece: Piece, steps: Iterable[Piece], shared: Mapping[str, frozenset[str]]
) -> tuple[str, str] | None:
    """(frame, column) where a statement only adds a column that no later statement reads.

    steps: the statements that count; shared: names that share one object. A frame that is read as
    a whole is read with the column.
    """
    stored = stored_column(piece.node)
    if stored is None or shared.get(stored[0], frozenset({stored[0]})) != {stored[0]}:
        return None
    frame, column = stored
    if piece.names.mutates.keys() - {frame} or piece.names.binds:
        return None
    for step in steps:
        if step.order < piece.order or frame not in {*step.names.needs, *step.names.binds}:
            continue
        if frame in step.names.needs and not _reads_others(step, frame, column):
            return None
        if frame in step.names.surely:
            break
    return stored


def _reads_others(piece: Piece, frame: str, column: str) -> bool:
    """Whether a statement takes nothing of a frame but other columns, its index and its length."""
    allowed: set[int] = set()
    for node in piece.nodes:
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            columns = columns_of(node.slice)
            if columns and column not in columns:
                allowed.add(id(node.value))
        elif isinstance(node, ast.Attribute) and node.attr == "index":
            allowed.add(id(node.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            allowed |= {id(item) for item in node.args if node.func.id == "len"}
    found = [node for node in piece.nodes if isinstance(node, ast.Name) and node.id == frame]
    return bool(found) and all(id(node) in allowed for node in found)


def columns_of(index: ast.expr) -> list[str]:
    """The columns that an index names: "x", ["x", "y"]; none where it cannot be said."""
    items = index.elts if isinstance(index, ast.List) else [index]
    values = [item.value for item in items if isinstance(item, ast.Constant)]
    texts = [value for value in values if isinstance(value, str)]
    return texts if len(texts) == len(items) else []
