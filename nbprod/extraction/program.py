"""The notebook's loose statements as one program, in its order: which statement gave each value.

Every statement reads each name as the last statement before it left it. A slice is what is needed
to compute some names, back to where ``stop`` says that a value comes from outside.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from nbprod.extraction.columns import unread_column
from nbprod.extraction.definitions import undefined
from nbprod.extraction.kinds import is_stateful
from nbprod.extraction.nearby import NEARBY
from nbprod.extraction.rules import finding, refusal
from nbprod.notebook.effects import is_in_place, root_name
from nbprod.notebook.graph import GIVEN_NAMES
from nbprod.notebook.syntax import nodes_of, once_per_node

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

    Value = tuple[str, "Piece | None"]  # a name as a statement left it; None: before them all
    # stop(name, writer, reader): whether the value comes from outside the slice
    Stop = Callable[[str, Piece | None, Piece | None], bool]


@dataclass
class Slice:
    """Statements that compute something, and the names whose values they take from outside."""

    pieces: list[Piece] = field(default_factory=list)  # in the notebook's order
    inputs: dict[str, Piece | None] = field(default_factory=dict)  # name -> who wrote it

    @property
    def binds(self) -> set[str]:
        """Names that the statements assign."""
        return {name for piece in self.pieces for name in piece.names.binds}

    @property
    def mutates(self) -> set[str]:
        """Names whose objects the statements may change in place."""
        return {name for piece in self.pieces for name in piece.names.mutates}

    @cached_property
    def touched(self) -> set[str]:
        """Names whose objects the statements may change, or give another name."""
        shared = (held for piece in self.pieces for held in piece.names.aliases.values())
        return self.mutates.union(*shared)


class Program:
    """The loose statements of a notebook, with the writer of every value that each one reads."""

    def __init__(self, selection: Selection, definitions: Definitions) -> None:
        self.selection = selection
        self.definitions = definitions
        self.parameters = {
            name: piece for piece in selection.parameters for name in piece.names.binds
        }
        self.steps = sorted(selection.pieces, key=lambda piece: piece.order)
        self.last: dict[str, Piece] = {}
        self._writers: dict[tuple[int, str], Piece | None] = {}
        self._groups: dict[str, frozenset[str]] = {}
        self._tagged_names = {name for piece in self.steps for name in piece.names.binds}
        self.generators = {
            name
            for piece in self.steps
            for name in piece.names.binds
            if is_stateful(getattr(piece.node, "value", None))
        }
        everything = sorted([*self.steps, *selection.untagged], key=lambda piece: piece.order)
        for piece in everything:
            self._run(piece)

    def writer(self, piece: Piece, name: str) -> Piece | None:
        """The statement whose value of ``name`` a piece reads; None when none was before it."""
        return self._writers.get((id(piece), name))

    def needs(self, piece: Piece) -> list[str]:
        """The computed names that a statement reads, through the functions it uses too."""
        names: dict[str, None] = {}
        for name in piece.names.needs:
            if name in self.definitions.pieces and name not in self._tagged_names:
                names.update(dict.fromkeys(self.definitions.extras.get(name, ())))
            elif not self._is_given(name):
                names[name] = None
        return sorted(names)

    def slice(
        self,
        targets: Iterable[Value],
        stop: Stop,
        *,
        roots: Iterable[Piece] = (),
        ignored: Callable[[Piece], Iterable[str]] = lambda _: (),
    ) -> Slice:
        """What computes these values, and the statements ``roots``.

        ``ignored(piece)``: names that the piece reads, but will not read once rewritten.
        """
        result = Slice()
        included: dict[int, Piece] = {}
        seen: set[tuple[str, int]] = set()
        pending: list[tuple[str, Piece | None, Piece | None]] = [
            (name, writer, None) for name, writer in targets
        ]
        for root in roots:
            included[id(root)] = root
            pending += self._reads_of(root, ignored)
        while pending:
            name, writer, reader = pending.pop()
            if (name, id(writer)) in seen:
                continue
            seen.add((name, id(writer)))
            nearby = writer is not None and NEARBY in writer.notes
            if not nearby and stop(name, writer, reader):
                self._add_input(result, name, writer, reader)
                continue
            if writer is None or not writer.role:
                assert reader is not None
                raise self.not_there(reader, name, writer)
            before = self._writers.get((id(writer), name))
            if name not in writer.names.surely and (before or name in self.parameters):
                pending.append((name, before, writer))
            if id(writer) not in included:
                included[id(writer)] = writer
                pending += self._reads_of(writer, ignored)
        result.pieces = sorted(included.values(), key=lambda piece: piece.order)
        self._check_order(result)
        return result

    def not_there(self, reader: Piece, name: str, writer: Piece | None) -> Exception:
        """The error for a value that only an untagged cell gives, or none."""
        if writer is not None and name in self._tagged_names:
            return refusal(
                "NBX015",
                f"cell {reader.cell_id} uses {name} as the untagged cell {writer.cell_id} left it",
                hint=f"give cell {writer.cell_id} a role,"
                f" or let it work on a copy under another name than {name}",
                cell_id=reader.cell_id,
                line=reader.line_of(name),
            )
        return undefined(self.selection, reader, name)

    def _reads_of(
        self, piece: Piece, ignored: Callable[[Piece], Iterable[str]]
    ) -> list[tuple[str, Piece | None, Piece | None]]:
        skipped = set(ignored(piece))
        reads = [(name, self.writer(piece, name)) for name in self.needs(piece)]
        # what nothing before assigns, and the statement itself perhaps does, is its own
        return [
            (name, by, piece)
            for name, by in reads
            if name not in skipped and not (self._is_own(piece, name) and by is None)
        ]

    def _is_own(self, piece: Piece, name: str) -> bool:
        first = piece.names.binds.get(name)
        by_then = first is not None and first < piece.names.reads.get(name, first)
        return by_then and name not in self.parameters

    def _add_input(
        self, result: Slice, name: str, writer: Piece | None, reader: Piece | None
    ) -> None:
        known = result.inputs.get(name, writer)
        if known is not writer and reader is not None:
            raise self._two_things(name, reader)
        result.inputs[name] = writer

    def _check_order(self, result: Slice) -> None:
        """An input must not be assigned by a statement of the slice that ran before it was made."""
        first: dict[str, Piece] = {}
        for piece in result.pieces:
            for name in piece.names.written & result.inputs.keys():
                first.setdefault(name, piece)
        for name, writer in result.inputs.items():
            before = first.get(name)
            if before is not None and writer is not None and before.order < writer.order:
                raise self._two_things(name, before)

    def _two_things(self, name: str, piece: Piece) -> Exception:
        return refusal(
            "NBX023",
            f"cell {piece.cell_id}: {name} stands for two different things here",
            hint=f"give one of the two another name than {name}",
            cell_id=piece.cell_id,
            line=piece.line,
        )

    def _is_given(self, name: str) -> bool:
        if name in self._tagged_names or name in self.parameters:
            return False
        return name in self.selection.imports or name in GIVEN_NAMES

    def _run(self, piece: Piece) -> None:
        """Note the writer of each value that a statement reads, then what it writes itself."""
        certain = _certain_changes(piece)
        changed = set(piece.names.mutates) if piece.role else set(piece.names.mutates) & certain
        changed |= self.generators.intersection(self.needs(piece))  # drawing changes them
        written = [*piece.names.binds, *sorted(changed)]
        for name in list(changed):
            written += sorted(self._groups.get(name, frozenset()) - {name})
        if not piece.role:
            written = [name for name in written if not self._left_alone(piece, name)]
            if (column := unread_column(piece, self.steps, self._groups)) is not None:
                written = [name for name in written if name != column[0]]
                self._tell_column(piece, *column)
        for name in (*self.needs(piece), *written):
            self._writers[(id(piece), name)] = self.last.get(name)
        for name in dict.fromkeys(written):
            if name not in self.selection.imports or name in piece.names.binds:
                self.last[name] = piece
        for name in piece.names.binds if "rows" not in piece.notes else ():
            self._regroup(name, piece)

    def _left_alone(self, piece: Piece, name: str) -> bool:
        """What a cell tagged skip does to a name of tagged cells is passed over, and told."""
        if "skip" not in piece.notes or name not in self.last or not self.last[name].role:
            return False
        self.selection.findings.append(
            finding(
                "NBX015",
                f"cell {piece.cell_id} is tagged skip, but changes {name}",
                hint=f"the module uses {name} as it was before; use another name there",
                severity="warning",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        )
        return True

    def _tell_column(self, piece: Piece, frame: str, column: str) -> None:
        """Tell of a column that is only for looking at: tagged cells never read it."""
        if frame in self.last and self.last[frame].role:
            self.selection.findings.append(
                finding(
                    "NBX015",
                    f"the untagged cell {piece.cell_id} gives {frame} the column {column!r},"
                    " which no tagged cell reads: the module has it not",
                    hint=f"tag the cell, if {frame} should have it",
                    severity="info",
                    cell_id=piece.cell_id,
                    line=piece.line,
                )
            )

    def _regroup(self, name: str, piece: Piece) -> None:
        """Keep track of names that share one object."""
        shared = piece.names.aliases.get(name, frozenset())
        if name in piece.names.surely:
            for other in self._groups.pop(name, frozenset()) - {name}:
                self._groups[other] = self._groups[other] - {name}
        # may share: what a list holds shares with the list, but not with the list's other items
        near = frozenset[str]().union(*(self._groups.get(item, {item}) for item in shared)) - {name}
        if near:
            self._groups[name] = self._groups.get(name, frozenset({name})) | near
            for other in near:
                self._groups[other] = self._groups.get(other, frozenset({other})) | {name}


def _certain_changes(piece: Piece) -> frozenset[str]:
    """Names whose objects a statement surely changes: parts assigned, methods known to do it."""
    found = _parts_changed(piece.node)
    # through another name for the same object, too
    held = {root for name in found for root in piece.names.mutates if root != name}
    return found | held if held else found


@once_per_node
def _parts_changed(statement: ast.stmt) -> frozenset[str]:
    found: set[str | None] = set()
    for node in nodes_of(statement):
        if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(node.ctx, ast.Load):
            found.add(root_name(node))
        elif isinstance(node, ast.AugAssign):
            found.add(root_name(node.target))
        elif isinstance(node, ast.Call):
            if is_in_place(node):
                found.add(root_name(node.func))
            elif isinstance(node.func, ast.Name):
                found |= {root_name(item) for item in node.args}
    return frozenset(name for name in found if name)
