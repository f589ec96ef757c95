"""``train(features, label, parameters)``: what leads from the features to the model."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from nbprod.extraction.anatomy import call_argument
from nbprod.extraction.feature_chain import refuse_mixed
from nbprod.extraction.label_rows import check_label_rows
from nbprod.extraction.meanings import fitted_names, has_effect, looks_like_label
from nbprod.extraction.rules import refusal
from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Stop, Value
    from nbprod.extraction.workbench import Workbench


def build_train(work: Workbench) -> None:
    """Build train(), and find out which value the features are and which name the model has."""
    if work.own_entry("train", work.from_parameters) is not None:
        call = work.call("train")
        name = call_argument(call, 0) if call else None
        work.features = (name, work.program.writer(call, name)) if call and name else _last(work)
        work.model = next(iter(call.names.binds), "") if call else ""
        return
    pieces = work.loose("train")
    if not pieces:
        work.missing("train", "no cell trains the model")
        work.features = _last(work)
        return
    work.model = _model_name(work, pieces)
    roots = [piece for piece in pieces if has_effect(piece, training=True)]
    roots = [piece for piece in roots if not work.reads_held_out(piece)]
    roots = _without_other_models(roots, pieces, work.model)
    found: dict[str, Piece | None] = {}
    part = work.program.slice(
        [(work.model, work.last_in(pieces, work.model))],
        _stop(work, found),
        roots=roots,
        ignored=work.anatomy.label_reads,
    )
    if len(found) > 1 and (hidden := _hidden_change(work, found)) is not None:
        raise hidden
    for piece in part.pieces:
        if work.model in piece.names.binds and (made := work.local_class(piece)):
            raise work.refuse_input(
                piece,
                work.model,
                f"makes the model of the class {made}, which reads computed names where it is"
                " defined: no release could load it",
                f"let {made} take what it reads in __init__",
            )
    work.features = one_frame_of_features(found, pieces, work.label)
    check_label_rows(work, part)
    entry = work.entry("train", part, work.model)
    work.bind(entry, part, dict.fromkeys(found, "features"), "parameters")
    if any(_names_label(work, piece, found) for piece in part.pieces):
        column = work.label if work.label.isidentifier() else f"**{{{work.label!r}: label}}"
        given = f"{column}=label" if work.label.isidentifier() else column
        entry.prelude.append(f"features = features.assign({given})")


def _names_label(work: Workbench, piece: Piece, found: dict[str, Piece | None]) -> bool:
    """Whether a statement hands features on with the label's name: ``fit_on(df, "late")``."""
    if not work.label or not found.keys() & set(piece.names.needs):
        return False
    named = {work.label, *work.anatomy.column.held_by}
    formula = re.compile(rf"^\s*(\w+\()?{re.escape(work.label)}\)?\s*~")
    for node in piece.nodes:
        if isinstance(node, ast.Subscript) and root_name(node.value) in found:
            # features.loc[rows, "late"], features[["a", "late"]]
            parts = {getattr(item, "value", getattr(item, "id", "")) for item in _items(node.slice)}
            if isinstance(node.slice, ast.Tuple | ast.List) and named & parts and _is_more(node):
                return True
        if not isinstance(node, ast.Call):
            continue
        handed = any(isinstance(item, ast.Name) and item.id in found for item in _passed(node))
        for item in _passed(node) if handed else ():
            text = getattr(item, "value", None) if isinstance(item, ast.Constant) else None
            if getattr(item, "id", text) in named:
                return True
            if isinstance(text, str) and formula.match(text):
                return True
    return False


def _items(index: ast.expr) -> list[ast.expr]:
    """The parts of an index, those of lists in it among them."""
    if not isinstance(index, ast.Tuple | ast.List):
        return [index]
    return [part for item in index.elts for part in _items(item)]


def _is_more(node: ast.Subscript) -> bool:
    """Whether it takes more than the label's whole column, which is an argument of its own."""
    return not (isinstance(node.slice, ast.List) and len(node.slice.elts) == 1)


def _passed(call: ast.Call) -> list[ast.expr]:
    return [*call.args, *(item.value for item in call.keywords)]


def _without_other_models(roots: list[Piece], pieces: list[Piece], model: str) -> list[Piece]:
    """The statements without fits of models that the one which is kept has nothing to do with."""
    near = {model}
    grown = True
    while grown:
        before = len(near)
        for piece in pieces:
            if piece.names.written & near and piece not in roots:
                near |= {*piece.names.written, *piece.names.needs}
        for piece in roots:
            if near & {*piece.names.needs, *piece.names.mutates} and not _fits_alone(piece):
                near |= {*piece.names.needs, *piece.names.binds}
        grown = len(near) > before
    return [piece for piece in roots if not (name := _fits_alone(piece)) or name in near]


def _fits_alone(piece: Piece) -> str:
    """The model's name in ``model.fit(X, y)`` as a statement; or ""."""
    call = piece.node.value if isinstance(piece.node, ast.Expr) else None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
        holder = call.func.value
        return holder.id if call.func.attr == "fit" and isinstance(holder, ast.Name) else ""
    return ""


def _hidden_change(work: Workbench, found: dict[str, Piece | None]) -> Exception | None:
    """The error for what an untagged cell does to rows on their way to these values, if any."""
    pending = [(name, by) for name, by in found.items() if by is not None]
    seen: set[int] = set()
    while pending:
        _, by = pending.pop()
        if id(by) in seen:
            continue
        seen.add(id(by))
        for name in work.program.needs(by):
            before = work.program.writer(by, name)
            if before is not None and not before.role:
                return work.program.not_there(by, name, before)
            if before is not None:
                pending.append((name, before))
    return None


