"""Whether two ways from rows to features are the same way, whatever their variables are called.

What only takes the label away, or a copy, makes no difference: held-out rows may come without it.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprod.extraction.anatomy import Anatomy
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Slice


def different_step(
    one: Slice, one_result: str, other: Slice, other_result: str, anatomy: Anatomy
) -> tuple[bool, Piece | None]:
    """Whether two slices do something else, names of rows and variables aside; and where.

    The statement is the other slice's first that differs; where that only ends earlier, the first
    that it lacks.
    """
    first, second = _shape(one, one_result, anatomy), _shape(other, other_result, anatomy)
    if [told for told, _ in first] == [told for told, _ in second]:
        return False, None
    for index, (told, piece) in enumerate(second):
        if index >= len(first) or told != first[index][0]:
            lacking = first[index][1] if index < len(first) else None
            return True, piece or lacking
    return True, None


def _shape(part: Slice, result: str, anatomy: Anatomy) -> list[tuple[str, Piece | None]]:
    names: dict[str, str] = {}
    for name, by in part.inputs.items():
        # rows are rows; what was learned and parameters must be the very same
        names[name] = "rows" if anatomy.base(name, by) else f"{name} {id(by)}"
    inputs = set(names)
    told: list[tuple[str, Piece | None]] = []
    count = 0  # the same numbers, whatever else one of the ways reads
    for index, piece in enumerate(part.pieces):
        node = _Plain(anatomy).visit(_copy(piece.node))
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Name):
            continue  # frame.drop(columns="label", inplace=True)
        later = {name for item in part.pieces[index + 1 :] for name in item.names.needs}
        source = _alias_of(node)
        if source in names and source not in later and source != result:
            names[ast.unparse(node).partition(" = ")[0]] = names[source]
            continue
        for name in piece.names.binds:
            if name not in inputs and name not in names:
                count += 1
                names[name] = f"value {count}"
        told.append((ast.dump(_Renamed(names).visit(node)), piece))
    return [*told, (names.get(result, result), None)]


def _copy(node: ast.stmt) -> ast.stmt:
    return ast.parse(ast.unparse(node)).body[0]


def _alias_of(node: ast.stmt) -> str:
    """The name that a statement gives another name to: b in ``a = b``; "" for any other."""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name) and isinstance(value, ast.Name):
            return value.id
    return ""


class _Plain(ast.NodeTransformer):
    """Takes ``.copy()``, ``.values``, ``list()`` and the label's ``.drop()`` away."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy

    def visit_Attribute(self, node: ast.Attribute) -> ast.expr:
        self.generic_visit(node)
        return node.value if node.attr == "values" else node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id == "list" and len(node.args) == 1:
            return node.args[0]
        if not isinstance(node.func, ast.Attribute):
            return node
        if node.func.attr == "copy" and not node.args:
            return node.func.value
        if node.func.attr == "drop" and self.anatomy.label:
            items = [*node.args, *(k.value for k in node.keywords if k.arg == "columns")]
            dropped = items[0] if items else None
            if dropped is not None and self._is_label(dropped):
                return node.func.value
            if isinstance(dropped, ast.List | ast.Tuple):
                dropped.elts = [item for item in dropped.elts if not self._is_label(item)]
                if not dropped.elts:
                    return node.func.value
        return node

    def _is_label(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return bool(node.value == self.anatomy.label)
        return isinstance(node, ast.Name) and node.id in self.anatomy.column.held_by


class _Renamed(ast.NodeTransformer):
    def __init__(self, names: dict[str, str]) -> None:
        self.names = names

    def visit_Name(self, node: ast.Name) -> ast.Name:
        return ast.Name(self.names.get(node.id, node.id), node.ctx)
