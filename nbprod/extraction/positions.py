"""Columns chosen by position: a request has no label column, so what stands after it moves."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.rules import finding, refusal
from nbprod.notebook.syntax import nodes_of, once_per_node

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.workbench import Workbench

_BY_POSITION = frozenset({"iloc", "values", "columns"})


def check_positions(work: Workbench, piece: Piece) -> None:
    """Refuse columns counted from the end of raw rows; warn of those counted from the start."""
    for name, chosen in _chosen(piece.node) if work.label else ():
        if not work.anatomy.base(name, work.program.writer(piece, name)):
            continue
        if any(isinstance(part, ast.USub) for part in ast.walk(chosen)):
            raise refusal(
                "NBX023",
                f"cell {piece.cell_id} line {piece.line} counts columns from the end, where the"
                f" label may stand: `{piece.first_line}`",
                hint=f"choose them by name, such as .drop(columns={work.label!r}):"
                " a request has no label column",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        work.result.findings.append(
            finding(
                "NBX026",
                f"columns by position, where a request has no label: `{piece.first_line}`",
                hint="choose them by name: columns after the label stand one place earlier then",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        )


@once_per_node
def _chosen(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    """(name, what chooses columns of it) wherever a statement does so by position."""
    return [told for node in nodes_of(statement) if (told := _columns(node)) is not None]


def _columns(node: ast.AST) -> tuple[str, ast.expr] | None:
    """What chooses columns in ``rows.iloc[:, …]``, ``rows.values[:, …]``, ``rows.columns[…]``."""
    if not (
        isinstance(node, ast.Subscript)
        and isinstance(holder := node.value, ast.Attribute)
        and holder.attr in _BY_POSITION
        and isinstance(holder.value, ast.Name)
    ):
        return None
    chosen: ast.expr | None = node.slice
    if holder.attr != "columns":
        several = isinstance(chosen, ast.Tuple) and len(chosen.elts) == 2
        chosen = chosen.elts[1] if several and isinstance(chosen, ast.Tuple) else None
    counts = isinstance(chosen, ast.Slice | ast.Constant | ast.UnaryOp)
    whole = isinstance(chosen, ast.Slice) and chosen.lower is None and chosen.upper is None
    return (holder.value.id, chosen) if chosen and counts and not whole else None
