"""Edits of a module's file as edits of cells: each with the ways it may be meant."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.extraction.sync.merging import edits_of, merge_words, paired
from nbprod.extraction.sync.naming import VARIANTS, in_cell_terms

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbprod.extraction.sync.merging import Edit
    from nbprod.extraction.sync.naming import Names
    from nbprod.extraction.sync.places import Place, Text


@dataclass
class CellEdits:
    """What happens to lines of cells: (cell id, 1-based line) -> lines."""

    changed: dict[Place, tuple[str, ...]] = field(default_factory=dict)  # () deletes the line
    before: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    after: dict[Place, tuple[str, ...]] = field(default_factory=dict)
    mirrored: list[Place] = field(default_factory=list)  # lines edited like another line

    def add(self, other: CellEdits) -> Place | None:
        """Take in other edits; a line that both change, each in its own way, is given back."""
        for mine, theirs in (
            (self.changed, other.changed),
            (self.before, other.before),
            (self.after, other.after),
        ):
            for place, lines in theirs.items():
                if mine.setdefault(place, lines) != lines:
                    return place
        return None

    def cells(self) -> set[str]:
        """The cells that are edited."""
        return {place[0] for place in (*self.changed, *self.before, *self.after)}


@dataclass
class Hunk:
    """One edit of a file, and the cell edits that it may mean."""

    path: str
    lines: range  # of the file as wanted; empty where lines were deleted
    start: int  # line of the file as extracted
    options: list[CellEdits] = field(default_factory=list)
    between: tuple[str, str] | None = None  # added between lines of these two cells


def hunks_of(
    now: Text, wanted: Text, names: Names, cells: Mapping[str, Sequence[str]]
) -> list[Hunk]:
    """What a person did to a file: as extraction writes it now, as it is wanted."""
    hunks: list[Hunk] = []
    versions = [
        (in_cell_terms(now, names, v), in_cell_terms(wanted, names, v)) for v in range(VARIANTS)
    ]
    changes = _changes(now, wanted)
    news = {i: j for change in changes for i, j in change.pairs if i is not None}
    for change in changes:
        hunk = Hunk(now.path, change.lines, change.start)
        for version in versions:
            for by_words in (True, False):
                for at_next in (False, True):
                    how = _Translation(now, wanted, cells, news, version, by_words, at_next)
                    option = how.of(change)
                    if option not in hunk.options:
                        hunk.options.append(option)
                    hunk.between = hunk.between or how.between
        hunks.append(hunk)
    return hunks


@dataclass(frozen=True)
class _Change:
    """An edit of a file: its first line as extracted, its lines as wanted, and which are which."""

    start: int
    lines: range
    pairs: list[
        tuple[int | None, int | None]
    ]  # (line as extracted, as wanted); None: there is none


def _changes(now: Text, wanted: Text) -> list[_Change]:
    """The edits of a file, without its imports: those are no lines of one cell."""
    changes: list[_Change] = []
    imports, wanted_imports = now.import_lines(), wanted.import_lines()
    shift = 0
    for edit in edits_of(now.lines, wanted.lines):
        slid = _slid(edit, now.lines)
        start = slid.start + shift
        shift += len(edit.new) - (edit.stop - edit.start)
        old = [i for i in range(slid.start, slid.stop) if i not in imports]
        new = [j for j in range(start, start + len(slid.new)) if j not in wanted_imports]
        beside = wanted_imports & set(range(start - 1, start + len(slid.new) + 1))
        if beside and not old and not any(wanted.lines[j].strip() for j in new):
            new = []  # blank lines around imports
        pairs = paired([now.lines[i] for i in old], [wanted.lines[j] for j in new])
        told = [(None if i is None else old[i], None if j is None else new[j]) for i, j in pairs]
        changes.append(_Change(slid.start, range(start, start + len(slid.new)), told))
    return changes


def _slid(edit: Edit, lines: Sequence[str]) -> Edit:
    """The same edit, blank lines first: what is added under a function begins with them."""
    start, stop, new = edit.start, edit.stop, edit.new
    while start == stop and start and new and not new[-1].strip() and new[-1] == lines[start - 1]:
        start, stop, new = start - 1, stop - 1, (new[-1], *new[:-1])
    while not new and start < stop and start and not lines[stop - 1].strip():
        if lines[stop - 1] != lines[start - 1]:
            break
        start, stop = start - 1, stop - 1
    return type(edit)(start, stop, new)


@dataclass
class _Translation:
    """One way of reading an edit."""

    now: Text
    wanted: Text
    cells: Mapping[str, Sequence[str]]
    news: Mapping[int, int | None]  # line of the file -> its line as wanted, None if deleted
    version: tuple[list[str | None], list[str | None]]  # both files in the cells' terms
    by_words: bool  # whether words that nobody edited stay as the cell has them
    at_next: bool  # whether lines between two cells belong to the second
    between: tuple[str, str] | None = None

    def of(self, change: _Change) -> CellEdits:
        """The cell edits of a change."""
        result = CellEdits()
        last, added = change.start - 1, list[int]()
        for line, new in [*change.pairs, (-1, None)]:
            if line is None:
                assert new is not None
                added.append(new)
                continue
            if added:
                self._insert(result, last + 1, added)
                added = []
            if line >= 0:
                last = line
                self._change(result, line)
        return result

    def _change(self, result: CellEdits, line: int) -> None:
        """A line edited or deleted, with others that come from the same line of a cell."""
        place = self.now.places.get(line)
        if place is None or place in result.changed:
            return
        original = self.cells[place[0]][place[1] - 1]
        shift = _indent(original) - _indent(self.now.lines[line])
        group = self._group(line, place)
        told = [text for i in group if (text := self._told(i, shift)) is not None]
        before = "\n".join((self.version[0][i] or "").strip() for i in group)
        if self.by_words and told and before != original.strip():
            after = "\n".join(text.strip() for text in told)
            merged = merge_words(before, original.strip(), after)
            if merged is not None:
                told = [" " * _indent(told[0]) + merged]
        result.changed[place] = tuple(told)

    def _group(self, line: int, place: Place) -> list[int]:
        """The neighbouring lines that come from one line of a cell: `a = 1; b = 2`."""
        first = last = line
        while self.now.places.get(first - 1) == place:
            first -= 1
        while self.now.places.get(last + 1) == place:
            last += 1
        return list(range(first, last + 1))

    def _told(self, line: int, shift: int) -> str | None:
        """A line of the file in the cell's terms and at its indentation; None if it is gone."""
        new = self.news.get(line, -1)
        if new is None:
            return None
        text = self.version[1][new] if new >= 0 else self.version[0][line]
        if text is None or not text.strip():
            return text and ""
        indent = _indent(self.wanted.lines[new] if new >= 0 else self.now.lines[line])
        return " " * max(indent + shift, 0) + text.strip()

    def _insert(self, result: CellEdits, line: int, new: list[int]) -> None:
        """Lines added before ``line``: they go to the cell of the line above, or of the next."""
        above = self._neighbour(line - 1, -1)
        below = self._neighbour(line, 1)
        said = [self.wanted.lines[j] for j in new if self._says(j)]
        if said and said[-1].lstrip().startswith(("#", "@")) and below is not None:
            result.before[self.now.places[below]] = tuple(self._moved(new, below))
            return
        depth = min(map(_indent, said), default=1)
        if depth == 0 and (above is None or not self._is_definition(above)):
            self._insert_definition(result, line, new)
            return
        places = self.now.places
        if above is not None and below is not None and places[above][0] != places[below][0]:
            self.between = (places[above][0], places[below][0])
        if below is not None and (
            above is None or (self.between and self.at_next) or self._heads(new, line)
        ):
            result.before[places[below]] = tuple(self._moved(new, below))
        elif above is not None:
            result.after[places[above]] = tuple(self._moved(new, above))

    def _heads(self, new: list[int], line: int) -> bool:
        """Whether lines between two of one cell stand close to the lower one."""
        gap = new[0] and not self._says(new[0] - 1) and self._says(new[0])
        return bool(gap and not self.between and self.now.lines[line].strip())

    def _says(self, line: int) -> bool:
        return bool(self.wanted.lines[line].strip())

    def _is_definition(self, line: int) -> bool:
        """Whether a line belongs to a top-level statement that stands so in its cell."""
        node = self.now.statement(line)
        return node is not None and node.lineno - 1 in self.now.places

    def _neighbour(self, line: int, step: int) -> int | None:
        """The nearest line that says something, if it comes from a cell."""
        while 0 <= line < len(self.now.lines):
            if line in self.now.places and self.now.lines[line].strip():
                return line
            if self.now.lines[line].strip():
                return None
            line += step
        return None

    def _insert_definition(self, result: CellEdits, line: int, new: list[int]) -> None:
        """A new top-level statement: under a definition of its file, or before all of a cell."""
        own = [i for i in sorted(self.now.places) if self._is_definition(i)]
        above = [i for i in own if i < line]
        lines = [*self._moved(new, None)]
        while lines and not lines[-1].strip():
            lines.pop()
        while lines and not lines[0].strip():
            lines.pop(0)
        if above:
            result.after[self.now.places[above[-1]]] = ("", "", *lines)
        elif self.now.places:
            first = min(self.now.places.values(), key=lambda p: list(self.cells).index(p[0]))
            result.before[first[0], self._start(first[0])] = (*lines, "", "")

    def _start(self, cell_id: str) -> int:
        """The first line of a cell that is none of IPython's."""
        lines = self.cells[cell_id]
        return next((n for n, line in enumerate(lines, 1) if not line.startswith("%")), 1)

    def _moved(self, new: list[int], anchor: int | None) -> list[str]:
        """Lines in the cell's terms, indented as the cell is."""
        shift = 0
        if anchor is not None:
            cell_id, number = self.now.places[anchor]
            shift = _indent(self.cells[cell_id][number - 1]) - _indent(self.now.lines[anchor])
        inside = _inside_strings(self.wanted.tree)
        told: list[str] = []
        for j in new:
            text = self.version[1][j]
            if text is None:
                continue
            if j not in inside:
                text = " " * max(_indent(text) + shift, 0) + text.lstrip()
            told.append(text if text.strip() else "")
        return told


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _inside_strings(tree: ast.Module) -> set[int]:
    """Lines that begin within a string."""
    return {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant | ast.JoinedStr)
        for line in range(node.lineno, node.end_lineno or node.lineno)
    }


def applied(sources: Mapping[str, str], edits: CellEdits, cells: Iterable[str]) -> dict[str, str]:
    """The sources of these cells with the edits made."""
    return {cell_id: _edited(cell_id, sources[cell_id], edits) for cell_id in cells}


def _edited(cell_id: str, source: str, edits: CellEdits) -> str:
    told: list[str] = []
    gone = False
    for number, line in enumerate(source.split("\n"), start=1):
        place = (cell_id, number)
        told += edits.before.get(place, ())
        here = edits.changed.get(place, (line,))
        if gone and here == ("",) and (not told or not told[-1].strip()):
            continue  # one of the blank lines around what was deleted
        gone = not here or (gone and here == ("",))
        told += here
        told += edits.after.get(place, ())
    while told and not told[0].strip() and source[:1].strip():
        told.pop(0)  # a cell begins and ends with code, as it did
    while told and not told[-1].strip() and (gone or source[-1:].strip()):
        told.pop()
    return "\n".join(told)
