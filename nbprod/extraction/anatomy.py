"""Which of the notebook's values is what: the frame, the training and held-out rows, the features.

A value is a name as one statement left it. Everything later is a matter of slicing the program
between these values.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.bases import Bases
from nbprod.extraction.entries import own_entries
from nbprod.extraction.label_column import LabelColumn
from nbprod.extraction.meanings import is_series, reads_only_columns
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
        self.column = LabelColumn.of(program, label)
        bases = Bases(program, self.column, self.own, self.calls)
        self.frame, self.train, self.holdout = bases.frame, bases.train, bases.holdout
        self._rows: dict[tuple[str, int], frozenset[str]] = {}

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
            base = self.column.frame_of(node) if self.label else None
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
            self.column.is_named(column)
            and bool(self.rows(name, self.program.writer(piece, name)))
            and self.program.writer(piece, name) is not None
            for name, column in _parts_assigned(piece.node)
        )

    def _is_rows(self, piece: Piece, name: str) -> bool:
        """Whether a name holds rows as features have them: not what training made of them."""
        by = self.program.writer(piece, name)
        remade = by is not None and by.role == "train"
        return bool(self.rows(name, by)) and not remade


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


def _same(value: Value, other: Value) -> bool:
    return value[0] == other[0] and value[1] is other[1]
