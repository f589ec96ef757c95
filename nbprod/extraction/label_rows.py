"""Labels of all rows in train cells: ``train`` is given those of the training rows alone."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.learned_values import STATISTICS
from nbprod.extraction.rules import finding, refusal
from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Slice
    from nbprod.extraction.workbench import Workbench

_BY_PLACE = frozenset({"iloc", "head", "tail", "sample"})


def check_label_rows(work: Workbench, part: Slice) -> None:
    """Refuse positions among all rows' labels, and warn of what is learned from all of them.

    ``y = df["late"]; model.fit(X_train, y[100:])`` would take other rows of the training label.
    """
    of_all: set[str] = set()
    for piece in part.pieces:
        frames = {
            name
            for name in work.anatomy.label_reads(piece)
            if work.anatomy.base(name, work.program.writer(piece, name)) == "frame"
        }
        read = frames | (of_all & set(piece.names.needs))
        if not read or piece.notes.get("rows"):
            continue
        if not work.anatomy.tangled and (taken := _by_place(piece, read)):
            raise refusal(
                "NBX023",
                f"cell {piece.cell_id} line {piece.line} takes labels by their place among all"
                f" rows ({taken}): train() is given those of the training rows",
                hint=f"take them of the training rows: train[{work.label!r}]",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        if any(isinstance(node, ast.Attribute) and node.attr in STATISTICS for node in piece.nodes):
            work.result.findings.append(
                finding(
                    "NBX052",
                    f"{', '.join(piece.names.binds) or piece.first_line} is computed from all"
                    f" rows' labels, held-out ones included: `{piece.first_line}`",
                    hint="the module computes it from the training rows alone; take the label of"
                    " the training rows, to have the same in the notebook",
                    cell_id=piece.cell_id,
                    line=piece.line,
                )
            )
        of_all |= piece.names.binds.keys()


def _by_place(piece: Piece, names: set[str]) -> str:
    """The part of a statement that takes rows by position: "y[100:]"; or ""."""
    for node in piece.nodes:
        if isinstance(node, ast.Subscript) and root_name(node.value) in names:
            sliced = isinstance(node.slice, ast.Slice) and "loc" not in ast.unparse(node.value)
            placed = isinstance(node.value, ast.Attribute) and node.value.attr in _BY_PLACE
            if sliced or placed:
                return ast.unparse(node)
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in _BY_PLACE
            and root_name(node.func) in names
        ):
            return ast.unparse(node)
    return ""
