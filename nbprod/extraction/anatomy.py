"""Which of the notebook's values is what: the frame, the training and held-out rows, the features.

A value is a name as one statement left it. Everything later is a matter of slicing the program
between these values.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from nbprod.extraction.entries import own_entries
from nbprod.extraction.kinds import is_no_frame
from nbprod.extraction.meanings import (
    is_series,
    looks_held_out,
    looks_training,
    reads_only_columns,
)
from nbprod.extraction.rules import refusal
from nbprod.notebook.syntax import nodes_of, once_per_node

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Program, Value


class Anatomy:
    """The values that the entry functions take and give."""

    def __init__(
        self, program: Program, label: str, *, tangled: bool = False, joined: bool = False
    ) -> None:
        self.program = program
        self.label = label
        self.joined = joined  # the notebook computes features of two frames put together
        self.tangled = tangled  # the notebook computes features of all rows, and splits then
        self.own = own_entries(program.definitions, program.parameters)
        self.calls = _entry_calls(program, self.own)
        self.label_names = _names_of_label(program, label)
        self.label_lists = _names_of_label(program, label, listed=True)
        self.frame: Value | None = None
        self.train: Value | None = None
        self.holdout: Value | None = None
        self._rows: dict[tuple[str, int], frozenset[str]] = {}
        self._find_frame()
        self._find_split()

    # ------------------------------------------------------------ what a value is

    def base(self, name: str, writer: Piece | None) -> str:
        """ "frame", "train" or "holdout" for the values between data, split and features; or ""."""
        value = (name, writer)
        if self.train is not None and _same(value, self.train):
            return "train"
        if self.holdout is not None and _same(value, self.holdout):
            return "holdout"
        if self.frame is not None and _same(value, self.frame):
            return "frame" if self.train is not None else "train"
        return ""

    def stands_for(self, base: str, rows: str) -> bool:
        """Whether rows of a base may stand for the training or held-out rows.

        Features of all rows, or of both kinds put together, are those of either.
        """
        if base == rows:
            return True
        return (base == "frame" and self.tangled) or (base == "train" and self.joined)

    def rows(self, name: str, writer: Piece | None) -> frozenset[str]:
        """The bases whose rows a value is made of, other than through what fit learned."""
        base = self.base(name, writer)
        if base:
            return frozenset({base})
        if writer is None or not writer.role or writer.role in ("fit", "data"):
            return frozenset()
        if (rows := writer.notes.get("rows")) is not None:
            return frozenset({self._split_rows(name) if rows == "later" else rows})
        if (key := (name, id(writer))) in self._rows:
            return self._rows[key]
        self._rows[key] = frozenset()  # while it is being found out
        found: set[str] = set()
        if call := self.calls.get(id(writer)):
            found |= self._rows_of_call(call, writer)
        else:
            before = [] if name in writer.names.surely else [name]
            for needed in {*self.program.needs(writer), *before}:
                by = self.program.writer(writer, needed)
                if reads_only_columns(writer, needed, frame=not is_series(by)):
                    continue
                found |= self.rows(needed, by)
        self._rows[key] = frozenset(found)
        return self._rows[key]

    def _split_rows(self, name: str) -> str:
        """ "holdout" for the name of the held-out rows, "train" for another name of a split."""
        return "holdout" if self.holdout is not None and name == self.holdout[0] else "train"

    def _rows_of_call(self, entry: str, writer: Piece) -> frozenset[str]:
        if entry in ("fit", "load", "train"):
            return frozenset()
        argument = call_argument(writer, 1 if entry == "predict" else 0)
        if argument is None:
            return frozenset()
        return self.rows(argument, self.program.writer(writer, argument))

    def is_label_chain(self, name: str, writer: Piece | None, *, any_of_it: bool = True) -> bool:
        """Whether a value is computed from the label column, and from nothing else of the rows.

        any_of_it: the label must have a part in it; else it may be made of no rows at all.
        """
        if writer is None or not writer.role or self.base(name, writer):
            return False
        reads_label = False
        pending: list[Value] = [(name, writer)]
        seen: set[tuple[str, int]] = set()
        while pending:
            item, by = pending.pop()
            if by is None or (item, id(by)) in seen:
                continue
            seen.add((item, id(by)))
            if self.base(item, by) or id(by) in self.calls:
                return False
            labelled = self.label_reads(by)
            reads_label = reads_label or bool(labelled)
            needed = [other for other in self.program.needs(by) if other not in labelled]
            pending += [(other, self.program.writer(by, other)) for other in needed]
            if item not in by.names.surely:
                pending.append((item, self.program.writer(by, item)))
        return reads_label or not any_of_it

    def label_reads(self, piece: Piece) -> frozenset[str]:
        """Names of frames from which a statement takes the label column and nothing else."""
        return frozenset(
            name for name, (loads, labels) in self._label_counts(piece).items() if loads == labels
        )

    def label_mentions(self, piece: Piece) -> frozenset[str]:
        """Names of frames from which a statement takes the label column, among other things."""
        return frozenset(self._label_counts(piece))

    def _label_counts(self, piece: Piece) -> dict[str, tuple[int, int]]:
        """For each frame that a statement takes the label from: its reads, those of the label."""
        counts: dict[str, list[int]] = {}
        for node in piece.nodes:
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                counts.setdefault(node.id, [0, 0])[0] += 1
            base = self._labelled(node) if self.label else None
            if base is not None:
                counts.setdefault(base, [0, 0])[1] += 1
        return {
            name: (loads, labels)
            for name, (loads, labels) in counts.items()
            if labels and self._is_rows(piece, name)
        }

    def writes_label(self, piece: Piece) -> bool:
        """Whether a statement assigns the label column of rows."""
        return bool(self.label) and any(
            self._is_label(column)
            and bool(self.rows(name, self.program.writer(piece, name)))
            and self.program.writer(piece, name) is not None
            for name, column in _parts_assigned(piece.node)
        )

    def _is_rows(self, piece: Piece, name: str) -> bool:
        """Whether a name holds rows as features have them: not what training made of them."""
        by = self.program.writer(piece, name)
        remade = by is not None and by.role == "train"
        return bool(self.rows(name, by)) and not remade

    def _labelled(self, node: ast.AST) -> str | None:
        """The frame's name in ``frame["late"]``, ``frame.late``, ``frame.pop("late")``."""
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            return node.value.id if self._is_label(node.slice) else None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return node.value.id if node.attr == self.label else None
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "pop"
            and isinstance(node.func.value, ast.Name)
            and len(node.args) == 1
        ):
            return node.func.value.id if self._is_label(node.args[0]) else None
        return None

    def _is_label(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Constant):
            return bool(node.value == self.label)
        if isinstance(node, ast.List) and len(node.elts) == 1:  # frame[["late"]]
            return self._is_label(node.elts[0])
        return isinstance(node, ast.Name) and node.id in self.label_names | self.label_lists

    # ------------------------------------------------------------ frame and split

    def _find_frame(self) -> None:
        program = self.program
        if "load" in self.own:
            call = self._call_of("load")
            self.frame = (_targets(call)[0], call) if call else None
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
                    line=program.line(piece, name),
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
        return any(self._labelled(node) == name for node in piece.nodes)

    def _find_split(self) -> None:
        program = self.program
        if "split" in self.own:
            call = self._call_of("split")
            targets = _targets(call) if call else []
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
            if self.calls.get(id(piece)) == entry and _targets(piece)
        ]
        return found[0] if found else None


