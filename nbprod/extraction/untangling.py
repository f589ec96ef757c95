"""Notebooks that compute features first and split afterwards, put in the module's order.

``X_train, X_test, y_train, y_test = train_test_split(X, y)`` chooses rows. The module chooses
them from the raw frame, with the same call: which rows are chosen does not depend on the columns.
After the split, ``X_train`` is what ``X`` is, of fewer rows.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from nbprod.extraction.pieces import part_source, source_of, statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.extraction.rules import finding, refusal
from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

_SPLITTER = "train_test_split"
# Methods after which the rows are no longer those of the frame, one by one.
_MOVES_ROWS = frozenset(
    {"dropna", "drop_duplicates", "query", "sample", "sort_values", "sort_index", "explode", "melt"}
)


def untangle(selection: Selection) -> bool:
    """Put the split before the features, in place; whether anything had to be moved."""
    splits = [piece for piece in selection.pieces if piece.role == "split"]
    pairs = [piece for piece in splits if _arrays(piece) > 1]
    if pairs:
        _from_arrays(selection, pairs)
        return True
    if any(_reads_features(selection, piece) for piece in splits):
        _from_features(selection, splits)
        return True
    return False


# ---------------------------------------------------------------- train_test_split(X, y)


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
        raise _refuse(pairs[1], "splits a second time", "split once, into train and holdout")
    piece, node = _named(selection, piece, node)
    assert isinstance(node.value, ast.Call)
    assert isinstance(node.targets[0], ast.Tuple)
    arrays = [_array_name(piece, argument) for argument in node.value.args]
    frame = _common_frame(selection, piece, arrays)
    _to_features(selection, frame, arrays, piece)
    _check_rows(selection, frame, arrays, piece)
    train, holdout = _free_names(selection)
    call = rewrite(piece.syntax, Rewrite(names=_on_frame(selection, frame, arrays, piece)))
    parsed = ast.parse(source_of(call)).body[0]
    assert isinstance(parsed, ast.Assign)
    assert isinstance(parsed.value, ast.Call)
    code = source_of(call)
    options = "".join(
        f", {item.arg}={ast.get_source_segment(code, item.value)}" for item in parsed.value.keywords
    )
    function = ast.unparse(node.value.func)
    split = _made(selection, piece, f"{train}, {holdout} = {function}({frame}{options})", "split")
    place = selection.pieces.index(piece)
    names = [item.id for item in node.targets[0].elts if isinstance(item, ast.Name)]
    same = [
        replace(
            _made(selection, piece, f"{name} = {arrays[index // 2]}", "features"),
            order=piece.order + index,
            notes={"rows": "holdout" if index % 2 else "train"},
        )
        for index, name in enumerate(names)
    ]
    selection.pieces[place : place + 1] = same
    _insert_after(selection, frame, [split])
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
    taken = _taken(selection)
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
        made = _made(selection, piece, f"{name} = {part_source(piece, argument)}", "split")
        first.append(replace(made, order=piece.order - len(call.args) + index))
        call.args[index] = ast.Name(name, ast.Load())
    if not first:
        return piece, node
    keywords = "".join(f", {item.arg}={part_source(piece, item.value)}" for item in call.keywords)
    names = ", ".join(ast.unparse(item) for item in call.args)
    text = f"{ast.unparse(target)[1:-1]} = {ast.unparse(call.func)}({names}{keywords})"
    changed = replace(_made(selection, piece, text, "split"), order=piece.order)
    place = selection.pieces.index(piece)
    selection.pieces[place : place + 1] = [*first, changed]
    assert isinstance(changed.node, ast.Assign)
    return changed, changed.node


def _array_name(piece: Piece, argument: ast.expr) -> str:
    if isinstance(argument, ast.Name):
        return argument.id
    raise _refuse(
        piece,
        f"splits the expression `{ast.unparse(argument)}`",
        "assign it to a name before the split, such as X or y",
    )


def _common_frame(selection: Selection, piece: Piece, arrays: list[str]) -> str:
    """The frame whose rows all the arrays are: where their statements lead back to."""
    before = [item for item in selection.pieces if item.order < piece.order]
    found: list[list[str]] = []
    for name in arrays:
        trail, current = [name], name
        while True:
            binder = _binder(before, current)
            root = _row_root(binder, selection.imports) if binder is not None else None
            if root is None or root in trail or _binder(before, root) is None:
                break
            trail.append(root)
            current = root
        found.append(trail)
    loaded = {n for p in selection.pieces if p.role == "data" for n in _written(p)}
    for name in found[-1]:
        if all(name in trail for trail in found) and name not in arrays and name in loaded:
            return name
    raise _refuse(
        piece,
        f"splits {', '.join(arrays)}, which do not come from one frame",
        "make them from one frame: X = df[[...]], y = df['label']",
    )


def frame_behind(selection: Selection, name: str, piece: Piece) -> str:
    """The frame of the data cells whose rows a name has where a statement reads it; or ""."""
    before = [item for item in selection.pieces if item.order < piece.order]
    seen: set[str] = set()
    while name and name not in seen:
        seen.add(name)
        if any(item.role == "data" and name in _written(item) for item in before):
            return name
        binder = _binder(before, name)
        name = (_row_root(binder, selection.imports) or "") if binder is not None else ""
    return ""


def _binder(pieces: list[Piece], name: str) -> Piece | None:
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


def _written(piece: Piece) -> set[str]:
    return {*piece.names.binds, *piece.names.mutates}


def _closure(selection: Selection, names: list[str], frame: str, end: Piece) -> list[Piece]:
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
            if item.order < end.order and name in (*item.names.binds, *item.names.mutates):
                found[id(item)] = item
                pending += item.names.needs
    return sorted(found.values(), key=lambda item: item.order)


def _to_features(selection: Selection, frame: str, arrays: list[str], end: Piece) -> None:
    """What computes X and y from the frame is no longer data preparation, nor the split's."""
    upstream = {id(item) for item in _closure(selection, [frame], "", end)}
    for item in _closure(selection, arrays, frame, end):
        if item.role in ("data", "split") and id(item) not in upstream:
            selection.pieces[selection.pieces.index(item)] = item.as_role("features")


