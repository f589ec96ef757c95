"""The label column that a notebook is likely to mean: the one that its model is fitted on."""

from __future__ import annotations

import ast
from types import MappingProxyType
from typing import TYPE_CHECKING

from nbprod.extraction.clues import SPLITTERS, called, calls
from nbprod.notebook.graph import understand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbprod.notebook.document import Document
    from nbprod.notebook.graph import CellCode

_NO_TEXTS: Mapping[str, str] = MappingProxyType({})


def propose_label(document: Document) -> str:
    """The label column that a notebook's model is fitted on, "" when it cannot be told."""
    cells = understand(document)
    columns: dict[str, str] = {}
    texts = _texts(cells)
    for code in cells:
        for node in ast.walk(code.tree) if code.tree else ():
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                for target, value in _pairs(node.targets[0], node.value):
                    column = column_taken(value, texts) or columns.get(_name(value), "")
                    if column:
                        columns[target] = column
            if isinstance(node, ast.Assign):
                _follow_split(node, columns, texts)
    for code in reversed(cells):
        for call in calls(code.tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "fit" and call.args[1:]:
                label = column_taken(call.args[1], texts) or columns.get(_name(call.args[1]), "")
                if label:
                    return label
    return _label_of_loop(cells)


def _label_of_loop(cells: Sequence[CellCode]) -> str:
    """The one column that the cell of a training loop takes from a frame."""
    for code in cells:
        if not any(called(call) == "backward" for call in calls(code.tree)):
            continue
        taken = {
            column_taken(node)
            for node in ast.walk(code.tree or ast.Module([], []))
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        } - {""}
        if len(taken) == 1:
            return taken.pop()
    return ""


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, other)


def _follow_split(node: ast.Assign, columns: dict[str, str], texts: dict[str, str]) -> None:
    """``X_train, X_test, y_train, y_test = train_test_split(X, y)``: y_train is y."""
    call, target = node.value, node.targets[0]
    if isinstance(call, ast.Call) and isinstance(target, ast.Tuple) and called(call) in SPLITTERS:
        for index, argument in enumerate(call.args):
            column = column_taken(argument, texts) or columns.get(_name(argument), "")
            for part in target.elts[2 * index : 2 * index + 2]:
                if column and isinstance(part, ast.Name):
                    columns[part.id] = column


def _texts(cells: Sequence[CellCode]) -> dict[str, str]:
    """Names that hold a text: ``target = "price"``."""
    return {
        target.id: node.value.value
        for code in cells
        for node in (code.tree.body if code.tree else ())
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def column_taken(node: ast.expr, texts: Mapping[str, str] = _NO_TEXTS) -> str:
    """The column in ``frame["late"]``, ``frame.late``, ``frame.pop("late")``, perhaps converted.

    texts: names that hold a column's name.
    """
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "pop" and node.args:
            return _text(node.args[0], texts)
        node = node.func.value
    if isinstance(node, ast.Subscript):
        return _text(node.slice, texts) if isinstance(node.value, ast.Name) else ""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return "" if node.attr in ("values", "index", "T") else node.attr
    return column_taken(node.value, texts) if isinstance(node, ast.Attribute) else ""


def _text(node: ast.expr, texts: Mapping[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return texts.get(node.id, "") if isinstance(node, ast.Name) else ""


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
