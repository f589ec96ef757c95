"""Between a frame and what features cells make of it: which statements lead there, and its rows."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.extraction.pieces import part_source, statement
from nbprod.extraction.rules import refusal
from nbprod.notebook.effects import root_name
from nbprod.notebook.graph import GIVEN_NAMES
from nbprod.notebook.syntax import once_per_node

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

# Methods after which the rows are no longer those of the frame, one by one.
_MOVES_ROWS = frozenset(
    {"dropna", "drop_duplicates", "query", "sample", "sort_values", "sort_index", "explode", "melt"}
)


def frame_behind(selection: Selection, name: str, piece: Piece) -> str:
    """The frame of the data cells whose rows a name has where a statement reads it; or ""."""
    before = [item for item in selection.pieces if item.order < piece.order]
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        if any(item.role == "data" and name in item.names.written for item in before):
            return name
        binder = last_binder(before, name)
        name = (_row_root(binder, selection.imports) or "") if binder is not None else ""
    return ""


def common_frame(selection: Selection, piece: Piece, arrays: list[str]) -> str:
    """The frame whose rows all the arrays are: where their statements lead back to."""
    before = [item for item in selection.pieces if item.order < piece.order]
    found: list[list[str]] = []
    for name in arrays:
        trail, current = [name], name
        while True:
            binder = last_binder(before, current)
            root = _row_root(binder, selection.imports) if binder is not None else None
            if root is None or root in trail or last_binder(before, root) is None:
                break
            trail.append(root)
            current = root
        found.append(trail)
    loaded = {n for p in selection.pieces if p.role == "data" for n in p.names.written}
    for name in found[-1]:
        if all(name in trail for trail in found) and name not in arrays and name in loaded:
            return name
    raise refuse_split(
        piece,
        f"splits {', '.join(arrays)}, which do not come from one frame",
        "make them from one frame: X = df[[...]], y = df['label']",
    )


def last_binder(pieces: list[Piece], name: str) -> Piece | None:
    """The last of some statements that binds a name."""
    found = [item for item in pieces if name in item.names.binds]
    return found[-1] if found else None


def _row_root(piece: Piece, imports: Collection[str]) -> str | None:
    """The name whose rows a statement's value has: ``df`` in ``df.drop(columns=...)``."""
    value = getattr(piece.node, "value", None)
    if not isinstance(value, ast.expr):
        return None
    root = root_name(value)
    function = value.func if isinstance(value, ast.Call) else None
    called = isinstance(function, ast.Name) or (
        isinstance(function, ast.Attribute) and function.attr in ("transform", "fit_transform")
    )
    if root is None or called or root in imports or root not in piece.names.needs:
        arguments = _arguments(value)
        names = [root_name(item) for item in arguments]
        root = next((name for name in names if name), None)
    if root is None or root in GIVEN_NAMES:  # (df["late"] > 15).astype(int)
        read = [name for name in piece.names.reads if name not in {*GIVEN_NAMES, *imports}]
        root = read[0] if len(read) == 1 else None
    return root


def _arguments(value: ast.expr) -> list[ast.expr]:
    """What a call is given; of ``pd.concat([df, dummies])`` the list's items."""
    if not isinstance(value, ast.Call):
        return []
    given = [*value.args, *(item.value for item in value.keywords if item.arg)]
    spread: list[ast.expr] = []
    for item in given:
        spread += item.elts if isinstance(item, ast.List | ast.Tuple) else [item]
    return spread


def closure(selection: Selection, names: Iterable[str], frame: str, end: Piece) -> list[Piece]:
    """The statements between a frame and these names."""
    found: dict[int, Piece] = {}
    pending = list(names)
    seen: set[str] = {frame}
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        for item in selection.pieces:
            if item.order < end.order and name in item.names.written:
                found[id(item)] = item
                pending += item.names.needs
    return sorted(found.values(), key=lambda item: item.order)


def to_features(selection: Selection, frame: str, arrays: list[str], end: Piece) -> None:
    """What computes X and y from the frame is no longer data preparation, nor the split's."""
    upstream = {id(item) for item in closure(selection, [frame], "", end)}
    for item in closure(selection, arrays, frame, end):
        if item.role in ("data", "split") and id(item) not in upstream:
            selection.pieces[selection.pieces.index(item)] = item.as_role("features")


