"""Columns that held-out rows take over from training rows: fit() keeps them, for every request.

``X_test = X_test.reindex(columns=X_train.columns, fill_value=0)`` gives dummies of other rows the
training rows' columns. Putting the training rows into their own columns changes nothing, and says
the same for both.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from nbprod.extraction.lineage import made
from nbprod.extraction.pieces import part_source
from nbprod.extraction.rules import finding

if TYPE_CHECKING:
    from nbprod.extraction.anatomy import Anatomy
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Program
    from nbprod.extraction.selection import Selection


@dataclass(frozen=True)
class _Reindexed:
    """``target = rows.reindex(columns=source.columns, …)``."""

    target: str
    rows: ast.expr
    source: str
    others: tuple[ast.keyword, ...]  # what else it is told


def same_columns(selection: Selection, program: Program, anatomy: Anatomy) -> bool:
    """Let fit() keep the columns that held-out rows take over, in place; whether any do."""
    taken = {
        name
        for item in (*selection.pieces, *selection.untagged)
        for name in (*item.names.binds, *item.names.needs)
    } | selection.imports.keys()
    found = False
    for piece in [item for item in program.steps if item.role == "features"]:
        told = _reindexed(piece.node)
        if told is None:
            continue
        source = anatomy.rows(told.source, program.writer(piece, told.source))
        if source != {"train"} or "holdout" not in anatomy.rows(told.target, piece):
            continue
        found = True
        columns = f"{told.source}_columns"
        while columns in taken:
            columns += "_"
        taken.add(columns)
        _replace(selection, piece, told, columns)
    return found


def _reindexed(node: ast.stmt) -> _Reindexed | None:
    call = node.value if isinstance(node, ast.Assign) and len(node.targets) == 1 else None
    if not (
        isinstance(node, ast.Assign)
        and isinstance(target := node.targets[0], ast.Name)
        and isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "reindex"
        and not call.args
    ):
        return None
    for item in call.keywords:
        value = item.value
        if (
            item.arg == "columns"
            and isinstance(value, ast.Attribute)
            and value.attr == "columns"
            and isinstance(value.value, ast.Name)
            and value.value.id != target.id
        ):
            others = tuple(other for other in call.keywords if other is not item)
            return _Reindexed(target.id, call.func.value, value.value.id, others)
    return None


def _replace(selection: Selection, piece: Piece, told: _Reindexed, columns: str) -> None:
    given = [f"columns={columns}"]
    given += [f"{item.arg}={part_source(piece, item.value)}" for item in told.others]
    lines = [
        ("fit", f"{columns} = {told.source}.columns"),
        ("features", f"{told.source} = {told.source}.reindex({', '.join(given)})"),
        ("features", f"{told.target} = {told.target}.reindex({', '.join(given)})"),
    ]
    if not isinstance(told.rows, ast.Name) or told.rows.id != told.target:
        lines.insert(2, ("features", f"{told.target} = {part_source(piece, told.rows)}"))
    parts = [made(selection, piece, source, role) for role, source in lines]
    place = selection.pieces.index(piece)
    selection.pieces[place : place + 1] = [
        replace(part, order=piece.order + index) for index, part in enumerate(parts)
    ]
    selection.findings.append(
        finding(
            "NBX011",
            f"{told.target} takes over the columns of {told.source}: fit() keeps them",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    )
