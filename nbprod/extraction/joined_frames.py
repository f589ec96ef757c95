"""Train and test put together, features made of both at once, and taken apart again.

``all_data = pd.concat([train, test])`` ... ``train = all_data[:ntrain]``: what is done to both is
what the transform does to either.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.extraction.meanings import looks_held_out
from nbprod.extraction.pieces import part_source, statement
from nbprod.extraction.rules import finding

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

_KEEPS_ROWS = frozenset({"reset_index", "copy", "drop", "fillna", "rename"})


def take_apart(selection: Selection) -> bool:
    """Make of joined frames the training part, in place; whether there were any.

    The parts taken later are the joined frame again, of the training or of the held-out rows.
    """
    if any(piece.role == "split" for piece in selection.pieces):
        return False
    found = next((told for piece in selection.pieces if (told := _joined(piece))), None)
    if found is None:
        return False
    piece, name, training = found
    parts = _parts(selection, piece, name)
    if {rows for _, _, rows in parts} != {"train", "holdout"}:
        return False
    place = selection.pieces.index(piece)
    selection.pieces[place] = _made(selection, piece, f"{name} = {training}", piece.syntax)
    for part, target, rows in parts:
        place = selection.pieces.index(part)
        changed = _made(selection, part, f"{target} = {name}", part.syntax)
        selection.pieces[place] = replace(changed, notes={"rows": rows})
    selection.findings.append(
        finding(
            "NBX052",
            f"{name} holds held-out rows beside those that train: `{piece.first_line}`",
            hint="the module makes features of either alone; what is learned, from training rows",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    )
    return True


def _joined(piece: Piece) -> tuple[Piece, str, str] | None:
    """(statement, name, training part as written) of ``name = pd.concat([train, test])``."""
    node = piece.node
    if not (
        piece.role in ("features", "data")
        and isinstance(node, ast.Assign)
        and isinstance(target := node.targets[0], ast.Name)
    ):
        return None
    call, after = node.value, ""
    while isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        if call.func.attr == "concat" and call.args:
            break
        if call.func.attr not in _KEEPS_ROWS:
            return None
        text = part_source(piece, call)
        inner = part_source(piece, call.func.value)
        after = text.removeprefix(inner).strip() + after
        call = call.func.value
    if not (
        isinstance(call, ast.Call)
        and getattr(call.func, "attr", "") == "concat"
        and isinstance(listed := call.args[0], ast.List | ast.Tuple)
    ):
        return None
    if any(item.arg == "axis" for item in call.keywords) or len(listed.elts) != 2:
        return None
    first, second = listed.elts
    roots = [_frame(first), _frame(second)]
    if not all(roots) or roots[0] == roots[1] or not looks_held_out(roots[1]):
        return None
    return piece, target.id, part_source(piece, first) + after


def _frame(node: ast.expr) -> str:
    """The frame that an expression takes rows of."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _parts(selection: Selection, start: Piece, name: str) -> list[tuple[Piece, str, str]]:
    """(statement, name, rows) where parts of the joined frame are taken: first rows, last rows."""
    found: list[tuple[Piece, str, str]] = []
    for piece in selection.pieces:
        node = piece.node
        if piece.order <= start.order or not isinstance(node, ast.Assign):
            continue
        target, value = node.targets[0], node.value
        while isinstance(value, ast.Call) and getattr(value.func, "attr", "") in _KEEPS_ROWS:
            value = value.func.value  # type: ignore[attr-defined]
        if not isinstance(value, ast.Subscript) or not isinstance(target, ast.Name):
            continue
        holder = value.value
        if isinstance(holder, ast.Attribute) and holder.attr in ("iloc", "loc"):
            holder = holder.value
        chosen = value.slice.elts[0] if isinstance(value.slice, ast.Tuple) else value.slice
        if _frame(holder) != name:
            continue
        if isinstance(chosen, ast.Slice) and (chosen.lower is None) != (chosen.upper is None):
            rows = "train" if chosen.lower is None else "holdout"
            found.append((piece, target.id, rows))
    return found


def _made(selection: Selection, origin: Piece, source: str, syntax: object) -> Piece:
    node, changed = statement(source)
    changed = changed.with_changes(leading_lines=getattr(syntax, "leading_lines", ()))
    return origin.with_statement(node, changed, selection.names).as_role("features")
