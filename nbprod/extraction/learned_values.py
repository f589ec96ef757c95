"""Statistics that features cells take of the training rows, for held-out rows to use as well.

``median = train["age"].median()`` in a features cell, and ``test["age"].fillna(median)`` after it:
the cell's other statements transform, this one learns.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprod.extraction.anatomy import Anatomy
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Program

_OVER_ROWS = "mean median mode std var min max quantile sum unique nunique value_counts agg"
_STATISTICS = frozenset(_OVER_ROWS.split())
_KEPT_AS = frozenset({"tolist", "to_list", "to_dict", "item", "idxmax", "to_numpy"})
_MADE_OF = frozenset({"float", "int", "sorted", "set", "list", "dict", "len", "round"})


def learned_values(program: Program, anatomy: Anatomy) -> list[Piece]:
    """The statements of features cells that learn what held-out rows are given."""
    if anatomy.tangled:
        return []
    candidates = {
        id(piece): piece
        for piece in program.steps
        if piece.role == "features" and _is_statistic(piece.node)
    }
    found: dict[int, Piece] = {}
    for reader in program.steps if candidates else ():
        for name in program.needs(reader):
            by = program.writer(reader, name)
            if by is None or id(by) not in candidates or name not in by.names.binds:
                continue
            written = (*reader.names.binds, *reader.names.mutates)
            if anatomy.rows(name, by) == {"train"} and any(
                "holdout" in anatomy.rows(item, reader) for item in written
            ):
                found[id(by)] = by
    return list(found.values())


def _is_statistic(node: ast.stmt) -> bool:
    if not (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
    ):
        return False
    value: ast.expr = node.value
    while True:
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
            value = value.value  # train["port"].mode()[0]
        elif not isinstance(value, ast.Call):
            return False
        elif isinstance(value.func, ast.Name):
            if value.func.id not in _MADE_OF or not value.args:
                return False
            value = value.args[0]
        elif not isinstance(value.func, ast.Attribute):
            return False
        elif value.func.attr in _STATISTICS:
            return not any(item.arg == "axis" for item in value.keywords)
        elif value.func.attr in _KEPT_AS:
            value = value.func.value
        else:
            return False
