"""The label by other names: popped, deleted, or counted from the end of the columns.

``y = frame.pop("label")`` is two statements: the label read, and the frame without it;
``del frame["label"]`` is the second of them. A request has no label to pop, and a frame that is
left without a column is a new frame. ``frame.iloc[:, -1]`` is the label where a notebook takes
``frame.iloc[:, :-1]`` as everything else.
"""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.pieces import part_source, statement
from nbprod.extraction.rules import finding
from nbprod.notebook.syntax import nodes_of, once_per_node

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece, Statement
    from nbprod.extraction.selection import Selection

_ROLES = frozenset({"data", "split", "fit", "features"})


def unpop(selection: Selection, label: str) -> None:
    """Take the statements that pop the label apart, in place."""
    if not label:
        return
    _name_positions(selection, label)
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


# ---------------------------------------------------------------- the last column


def _name_positions(selection: Selection, label: str) -> None:
    """Columns counted from the end as what they mean, where the label is seen to be the last.

    It is where the same frame gives the label too: ``X = df.iloc[:, :-1]; y = df["price"]``.
    """
    labelled: set[str] = set()
    taken: dict[str, set[str]] = {}
    for piece in selection.pieces:
        for kind, frame in _positions(piece.node):
            taken.setdefault(kind, set()).add(frame)
        labelled |= {frame for frame, column in _columns(piece.node) if column == label}
    rest, last = taken.get("rest", set()), taken.get("last", set())
    if not rest or not rest & (labelled | last):
        return
    for place, piece in enumerate(selection.pieces):
        if _positions(piece.node):
            visitor = _ByName(label)
            changed = piece.syntax.visit(visitor)
            assert isinstance(changed, cst.SimpleStatementLine | cst.BaseCompoundStatement)
            selection.pieces[place] = piece.rewritten(changed, selection.names)
            selection.findings.append(
                finding(
                    "NBX026",
                    f"the last column is taken to be the label {label!r}: `{piece.first_line}`",
                    hint=f"choose columns by name, such as .drop(columns={label!r}):"
                    " a request has no label column",
                    cell_id=piece.cell_id,
                    line=piece.line,
                )
            )


@once_per_node
def _columns(statement: ast.stmt) -> frozenset[tuple[str, str]]:
    """(frame, column) of every ``frame["column"]`` and ``frame.column``."""
    found: set[tuple[str, str]] = set()
    for node in nodes_of(statement):
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            if isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
                found.add((node.value.id, node.slice.value))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            found.add((node.value.id, node.attr))
    return frozenset(found)


@once_per_node
def _positions(statement: ast.stmt) -> list[tuple[str, str]]:
    """Every place of a statement that counts columns from the end, as ``_position`` tells it."""
    return [told for node in nodes_of(statement) if (told := _position(node))[0]]


def _position(node: ast.AST) -> tuple[str, str]:
    """("rest" or "last", frame) of ``frame.iloc[:, :-1]`` and ``frame.iloc[:, -1]``."""
    if not (
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Attribute)
        and node.value.attr == "iloc"
        and isinstance(node.value.value, ast.Name)
    ):
        return "", ""
    told = ast.unparse(node.slice).strip("()")
    kind = {":, :-1": "rest", ":, 0:-1": "rest", ":, -1": "last"}.get(told, "")
    return kind, node.value.value.id if kind else ""


class _ByName(cst.CSTTransformer):
    """Positions from the end, as the label and everything else."""

    def __init__(self, label: str) -> None:
        super().__init__()
        self.label = label

    def leave_Subscript(  # noqa: N802 - libcst's name
        self, original_node: cst.Subscript, updated_node: cst.Subscript
    ) -> cst.BaseExpression:
        text = cst.Module(body=[]).code_for_node(original_node)
        kind, frame = _position(ast.parse(text, mode="eval").body)
        if kind == "rest":
            return cst.parse_expression(f"{frame}.drop(columns={json.dumps(self.label)})")
        if kind == "last":
            return cst.parse_expression(f"{frame}[{json.dumps(self.label)}]")
        return updated_node
