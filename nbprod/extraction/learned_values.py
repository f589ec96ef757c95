"""Statistics that features cells take of the training rows, for all rows to use.

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
    from nbprod.extraction.selection import Selection

_OVER_ROWS = "mean median mode std var min max quantile sum unique nunique value_counts agg"
STATISTICS = frozenset(_OVER_ROWS.split())
_KEPT_AS = frozenset({"tolist", "to_list", "to_dict", "item", "idxmax", "to_numpy"})
_MADE_OF = frozenset({"float", "int", "sorted", "set", "list", "dict", "len", "round"})


def learned_values(selection: Selection, program: Program, anatomy: Anatomy) -> bool:
    """Make fit statements of those in features cells that learn, in place; whether any does."""
    columns = _columns_chosen(program, anatomy)
    learned = {
        id(piece)
        for piece in program.steps
        if piece.role == "features"
        and (_learns(piece.node) or _is_one_of(piece.node, columns))
        and _of_training(piece, program, anatomy)
    }
    selection.pieces = [
        piece.as_role("fit") if id(piece) in learned else piece for piece in selection.pieces
    ]
    return bool(learned)


def _is_one_of(node: ast.stmt, names: set[str]) -> bool:
    """Whether a statement gives one of these names its value, and does nothing else."""
    target = node.targets[0] if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    return isinstance(target, ast.Name) and target.id in names


def _columns_chosen(program: Program, anatomy: Anatomy) -> set[str]:
    """Names of columns that training rows choose: ``held_out[name]`` takes the same of others."""
    found: set[str] = set()
    for piece in program.steps:
        if piece.role != "features":
            continue
        for node in piece.nodes:
            if (
                isinstance(node, ast.Subscript)
                and isinstance(node.slice, ast.Name)
                and isinstance(node.value, ast.Name)
                and anatomy.rows(node.value.id, program.writer(piece, node.value.id)) == {"holdout"}
                and anatomy.rows(node.slice.id, program.writer(piece, node.slice.id)) == {"train"}
            ):
                found.add(node.slice.id)
    return found


def _of_training(piece: Piece, program: Program, anatomy: Anatomy) -> bool:
    rows = {name: anatomy.rows(name, program.writer(piece, name)) for name in program.needs(piece)}
    made_of = frozenset[str]().union(*rows.values())
    return bool(made_of) and "holdout" not in made_of


def _learns(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Name)
        and is_statistic(node.value)
    )


def is_statistic(value: ast.expr) -> bool:
    """Whether an expression is a value over rows: ``df["a"].mean()``, ``df["b"].mode()[0]``."""
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
        elif value.func.attr in STATISTICS:
            along = [item.value for item in value.keywords if item.arg == "axis"]
            along += [item for item in value.args if value.func.attr == "sum"]
            return not along and not _for_each_row(value)
        elif value.func.attr in _KEPT_AS:
            value = value.func.value
        else:
            return False


def _for_each_row(value: ast.Call) -> bool:
    """Whether a chain gives a value for each row on its way: ``.rolling(3).mean()``."""
    return any(
        isinstance(item, ast.Attribute) and item.attr in ("rolling", "expanding", "ewm", "shift")
        for item in ast.walk(value)
    )
