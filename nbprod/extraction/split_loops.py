"""Splits by position in a loop: ``for train, test in folds.split(X, y)``, made on the frame."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.lineage import (
    check_rows,
    closure,
    common_frame,
    free_names,
    insert_after,
    made,
    on_frame,
    to_features,
)
from nbprod.extraction.pieces import source_of, statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.extraction.rules import finding

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection


def split_by_position(selection: Selection, piece: Piece) -> bool:
    """``for i, j in folds.split(X, y): X_train, X_test = X.iloc[i], X.iloc[j]`` ..., in place.

    Whether a statement is such a loop over several arrays: the module chooses rows of the frame.
    """
    node, syntax = piece.node, piece.syntax
    if not (
        isinstance(node, ast.For)
        and isinstance(node.target, ast.Tuple)
        and len(node.target.elts) == 2
        and isinstance(node.iter, ast.Call)
        and isinstance(syntax, cst.For)
    ):
        return False
    positions = [ast.unparse(item) for item in node.target.elts]
    chosen = [found for line in node.body for found in _chosen(line, positions)]
    arrays = list(dict.fromkeys(array for _, array, _ in chosen))
    others = [line for line in node.body if not _chosen(line, positions)]
    if len(arrays) < 2 or any(not isinstance(line, ast.Expr) for line in others):
        return False
    frame = common_frame(selection, piece, arrays)
    to_features(selection, frame, arrays, piece)
    check_rows(selection, frame, arrays, piece)
    names = {arrays[0]: frame, **on_frame(selection, frame, arrays, piece)}
    names[arrays[0]] = frame
    _move(selection, piece, names, frame, chosen)
    return True


def _move(
    selection: Selection,
    piece: Piece,
    names: dict[str, str],
    frame: str,
    chosen: list[tuple[str, str, str]],
) -> None:
    """Put the loop over the frame's rows before the features, and the arrays' parts in its place.

    names: what stands for each array in what the loop goes over.
    """
    node = piece.node
    assert isinstance(node, ast.For)
    assert isinstance(node.target, ast.Tuple)
    first, second = (ast.unparse(item) for item in node.target.elts)
    train, holdout = free_names(selection)
    over = rewrite(statement(ast.unparse(node.iter))[1], Rewrite(names=names))
    loop = made(
        selection,
        piece,
        f"for {first}, {second} in {source_of(over)}:\n"
        f"    {train}, {holdout} = {frame}.iloc[{first}], {frame}.iloc[{second}]\n",
        "split",
    )
    place = selection.pieces.index(piece)
    same = [
        replace(
            made(selection, piece, f"{name} = {array}", "features"),
            order=piece.order + index,
            notes={"rows": "holdout" if position == second else "train"},
        )
        for index, (name, array, position) in enumerate(chosen)
    ]
    selection.pieces[place : place + 1] = same
    before = closure(selection, loop.names.needs, frame, piece)
    folds = [item for item in before if item.role == "split" and item not in same]
    selection.pieces = [item for item in selection.pieces if item not in folds]
    insert_after(selection, frame, [*folds, loop])
    selection.findings.append(
        finding(
            "NBX011",
            f"the split is made on {frame}, with the same rows, before features are computed",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    )


def _chosen(node: ast.stmt, positions: list[str]) -> list[tuple[str, str, str]]:
    """(name, array, position) of each part in ``a, b = X.iloc[i], X.iloc[j]``."""
    if not isinstance(node, ast.Assign):
        return []
    target, value = node.targets[0], node.value
    pairs = [(target, value)]
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        pairs = list(zip(target.elts, value.elts, strict=False))
    found: list[tuple[str, str, str]] = []
    for name, part in pairs:
        if not isinstance(part, ast.Subscript) or not isinstance(name, ast.Name):
            return []
        holder = part.value.value if isinstance(part.value, ast.Attribute) else part.value
        position = ast.unparse(part.slice)
        if not isinstance(holder, ast.Name) or position not in positions:
            return []
        found.append((name.id, holder.id, position))
    return found
