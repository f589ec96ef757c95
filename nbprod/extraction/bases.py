"""Where rows come from: the frame of the data cells, the rows of it that train, those held out.

A base is a value, as `anatomy` says: a name as one statement left it.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.extraction.kinds import is_no_frame
from nbprod.extraction.meanings import looks_held_out, looks_training
from nbprod.extraction.rules import refusal

if TYPE_CHECKING:
    from collections.abc import Container, Mapping

    from nbprod.extraction.label_column import LabelColumn
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Program, Value


@dataclass
class Bases:
    """Finds the bases of a program; None for what the notebook does not have.

    own: names of the entry functions that the notebook defines itself. calls: by ``id()``, the
    statements that only call one of them.
    """

    program: Program
    label: LabelColumn
    own: Container[str]
    calls: Mapping[int, str]
    frame: Value | None = None
    train: Value | None = None
    holdout: Value | None = None

    def __post_init__(self) -> None:
        self._find_frame()
        self._find_split()

    def _find_frame(self) -> None:
        program = self.program
        if "load" in self.own:
            call = self._call_of("load")
            self.frame = (call.targets[0], call) if call else None
            return
        readers: dict[str, list[Piece]] = {}
        for piece in program.steps:
            if piece.role in ("data", "features-online"):
                continue
            for needed in program.needs(piece):
                writer = program.writer(piece, needed)
                if writer is not None and writer.role == "data":
                    readers.setdefault(needed, []).append(piece)
        chosen = self._choose_frame(readers)
        if chosen is None:
            return
        name = chosen
        last = _last_writer(program, name, "data")
        for piece in readers.get(name, ()):
            if last is not None and program.writer(piece, name) is not last:
                raise refusal(
                    "NBX023",
                    f"cell {piece.cell_id} reads {name} before cell {last.cell_id} has finished it",
                    hint="move the data cells before the cells that use the data",
                    cell_id=piece.cell_id,
                    line=piece.line_of(name),
                )
        self.frame = (name, last)

    def _choose_frame(self, readers: dict[str, list[Piece]]) -> str | None:
        data = [piece for piece in self.program.steps if piece.role == "data"]
        if not readers:
            bound = [name for piece in data for name in piece.names.binds]
            return bound[-1] if bound else None
        rows = {name: by for name, by in readers.items() if not self._is_no_frame(name)}
        readers = rows or readers
        if len(readers) == 1:
            return next(iter(readers))
        split = [n for n, by in readers.items() if any(p.role == "split" for p in by)]
        labelled = [n for n, by in readers.items() if any(self._takes_label(p, n) for p in by)]
        for names in (split, labelled):
            if len(names) == 1:
                return names[0]
        if (pair := self._train_and_test(list(readers))) is not None:
            return pair[0]
        first = data[-1]
        raise refusal(
            "NBX023",
            f"the data cells leave several frames: {', '.join(sorted(readers))}",
            hint="load() gives one: join them in a data cell,"
            " or read what transforms only look up in a fit cell",
            cell_id=first.cell_id,
            line=first.line,
        )

    def _train_and_test(self, names: list[str]) -> tuple[str, str] | None:
        """Frames that data cells load apart, to train on and to predict; no cell splits."""
        training = [n for n in names if looks_training(n)]
        held_out = [n for n in names if looks_held_out(n)]
        if len(training) != 1 or len(held_out) != 1:
            return None
        splits = any(piece.role == "split" for piece in self.program.steps)
        return None if splits else (training[0], held_out[0])

    def _is_no_frame(self, name: str) -> bool:
        """Whether every data statement that binds a name gives it something other than rows."""
        values = [
            getattr(piece.node, "value", None)
            for piece in self.program.steps
            if piece.role == "data" and name in piece.names.binds
        ]
        return bool(values) and all(
            is_no_frame(value) or self._makes_own_object(value) for value in values
        )

    def _makes_own_object(self, value: ast.expr | None) -> bool:
        """``Config()`` of a class that the notebook defines, and that is no kind of frame."""
        name = (
            value.func.id
            if isinstance(value, ast.Call) and isinstance(value.func, ast.Name)
            else ""
        )
        piece = self.program.definitions.pieces.get(name)
        return (
            piece is not None
            and isinstance(piece.node, ast.ClassDef)
            and not any("Frame" in ast.unparse(base) for base in piece.node.bases)
        )

    def _takes_label(self, piece: Piece, name: str) -> bool:
        return any(self.label.frame_of(node) == name for node in piece.nodes)

    def _find_split(self) -> None:
        program = self.program
        if "split" in self.own:
            call = self._call_of("split")
            targets = call.targets if call else []
            if call and len(targets) == 2:
                self.train, self.holdout = (targets[0], call), (targets[1], call)
            return
        pieces = [piece for piece in program.steps if piece.role == "split"]
        if not pieces:
            self._find_rows_to_predict()
            return
        used = dict.fromkeys(
            name
            for piece in program.steps
            if piece.role not in ("split", "data")
            for name in program.needs(piece)
            if (writer := program.writer(piece, name)) is not None and writer.role == "split"
        )
        names = _train_and_holdout(pieces, list(used))
        if names is None:
            raise refusal(
                "NBX023",
                "the split cells do not tell which rows train: they leave"
                f" {', '.join(used) or 'nothing'} for later cells",
                hint="call the two frames `train` and `holdout`",
                cell_id=pieces[-1].cell_id,
                line=pieces[-1].line,
            )
        train, holdout = names
        _check_whole_rows(_last_writer(program, train, "split"))
        self.train = (train, _last_writer(program, train, "split"))
        self.holdout = (holdout, _last_writer(program, holdout, "split"))

    def _find_rows_to_predict(self) -> None:
        """A second frame of the data cells, whose rows are predicted: made like the first."""
        bound = dict.fromkeys(
            n for p in self.program.steps if p.role == "data" for n in p.names.binds
        )
        pair = self._train_and_test([name for name in bound if not self._is_no_frame(name)])
        if pair is not None and self.frame is not None and pair[0] == self.frame[0]:
            self.train = self.frame
            self.holdout = (pair[1], _last_writer(self.program, pair[1], "data"))

    def _call_of(self, entry: str) -> Piece | None:
        found = [
            piece
            for piece in self.program.steps
            if self.calls.get(id(piece)) == entry and piece.targets
        ]
        return found[0] if found else None


def _train_and_holdout(pieces: list[Piece], used: list[str]) -> tuple[str, str] | None:
    """Which two of the names that split cells leave are the training and the held-out rows."""
    inside = {name for piece in pieces for name in piece.names.needs}
    variables = {
        item.id
        for piece in pieces
        if isinstance(piece.node, ast.For)
        for item in ast.walk(piece.node.target)
        if isinstance(item, ast.Name)
    }
    bound = dict.fromkeys(name for piece in pieces for name in piece.names.binds)
    written = [name for name in bound if name not in variables]
    known = list(dict.fromkeys([*used, *(name for name in written if name not in inside)]))
    training = [name for name in known if looks_training(name)]
    held_out = [name for name in known if looks_held_out(name)]
    for better in ([name for name in held_out if name in used], _final(held_out)):
        if len(held_out) > 1 and len(better) == 1:
            held_out = better
    # what later cells use is meant: a split leaves positions and masks, too
    if len(training) > 1:
        training = [name for name in training if name in used] or training
    if len(training) == 1 and len(held_out) == 1:
        return training[0], held_out[0]
    rest = [name for name in known if name not in (*training, *held_out)]
    if len(training) == 1 and not held_out and len(rest) == 1:
        return training[0], rest[0]
    if len(held_out) == 1 and not training and len(rest) == 1:
        return rest[0], held_out[0]
    if len(known) == 2:
        return known[0], known[1]
    return None


def _check_whole_rows(piece: Piece | None) -> None:
    """Refuse ``train = df["text"][:800]``: training needs the label of the same rows."""
    value = getattr(piece.node, "value", None) if piece is not None else None
    if not (isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Slice)):
        return
    holder = value.value
    if not isinstance(holder, ast.Attribute | ast.Subscript) or piece is None:
        return
    column = isinstance(holder, ast.Attribute) and holder.attr not in ("iloc", "loc", "values")
    column = column or (
        isinstance(holder, ast.Subscript) and isinstance(holder.slice, ast.Constant)
    )
    if column:
        raise refusal(
            "NBX023",
            f"the split cell {piece.cell_id} chooses rows of one column: `{piece.first_line}`",
            hint="choose rows of the whole frame, training and held-out ones alike, as"
            f" `train = {ast.unparse(holder.value)}[{ast.unparse(value.slice)}]`;"
            " take the column in a features cell, and the label by its name",
            cell_id=piece.cell_id,
            line=piece.line,
        )


def _final(held_out: list[str]) -> list[str]:
    """Names of rows kept for the end, not for choosing a model on the way."""
    return [name for name in held_out if re.search(r"hold|test", name, re.IGNORECASE)]


def _last_writer(program: Program, name: str, role: str) -> Piece | None:
    found = [piece for piece in program.steps if piece.role == role and name in piece.names.written]
    return found[-1] if found else None
