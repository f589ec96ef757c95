"""Notebooks that compute features first and split afterwards, put in the module's order.

``X_train, X_test, y_train, y_test = train_test_split(X, y)`` chooses rows. The module chooses
them from the raw frame, with the same call: which rows are chosen does not depend on the columns.
After the split, ``X_train`` is what ``X`` is, of fewer rows.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.extraction.lineage import (
    check_rows,
    closure,
    common_frame,
    free_names,
    insert_after,
    made,
    moves_rows,
    on_frame,
    refuse_split,
    taken_names,
    to_features,
)
from nbprod.extraction.pieces import part_source, source_of, statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.extraction.rules import finding
from nbprod.extraction.split_loops import split_by_position

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

_SPLITTER = "train_test_split"


def untangle(selection: Selection) -> bool:
    """Put the split before the features, in place; whether anything had to be moved."""
    chosen = [_rows_first(selection, piece) for piece in list(selection.pieces)]
    splits = [piece for piece in selection.pieces if piece.role == "split"]
    if any(split_by_position(selection, piece) for piece in splits):
        return True
    pairs = [piece for piece in splits if _arrays(piece) > 1]
    if pairs:
        _from_arrays(selection, pairs)
        return True
    if any(_reads_features(selection, piece) for piece in splits):
        _from_features(selection, splits)
        return True
    return any(chosen)


def _rows_first(selection: Selection, piece: Piece) -> bool:
    """``df = df[mask]`` of a data cell after features: the raw frame loses these rows, in place.

    Whether it was so. The mask may read no column that features cells make.
    """
    node = piece.node
    if not (
        piece.role == "data"
        and isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(target := node.targets[0], ast.Name)
        and isinstance(node.value, ast.Subscript)
        and isinstance(node.value.value, ast.Name)
        and moves_rows(node)
        and _reads_features(selection, piece)
    ):
        return False
    computed = node.value.value.id
    frame = _raw_frame(selection, computed, piece)
    check_rows(selection, frame, [computed], piece)
    _check_columns(selection, [piece], computed)
    how = Rewrite(names={computed: frame})
    value = source_of(rewrite(statement(part_source(piece, node.value))[1], how))
    alias = made(selection, piece, f"{target.id} = {computed}", "features")
    place = selection.pieces.index(piece)
    selection.pieces[place : place + 1] = [alias] if target.id != computed else []
    makers = [
        item for item in selection.pieces if item.role == "data" and frame in item.names.written
    ]
    moved = made(selection, piece, f"{frame} = {value}", "data")
    at = selection.pieces.index(makers[-1]) + 1
    selection.pieces.insert(at, replace(moved, order=makers[-1].order + 1))
    selection.findings.append(
        finding(
            "NBX011",
            f"rows are chosen in {frame}, before features are computed: `{piece.first_line}`",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    )
    return True


def _arrays(piece: Piece) -> int:
    """How many arrays a statement splits at once: ``a, b, c, d = train_test_split(x, y)`` is 2."""
    node = piece.node
    if not (isinstance(node, ast.Assign) and isinstance(call := node.value, ast.Call)):
        return 0
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    target = node.targets[0]
    whole = isinstance(target, ast.Tuple) and len(target.elts) == 2 * len(call.args)
    return len(call.args) if name == _SPLITTER and whole else 0


def _from_arrays(selection: Selection, pairs: list[Piece]) -> None:
    piece = pairs[0]
    node = piece.node
    assert isinstance(node, ast.Assign)
    assert isinstance(node.value, ast.Call)
    assert isinstance(node.targets[0], ast.Tuple)
    if len(pairs) > 1:
        raise refuse_split(pairs[1], "splits a second time", "split once, into train and holdout")
    piece, node = _named(selection, piece, node)
    assert isinstance(node.value, ast.Call)
    assert isinstance(node.targets[0], ast.Tuple)
    arrays = [_array_name(piece, argument) for argument in node.value.args]
    frame = common_frame(selection, piece, arrays)
    to_features(selection, frame, arrays, piece)
    check_rows(selection, frame, arrays, piece)
    train, holdout = free_names(selection)
    call = rewrite(piece.syntax, Rewrite(names=on_frame(selection, frame, arrays, piece)))
    parsed = ast.parse(source_of(call)).body[0]
    assert isinstance(parsed, ast.Assign)
    assert isinstance(parsed.value, ast.Call)
    code = source_of(call)
    options = "".join(
        f", {item.arg}={ast.get_source_segment(code, item.value)}" for item in parsed.value.keywords
    )
    function = ast.unparse(node.value.func)
    split = made(selection, piece, f"{train}, {holdout} = {function}({frame}{options})", "split")
    place = selection.pieces.index(piece)
    names = [item.id for item in node.targets[0].elts if isinstance(item, ast.Name)]
    same = [
        replace(
            made(selection, piece, f"{name} = {arrays[index // 2]}", "features"),
            order=piece.order + index,
            notes={"rows": "holdout" if index % 2 else "train"},
        )
        for index, name in enumerate(names)
    ]
    selection.pieces[place : place + 1] = same
    insert_after(selection, frame, [split])
    selection.findings.append(
        finding(
            "NBX011",
            f"the split is made on {frame}, with the same rows, before features are computed",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    )


def _named(selection: Selection, piece: Piece, node: ast.Assign) -> tuple[Piece, ast.Assign]:
    """The same split of names: ``train_test_split(df[columns], df["y"])`` assigns them first."""
    call, target = node.value, node.targets[0]
    assert isinstance(call, ast.Call)
    assert isinstance(target, ast.Tuple)
    arguments = list(call.args)
    taken = taken_names(selection)
    first: list[Piece] = []
    for index, argument in enumerate(call.args):
        if isinstance(argument, ast.Name):
            continue
        called = ast.unparse(target.elts[2 * index])
        name = next(
            name
            for name in (called.removesuffix("_train"), f"{called}_rows", f"all_{called}_rows")
            if name.isidentifier() and name not in taken
        )
        taken.add(name)
        first_made = made(selection, piece, f"{name} = {part_source(piece, argument)}", "split")
        first.append(replace(first_made, order=piece.order - len(call.args) + index))
        arguments[index] = ast.Name(name, ast.Load())
    if not first:
        return piece, node
    keywords = "".join(f", {item.arg}={part_source(piece, item.value)}" for item in call.keywords)
    names = ", ".join(ast.unparse(item) for item in arguments)
    text = f"{ast.unparse(target)[1:-1]} = {ast.unparse(call.func)}({names}{keywords})"
    changed = replace(made(selection, piece, text, "split"), order=piece.order)
    place = selection.pieces.index(piece)
    selection.pieces[place : place + 1] = [*first, changed]
    assert isinstance(changed.node, ast.Assign)
    return changed, changed.node


def _array_name(piece: Piece, argument: ast.expr) -> str:
    if isinstance(argument, ast.Name):
        return argument.id
    raise refuse_split(
        piece,
        f"splits the expression `{ast.unparse(argument)}`",
        "assign it to a name before the split, such as X or y",
    )


def _reads_features(selection: Selection, piece: Piece) -> bool:
    return bool(_feature_names(selection, [piece]))


def _feature_names(selection: Selection, splits: list[Piece]) -> list[str]:
    """Names that split statements read as features cells left them."""
    own = {name for piece in splits for name in piece.names.binds}
    found: dict[str, None] = {}
    for piece in splits:
        for name in piece.names.needs:
            writers = [
                item
                for item in selection.pieces
                if item.order < piece.order and name in item.names.written
            ]
            if writers and writers[-1].role == "features" and name not in own:
                found[name] = None
    return list(found)


def _from_features(selection: Selection, splits: list[Piece]) -> None:
    names = _feature_names(selection, splits)
    first = splits[0]
    if len(names) != 1:
        raise refuse_split(
            first,
            f"chooses rows from {' and '.join(names)}",
            "split the frame right after it is loaded",
        )
    computed = names[0]
    frame = _raw_frame(selection, computed, first)
    check_rows(selection, frame, [computed], first)
    _check_columns(selection, splits, computed)
    later = {
        name
        for item in selection.pieces
        if item.role not in ("split", "data") and item.order > first.order
        for name in item.names.needs
    }
    moved: list[Piece] = []
    for piece in splits:
        place = selection.pieces.index(piece)
        results = [name for name in piece.names.binds if name in later]
        selection.pieces[place : place + 1] = [
            replace(
                made(selection, piece, f"{name} = {computed}", "features"),
                notes={"rows": "later"},
            )
            for name in results
        ]
        syntax = rewrite(piece.syntax, Rewrite(names={computed: frame}))
        moved.append(piece.rewritten(syntax, selection.names))
    insert_after(selection, frame, moved)


def _raw_frame(selection: Selection, computed: str, before: Piece) -> str:
    """The frame of the data cells that a frame of features is computed from."""
    data = {
        name
        for item in selection.pieces
        if item.role == "data"
        for name in (*item.names.binds, *item.names.mutates)
    }
    if computed in data:
        return computed
    chain = closure(selection, [computed], "", before)
    roots = {
        name
        for item in chain
        if item.role == "features"
        for name in item.names.needs
        if name in data
    }
    if len(roots) == 1:
        return roots.pop()
    made_of = " and ".join(sorted(roots)) or "no frame"
    raise refuse_split(
        before,
        f"chooses rows from {computed}, which is made of {made_of}",
        "split the frame right after it is loaded",
    )


def _check_columns(selection: Selection, splits: list[Piece], computed: str) -> None:
    """Which rows train must not depend on columns that features cells make."""
    made: set[object] = set()
    for item in selection.pieces:
        if item.role != "features" or item.order > splits[-1].order:
            continue
        for node in ast.walk(item.node):
            if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
                made |= {node.slice.value} if isinstance(node.ctx, ast.Store) else set()
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "assign":
                made |= {keyword.arg for keyword in node.keywords}
    for piece in splits:
        for node in ast.walk(piece.node):
            if isinstance(node, ast.Constant) and node.value in made:
                raise refuse_split(
                    piece,
                    f"chooses rows by {node.value!r}, a column that features cells make",
                    f"make {node.value!r} in a data cell, or choose by a raw column of {computed}",
                )
