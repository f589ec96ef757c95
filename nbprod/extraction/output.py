"""What the predict cells give: a frame, a column of one, or an array."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.frames import gives_frame
from nbprod.extraction.rules import refusal

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Value
    from nbprod.extraction.workbench import Workbench


def find_output(work: Workbench, pieces: list[Piece]) -> tuple[Value, str]:
    """The value that prediction gives, and what is returned of it, ``{}`` standing for its name.

    A frame that is made of the model's answers; else the columns that they are stored in; else
    the last array of them, which becomes a frame with the features' index.
    """
    answers = _answers(work, pieces)
    own = {name for piece in pieces for name in piece.names.binds}
    assigned = [
        piece
        for piece in answers
        if isinstance(piece.node, ast.Assign | ast.AnnAssign | ast.With)
        or (isinstance(piece.node, ast.For) and own & piece.names.mutates.keys())
    ]
    frames = _frames(work, pieces, assigned)
    answering = [piece for piece in frames if not _beside_truth(work, piece)]
    if answering and not _asked_again(work, pieces, answering[-1]):
        return _value(work, pieces, answering[-1]), "{}"
    stored = [(name, column) for piece in assigned for name, column in _stored(piece)]
    if stored:
        name = stored[-1][0]
        columns = ", ".join(f'"{column}"' for other, column in stored if other == name)
        return (name, work.last_in(pieces, name)), f"{{}}[[{columns}]]"
    plain = [piece for piece in assigned if piece.names.binds]
    scores = [piece for piece in plain if reads_label(work, piece)]
    if frames and len(scores) == len(plain):  # answers beside what was true, and nothing else
        return _value(work, pieces, frames[-1]), "{}"
    for piece in [piece for piece in reversed(plain) if piece not in scores] or scores[-1:]:
        column = work.label or "prediction"
        array = f'pd.DataFrame({{{{"{column}": {{}}}}}}, index=features.index)'
        return _value(work, pieces, piece), array
    last = pieces[-1]
    raise refusal(
        "NBX023",
        "the predict cells assign no predictions of the model",
        hint='assign them: predictions = pd.DataFrame({"label": ...}, index=X_holdout.index)',
        cell_id=last.cell_id,
        line=last.line,
    )


def _frames(work: Workbench, pieces: list[Piece], assigned: list[Piece]) -> list[Piece]:
    """The statements among those assigned that give a name a frame."""
    known, held = work.definitions.pieces, set[str]()
    found: list[Piece] = []
    for piece in pieces:
        value = getattr(piece.node, "value", None)
        bound = piece.names.binds.keys()
        if bound and isinstance(value, ast.expr) and gives_frame(value, held, known):
            held |= bound
            if piece in assigned:
                found.append(piece)
        else:
            held -= bound
    return found


def reads_label(work: Workbench, piece: Piece) -> bool:
    """Whether a statement compares with the label: a score, no prediction."""
    writers = {name: work.program.writer(piece, name) for name in work.program.needs(piece)}
    return bool(work.anatomy.label_mentions(piece)) or any(
        work.anatomy.is_label_chain(name, by)
        for name, by in writers.items()
        if by is None or by.role not in ("fit", "train")  # what decodes answers was learned
    )


def _asked_again(work: Workbench, pieces: list[Piece], frame: Piece) -> bool:
    """Whether the model is given a frame of its answers: a stack's first level."""
    return any(
        piece.order > frame.order
        and work.model in work.program.needs(piece)
        and not frame.names.binds.keys().isdisjoint(piece.names.needs)
        for piece in pieces
    )


def _beside_truth(work: Workbench, piece: Piece) -> bool:
    """Whether a statement puts answers beside the label, to be looked at."""
    writers = {name: work.program.writer(piece, name) for name in work.program.needs(piece)}
    return any(
        work.anatomy.is_label_chain(name, by)
        for name, by in writers.items()
        if by is not None and by.role not in ("fit", "train")
    )


def _value(work: Workbench, pieces: list[Piece], piece: Piece) -> Value:
    own = {name for item in pieces if item is not piece for name in item.names.binds}
    filled = [name for name in piece.names.mutates if name in own]
    # predictions = []; for row in rows: predictions.append(model(row))
    compound = isinstance(piece.node, ast.For | ast.With) and bool(filled)
    name = filled[-1] if compound else list(piece.names.binds)[-1]
    return name, work.last_in([item for item in pieces if item.order >= piece.order], name)


def _answers(work: Workbench, pieces: list[Piece]) -> list[Piece]:
    """The statements that the model has a part in, directly or through others."""
    found: dict[int, Piece] = {}
    for piece in pieces:
        for name in work.program.needs(piece):
            by = work.program.writer(piece, name)
            if by is None:
                continue
            if id(by) in found or (by.role == "train" and name == work.model):
                found[id(piece)] = piece
    return list(found.values())


def _stored(piece: Piece) -> list[tuple[str, str]]:
    """(frame, column) of ``frame["column"] = ...``."""
    targets = piece.node.targets if isinstance(piece.node, ast.Assign) else []
    return [
        (target.value.id, target.slice.value)
        for target in targets
        if isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Name)
        and isinstance(target.slice, ast.Constant)
        and isinstance(target.slice.value, str)
    ]