@once_per_node
def _parts_assigned(statement: ast.stmt) -> list[tuple[str, ast.expr]]:
    """(name, part) of every ``name[part]`` that a statement assigns."""
    return [
        (node.value.id, node.slice)
        for node in nodes_of(statement)
        if isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
    ]


def call_argument(piece: Piece, index: int) -> str | None:
    """The name given as an argument in ``x = entry(a, b)``."""
    value = getattr(piece.node, "value", None)
    if isinstance(value, ast.Call) and index < len(value.args):
        argument = value.args[index]
        return argument.id if isinstance(argument, ast.Name) else None
    return None


def _entry_calls(program: Program, own: Iterable[str]) -> dict[int, str]:
    """Statements that only call an entry function which the notebook defines itself."""
    known = frozenset(own)
    calls: dict[int, str] = {}
    for piece in program.steps:
        value = getattr(piece.node, "value", None)
        if (
            isinstance(piece.node, ast.Assign | ast.Expr)
            and isinstance(value, ast.Call)
            and isinstance(value.func, ast.Name)
            and value.func.id in known
        ):
            calls[id(piece)] = value.func.id
    return calls


def _targets(piece: Piece) -> list[str]:
    if not isinstance(piece.node, ast.Assign) or len(piece.node.targets) != 1:
        return []
    target = piece.node.targets[0]
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        return [item.id for item in target.elts if isinstance(item, ast.Name)]
    return []


def _names_of_label(program: Program, label: str, *, listed: bool = False) -> frozenset[str]:
    """Constants and parameters that hold the label column's name, and nothing else.

    listed: those that hold a list of it alone.
    """
    holders = [*program.definitions.pieces.values(), *program.parameters.values(), *program.steps]
    meant: dict[str, bool] = {}
    for piece in holders:
        value = getattr(piece.node, "value", None)
        if listed:
            items = value.elts if isinstance(value, ast.List) else []
            value = items[0] if len(items) == 1 else None
        holds = isinstance(value, ast.Constant) and value.value == label and bool(label)
        for name in piece.names.binds:
            meant[name] = holds and meant.get(name, True)
    return frozenset(name for name, holds in meant.items() if holds)


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
    found = [
        piece
        for piece in program.steps
        if piece.role == role and (name in piece.names.binds or name in piece.names.mutates)
    ]
    return found[-1] if found else None


def _same(value: Value, other: Value) -> bool:
    return value[0] == other[0] and value[1] is other[1]