def check_rows(selection: Selection, frame: str, arrays: list[str], end: Piece) -> None:
    """Between frame and split every statement must keep the rows as they are."""
    chain = {id(item) for item in closure(selection, [frame, *arrays], "", end)}
    for item in selection.pieces:
        if item.role == "features" and id(item) in chain and (what := moves_rows(item.node)):
            raise refusal(
                "NBX023",
                f"cell {item.cell_id} line {item.line} changes which rows there are ({what}),"
                f" between {frame} and the split: `{item.first_line}`",
                hint=f"do it on {frame} in a data cell, before features are made of it",
                cell_id=item.cell_id,
                line=item.line,
            )


@once_per_node
def moves_rows(node: ast.AST) -> str:
    """How a statement drops, adds or reorders rows of a frame: the method, or "a mask"; or ""."""
    for item in ast.walk(node):
        if (
            isinstance(item, ast.Call)
            and isinstance(item.func, ast.Attribute)
            and item.func.attr in _MOVES_ROWS
        ):
            return f".{item.func.attr}()"
    value = getattr(node, "value", None)
    if isinstance(node, ast.Assign) and isinstance(value, ast.Subscript):
        mask = value.slice.elts[0] if isinstance(value.slice, ast.Tuple) else value.slice
        if isinstance(mask, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.BinOp):
            return "a mask"
    return ""


def on_frame(selection: Selection, frame: str, arrays: list[str], piece: Piece) -> dict[str, str]:
    """Arrays in the split's options (stratify=y), as expressions of the frame."""
    before = [item for item in selection.pieces if item.order < piece.order]
    names: dict[str, str] = {}
    for name in arrays:
        binder = last_binder(before, name)
        value = getattr(binder.node, "value", None) if binder is not None else None
        if binder is None or not isinstance(value, ast.expr):
            continue
        if set(binder.names.reads) - GIVEN_NAMES - selection.imports.keys() == {frame}:
            names[name] = part_source(binder, value)
    options = getattr(getattr(piece.node, "value", None), "keywords", [])
    for keyword in options:
        for node in ast.walk(keyword.value):
            if isinstance(node, ast.Name) and node.id in arrays and node.id not in names:
                raise refuse_split(
                    piece, f"needs {node.id} to choose rows", f"stratify by a column of {frame}"
                )
    return names


def taken_names(selection: Selection) -> set[str]:
    """Names that a notebook uses already."""
    return {
        name
        for item in (*selection.pieces, *selection.untagged)
        for name in (*item.names.binds, *item.names.needs)
    }


def free_names(selection: Selection) -> tuple[str, str]:
    """Names for the rows that train and those held out, which the notebook does not use."""
    taken = taken_names(selection)
    free = "train" not in taken and "holdout" not in taken
    return ("train", "holdout") if free else ("train_rows", "holdout_rows")


def made(selection: Selection, origin: Piece, source: str, role: str) -> Piece:
    """A statement of generated source, in the place of another one."""
    node, syntax = statement(source)
    return replace(
        origin,
        node=node,
        syntax=syntax,
        names=selection.names(node),
        code=source,
        role=role,
        notes={},
    )


def insert_after(selection: Selection, frame: str, moved: list[Piece]) -> None:
    """Put split statements right after the last data statement that makes the frame."""
    makers = [
        item for item in selection.pieces if item.role == "data" and frame in item.names.written
    ]
    if not makers:
        raise refuse_split(
            moved[0],
            f"splits {frame}, which no data cell makes",
            f"tag the cell that makes {frame}",
        )
    last = makers[-1]
    place = selection.pieces.index(last) + 1
    placed = [replace(piece, order=last.order + 50 + index) for index, piece in enumerate(moved)]
    selection.pieces[place:place] = placed


def refuse_split(piece: Piece, what: str, hint: str) -> Exception:
    """The error for a split that cannot be put before the features."""
    return refusal(
        "NBX023",
        f"the {piece.role} cell {piece.cell_id} {what}",
        hint=hint,
        cell_id=piece.cell_id,
        line=piece.line,
    )
