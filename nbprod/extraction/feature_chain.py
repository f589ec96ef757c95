"""From rows to features: the statements that lead there, and which rows they may read."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.meanings import reads_only_columns
from nbprod.extraction.rules import finding, refusal

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Slice, Value
    from nbprod.extraction.workbench import Workbench

_WRONG_ROWS = {
    "frame": "makes features from all rows, held-out ones included",
    "holdout": "makes features of training rows from held-out rows",
    "train": "makes features of held-out rows from training rows",
}
_LOOPS_APART = (
    "fit in a fit cell, in a loop of its own that keeps what each turn learns from training rows:"
    " `learned[column] = ...`; then a loop in a features cell, `for column, found in"
    " learned.items()`, applies it to both frames alike"
)
_ONE_FUNCTION = (
    "make features of each frame by the same function; what depends on several rows is learned from"
    " the training rows in a fit cell"
)


def feature_chain(work: Workbench, target: Value, rows: str, *, compared: bool = False) -> Slice:
    """The statements that lead from rows to features, for the training or held-out rows.

    compared: with another chain; which columns the features have is the same for both then.
    """

    def stop(name: str, by: Piece | None, reader: Piece | None) -> bool:
        if compared and by is not None and only_names_columns(work, by):
            return True
        base = work.anatomy.base(name, by)
        if base and work.anatomy.stands_for(base, rows):
            return True
        if base:
            raise work.refuse_input(
                reader,
                name,
                f"{_WRONG_ROWS[base]} ({name})",
                "learn it in a fit cell, and read that",
            )
        if work.is_parameter(name, by):
            work.learned.setdefault(name, by)
            return True
        if by is None or by.role in ("", "features"):
            return False
        if work.is_state(by):
            return True
        if by.role in ("fit", "data"):
            work.keep(name, by, reader)
            return True
        raise work.refuse_role(
            reader, name, by, "a transform is given rows and what fit cells learned"
        )

    part = work.program.slice([target], stop)
    if work.anatomy.tangled:
        check_lineage(work, part, rows, "features")
    return part


def only_names_columns(work: Workbench, piece: Piece) -> bool:
    """Whether a features statement takes nothing but column names of the rows it reads."""
    frames = [
        name
        for name in work.program.needs(piece)
        if work.rows(name, work.program.writer(piece, name))
    ]
    named = [name for name in frames if reads_only_columns(piece, name)]
    return piece.role == "features" and bool(frames) and named == frames


def check_lineage(work: Workbench, part: Slice, rows: str, role: str) -> None:
    """After a late split, statements must not mix the chosen rows with all rows.

    A fit cell must read chosen rows only; a features cell may make features of all rows.
    """
    for piece in part.pieces:
        if piece.role != role or piece.notes.get("rows"):
            continue
        made_of = {
            name: work.rows(name, work.program.writer(piece, name))
            for name in work.program.needs(piece)
            if not reads_only_columns(piece, name)
        }
        kinds = frozenset[str]().union(*made_of.values())
        if role == "fit" and kinds == {"frame"}:
            _tell_all_rows(work, piece)
            continue
        wrong = kinds - {rows} if rows in kinds or role == "fit" else frozenset[str]()
        for name, kind in made_of.items():
            if kind & wrong:
                raise work.refuse_input(
                    piece,
                    name,
                    f"reads all rows ({name}) where only the {rows} rows may be read",
                    "compute it from the training rows in a fit cell",
                )


def _tell_all_rows(work: Workbench, piece: Piece) -> None:
    """Warn of what the cells learn before they split: in the module it is learned afterwards."""
    names = piece.names.mutates or piece.names.binds
    learned = ", ".join(names) or piece.first_line
    work.result.findings.append(
        finding(
            "NBX052",
            f"{learned} learns from all rows, held-out ones included: `{piece.first_line}`",
            hint="the module learns it from the training rows alone; split first, to have the same"
            " in the notebook",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    )


def refuse_mixed(work: Workbench) -> Exception | None:
    """The error for the first statement that puts training and held-out rows together."""
    for piece in work.program.steps:
        written = (*piece.names.binds, *piece.names.mutates)
        if not any(work.rows(name, piece) >= {"train", "holdout"} for name in written):
            continue
        return refusal(
            "NBX023",
            f"cell {piece.cell_id} line {piece.line} mixes training and held-out rows:"
            f" `{piece.first_line}`",
            hint=_LOOPS_APART if isinstance(piece.node, ast.For) else _ONE_FUNCTION,
            cell_id=piece.cell_id,
            line=piece.line,
        )
    return None