def _check_rows(selection: Selection, frame: str, arrays: list[str], end: Piece) -> None:
    """Between frame and split every statement must keep the rows as they are."""
    chain = {id(item) for item in _closure(selection, [frame, *arrays], "", end)}
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


def _on_frame(selection: Selection, frame: str, arrays: list[str], piece: Piece) -> dict[str, str]:
    """Arrays in the split's options (stratify=y), as expressions of the frame."""
    before = [item for item in selection.pieces if item.order < piece.order]
    names: dict[str, str] = {}
    for name in arrays:
        binder = _binder(before, name)
        value = getattr(binder.node, "value", None) if binder is not None else None
        if binder is None or not isinstance(value, ast.expr):
            continue
        if set(binder.names.reads) == {frame}:
            names[name] = part_source(binder, value)
    options = getattr(getattr(piece.node, "value", None), "keywords", [])
    for keyword in options:
        for node in ast.walk(keyword.value):
            if isinstance(node, ast.Name) and node.id in arrays and node.id not in names:
                raise _refuse(
                    piece, f"needs {node.id} to choose rows", f"stratify by a column of {frame}"
                )
    return names


def _taken(selection: Selection) -> set[str]:
    return {
        name
        for item in (*selection.pieces, *selection.untagged)
        for name in (*item.names.binds, *item.names.needs)
    }


def _free_names(selection: Selection) -> tuple[str, str]:
    taken = _taken(selection)
    free = "train" not in taken and "holdout" not in taken
    return ("train", "holdout") if free else ("train_rows", "holdout_rows")


# ---------------------------------------------------------------- features, then a selection


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
                if item.order < piece.order and name in (*item.names.binds, *item.names.mutates)
            ]
            if writers and writers[-1].role == "features" and name not in own:
                found[name] = None
    return list(found)


def _from_features(selection: Selection, splits: list[Piece]) -> None:
    names = _feature_names(selection, splits)
    first = splits[0]
    if len(names) != 1:
        raise _refuse(
            first,
            f"chooses rows from {' and '.join(names)}",
            "split the frame right after it is loaded",
        )
    computed = names[0]
    frame = _raw_frame(selection, computed, first)
    _check_rows(selection, frame, [computed], first)
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
                _made(selection, piece, f"{name} = {computed}", "features"),
                notes={"rows": "later"},
            )
            for name in results
        ]
        syntax = rewrite(piece.syntax, Rewrite(names={computed: frame}))
        node = ast.parse(source_of(syntax)).body[0]
        moved.append(
            replace(
                piece, syntax=syntax, node=node, names=selection.names(node), code=source_of(syntax)
            )
        )
    _insert_after(selection, frame, moved)


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
    chain = _closure(selection, [computed], "", before)
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
    raise _refuse(
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
                raise _refuse(
                    piece,
                    f"chooses rows by {node.value!r}, a column that features cells make",
                    f"make {node.value!r} in a data cell, or choose by a raw column of {computed}",
                )


# ---------------------------------------------------------------- both


def _made(selection: Selection, origin: Piece, source: str, role: str) -> Piece:
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


def _insert_after(selection: Selection, frame: str, moved: list[Piece]) -> None:
    """Put split statements right after the last data statement that makes the frame."""
    makers = [
        item
        for item in selection.pieces
        if item.role == "data" and frame in (*item.names.binds, *item.names.mutates)
    ]
    if not makers:
        raise _refuse(
            moved[0],
            f"splits {frame}, which no data cell makes",
            f"tag the cell that makes {frame}",
        )
    last = makers[-1]
    place = selection.pieces.index(last) + 1
    placed = [replace(piece, order=last.order + 50 + index) for index, piece in enumerate(moved)]
    selection.pieces[place:place] = placed


def _refuse(piece: Piece, what: str, hint: str) -> Exception:
    return refusal(
        "NBX023",
        f"the split cell {piece.cell_id} {what}",
        hint=hint,
        cell_id=piece.cell_id,
        line=piece.line,
    )