def one_frame_of_features(
    found: dict[str, Piece | None], pieces: list[Piece], label: str = ""
) -> Value:
    """The one value that statements read as features; ExtractionError for none or several."""
    if len(found) == 1:
        return next(iter(found.items()))
    for piece in pieces if label else ():
        bound = [name for name in piece.names.binds if looks_like_label(name)]
        if bound and found.keys() & set(piece.names.needs):
            raise refusal(
                "NBX023",
                f"cell {piece.cell_id} line {piece.line}: {bound[0]} is not taken from the column"
                f" {label!r} by its name: `{piece.first_line[:60]}`",
                hint=f"take the label by its name: {bound[0]} = frame[{label!r}]",
                cell_id=piece.cell_id,
                line=piece.line,
            )
    for piece in pieces if label else ():
        if (told := _fits_on_label(piece)) and set(told[:2]) <= found.keys():
            raise refusal(
                "NBX023",
                f"cell {piece.cell_id} line {piece.line}: {told[2]} is not the column {label!r} by"
                f" its name: `{piece.first_line[:60]}`",
                hint=f"take the label by its name: {told[1]}[{label!r}]",
                cell_id=piece.cell_id,
                line=piece.line,
            )
    labels = [name for name in found if looks_like_label(name)]
    if label and len(labels) == 1 and len(found) == 2:
        (name,) = labels
        by = found[name] or pieces[-1]
        raise refusal(
            "NBX023",
            f"the {pieces[-1].role} cells read {name}, which is not taken from the column"
            f" {label!r} alone",
            hint=f"take the label by its name, before it is changed: {name} = frame[{label!r}]",
            cell_id=by.cell_id,
            line=by.line,
        )
    names = ", ".join(sorted(found)) or "no frame"
    raise refusal(
        "NBX023",
        f"the {pieces[-1].role} cells read {names}, but transform() gives one frame of features",
        hint="join them into one frame in a features cell, and use that",
        cell_id=pieces[-1].cell_id,
        line=pieces[-1].line,
    )


def _fits_on_label(piece: Piece) -> tuple[str, str, str] | None:
    """(features, frame, text) of ``model.fit(features, frame[column])``."""
    for node in piece.nodes:
        if (
            isinstance(node, ast.Call)
            and getattr(node.func, "attr", "") == "fit"
            and len(node.args) > 1
            and isinstance(node.args[0], ast.Name)
            and isinstance(column := node.args[1], ast.Subscript)
            and isinstance(column.value, ast.Name)
            and node.args[0].id != column.value.id
        ):
            return node.args[0].id, column.value.id, ast.unparse(column)
    return None


def _stop(work: Workbench, found: dict[str, Piece | None]) -> Stop:
    """Where training's slice ends: at parameters and features, which are noted in ``found``."""

    def stop(name: str, by: Piece | None, reader: Piece | None) -> bool:
        if work.is_parameter(name, by):
            return True
        if by is None or by.role in ("", "train"):
            return False
        if not work.is_transformed(by):
            of_label = by.role == "fit" and work.anatomy.is_label_chain(name, by, any_of_it=False)
            if of_label or work.anatomy.is_label_chain(name, by):
                return False
            if not _are_features(work, name, by, reader):
                return False
        found[name] = by
        return True

    return stop


def _are_features(work: Workbench, name: str, by: Piece, reader: Piece | None) -> bool:
    rows = work.rows(name, by)
    if "holdout" in rows:
        if "train" in rows and (mixed := refuse_mixed(work)) is not None:
            raise mixed
        raise work.refuse_input(
            reader, name, f"reads held-out rows ({name})", "train on the training rows alone"
        )
    if rows and not work.label and looks_like_label(name):
        raise work.refuse_input(
            reader, name, f"needs the label ({name})", "name it: [data] label in nbprod.toml"
        )
    if not rows and by.role in ("fit", "predict"):
        raise work.refuse_role(
            reader,
            name,
            by,
            "train() is given features, label and parameters: make it a column of the features,"
            " or a parameter",
        )
    return bool(rows)


def _model_name(work: Workbench, pieces: list[Piece]) -> str:
    """The name that training leaves for prediction."""
    written = {name for piece in pieces for name in (*piece.names.binds, *piece.names.mutates)}
    read = [
        name
        for piece in work.loose("predict")
        for name in work.program.needs(piece)
        if (by := work.program.writer(piece, name)) is not None and by.role == "train"
    ]
    candidates = list(dict.fromkeys(name for name in read if name in written))
    fitted = [name for piece in pieces for name in fitted_names(piece)]
    if len(candidates) > 1:
        candidates = [name for name in candidates if name in fitted] or candidates
    if not candidates:
        candidates = fitted[-1:] or [name for p in pieces for name in p.names.binds][-1:]
    if len(candidates) == 1:
        return candidates[0]
    last = pieces[-1]
    several = ", ".join(candidates)
    raise refusal(
        "NBX023",
        f"the train cells leave several models: {several}"
        if several
        else "the train cells leave no model",
        hint="train() returns one: put them into one object, such as a dict or a Pipeline"
        if several
        else "assign the fitted model to a name, such as `model`",
        cell_id=last.cell_id,
        line=last.line,
    )


def _last(work: Workbench) -> Value | None:
    """The last frame that features cells make of the training rows."""
    for piece in reversed(work.loose("features")):
        for name in (*piece.names.binds, *piece.names.mutates):
            if work.rows(name, piece) == {"train"}:
                return name, piece
    return work.anatomy.train or work.anatomy.frame
