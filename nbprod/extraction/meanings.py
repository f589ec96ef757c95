"""What a statement is for, as far as its form tells: an effect, a fitted model, a frame."""

from __future__ import annotations

import ast
import re
from collections import Counter
from typing import TYPE_CHECKING

from nbprod.notebook.syntax import children, nodes_of, once_per_node

if TYPE_CHECKING:
    from collections.abc import Collection

    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Slice

_LEARNS = frozenset({"fit", "fit_transform", "partial_fit"})
_WRITERS = frozenset({"dump", "save", "savez", "savetxt", "savefig", "save_model", "write_text"})
_HELD_OUT = re.compile(
    r"hold|test|valid|(^|_|[a-z])val($|_|\d)|eval|unseen|oos|out_of|(^|_)dev($|_)", re.IGNORECASE
)
_TRAINING = re.compile(r"train|trn|(^|_)tr($|_)|in_sample", re.IGNORECASE)


def has_effect(piece: Piece, *, training: bool = False) -> bool:
    """Whether a statement is there for what it does to the world, not for a name.

    training: a model learns by calls that nobody keeps the result of, in loops too.
    """
    node = piece.node
    if isinstance(node, ast.Expr):
        return training or not piece.names.mutates
    if isinstance(node, ast.Assign):
        # torch.backends.cudnn.deterministic = True
        parts = all(isinstance(item, ast.Attribute | ast.Subscript) for item in node.targets)
        return parts and not piece.names.mutates
    if isinstance(node, ast.AnnAssign | ast.AugAssign):
        return False
    if training:
        return any(isinstance(inner, ast.Expr | ast.Raise) for inner in ast.walk(node))
    return not piece.names.binds and not piece.names.mutates


def writes_file(node: ast.stmt) -> bool:
    """Whether a statement is there for the file that it writes."""
    call = node.value if isinstance(node, ast.Expr) else None
    if not isinstance(call, ast.Call):
        return False
    last = getattr(call.func, "attr", getattr(call.func, "id", ""))
    return last in _WRITERS or (last.startswith("to_") and last not in ("to_numpy", "to_list"))


def changes(part: Slice, name: str) -> bool:
    """Whether a slice may change the object that it is given under this name, in place."""
    if name not in part.touched:
        return False
    held = {name}
    for piece in part.pieces:
        if held & piece.names.mutates.keys():
            return True
        sharing = {n for n, others in piece.names.aliases.items() if others & held}
        held -= piece.names.surely - sharing
        held |= sharing
    return False


@once_per_node
def learns(node: ast.stmt) -> bool:
    """Whether a statement fits something."""
    return any(
        isinstance(item, ast.Call)
        and isinstance(item.func, ast.Attribute)
        and item.func.attr in _LEARNS
        for item in nodes_of(node)
    )


def fitted_names(piece: Piece) -> list[str]:
    """Names on which a statement calls fit, or that it gives what fit returns."""
    found: list[str] = []
    for node in piece.nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("fit", "partial_fit", "step")
        ):
            if isinstance(node.func.value, ast.Name):
                found.append(node.func.value.id)
            elif isinstance(piece.node, ast.Assign) and isinstance(piece.node.targets[0], ast.Name):
                found.append(piece.node.targets[0].id)
    return list(dict.fromkeys(found))


def mentions_column(piece: Piece, column: str, holders: Collection[str]) -> bool:
    """Whether a statement names a column otherwise than to leave it out.

    holders: constants whose value is the column's name.
    """
    columns, names = _mentioned(piece.node)
    return column in columns or not names.isdisjoint(holders)


@once_per_node
def _mentioned(statement: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """Texts and attributes that a statement names otherwise than to leave out, and its names."""
    columns: set[str] = set()
    names: set[str] = set()
    pending: list[ast.AST] = [statement]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Compare):
            continue
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in ("drop", "difference"):
            pending.append(node.func)
            continue
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            columns.add(node.value)
        elif isinstance(node, ast.Attribute):
            columns.add(node.attr)
        elif isinstance(node, ast.Name):
            names.add(node.id)
        pending.extend(children(node))
    return frozenset(columns), frozenset(names)


def looks_like_label(name: str) -> bool:
    """Whether a name is one that notebooks give to the label."""
    return name in ("y", "label", "labels", "target") or name.startswith("y_")


def looks_held_out(name: str) -> bool:
    """Whether a name is one that notebooks give to rows kept from training."""
    return bool(_HELD_OUT.search(name))


def looks_training(name: str) -> bool:
    """Whether a name is one that notebooks give to the rows that train."""
    return bool(_TRAINING.search(name)) and not looks_held_out(name)


def reads_only_index(piece: Piece, name: str) -> bool:
    """Whether a statement takes nothing but ``name.index`` of a frame."""
    return _reads_only(piece, name, frozenset({"index"}))


def reads_only_columns(piece: Piece, name: str, *, frame: bool = False) -> bool:
    """Whether a statement takes nothing but the names and types of a frame's columns.

    frame: the name surely holds no Series, so that ``list(name)`` gives its columns.
    """
    columns = frozenset({"columns", "dtypes", "select_dtypes"})
    return _reads_only(piece, name, columns, listed=frame)


def is_series(piece: Piece | None) -> bool:
    """Whether a statement gives one column, or what cannot be told."""
    value = getattr(piece.node, "value", None) if piece is not None else None
    if isinstance(value, ast.Call):
        last = getattr(value.func, "attr", "")
        return last not in ("drop", "copy", "assign", "merge", "concat", "read_csv", "dropna")
    if isinstance(value, ast.Subscript):
        return not isinstance(value.slice, ast.List)
    return True


def _reads_only(
    piece: Piece, name: str, attributes: frozenset[str], *, listed: bool = False
) -> bool:
    loads, told = _uses(piece.node)
    taken = sum(told[name, what] for what in attributes)
    if listed:
        taken += told[name, "list()"]
    if "select_dtypes" in attributes and ".select_dtypes(" in piece.code:
        taken *= ".columns" in piece.code  # the frame of these columns has rows
    return 0 < loads[name] == taken


@once_per_node
def _uses(statement: ast.stmt) -> tuple[Counter[str], Counter[tuple[str, str]]]:
    """How often a statement reads each name, and what of it: an attribute, or "list()"."""
    loads: Counter[str] = Counter()
    taken: Counter[tuple[str, str]] = Counter()
    for node in nodes_of(statement):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            loads[node.id] += 1
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            taken[node.value.id, node.attr] += 1
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in ("list", "sorted", "set", "tuple")
            and len(node.args) == 1
            and isinstance(node.args[0], ast.Name)
        ):
            taken[node.args[0].id, "list()"] += 1
    return loads, taken
