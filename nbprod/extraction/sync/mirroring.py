"""The same edit once more: what is done to training rows is done to held-out rows, by other names.

A notebook often makes features twice, `X_train = f(train)` and `X_holdout = f(holdout)`. The
module has it once, so an edit of the one line is an edit of both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbprod.extraction.sync.edits import CellEdits

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from nbprod.extraction.sync.places import Place

# A text is one word; so is a name, and an attribute with its dot.
_WORDS = re.compile(r"'[^']*'|\"[^\"]*\"|\.?\w+|\s+|[^\w\s]")


class Twins:
    """Lines of tagged cells that are like a line of the module, but for their names.

    cells: cell id -> its lines. carried: the lines that stand in the module. beside: for a cell,
    the cells whose lines may be like its own; left out, a line is like lines of its own cell.
    """

    def __init__(
        self,
        cells: Mapping[str, Sequence[str]],
        carried: Collection[Place],
        beside: Mapping[str, Collection[str]] | None = None,
    ) -> None:
        self.cells = cells
        self.lines: dict[Place, dict[Place, dict[str, str]]] = {}
        self.names: dict[str, str] = {}
        texts = {place: cells[place[0]][place[1] - 1] for place in sorted(set(carried))}
        split = {place: _words(text.strip()) for place, text in texts.items()}
        near = beside or {place[0]: (place[0],) for place in texts}
        lines = {cell for cells_near in near.values() for cell in cells_near}
        for cell_id in (cell for cell in cells if cell in lines):
            for number, line in enumerate(cells[cell_id], start=1):
                if (cell_id, number) in texts or not line.strip():
                    continue
                other = _words(line.strip())
                for place, own in split.items():
                    close = cell_id in near.get(place[0], ())
                    names = _renaming(own, other) if close else None
                    if names is not None:
                        self.lines.setdefault(place, {})[cell_id, number] = names
                        self.names = {**names, **self.names}

    def mirrored(self, edits: CellEdits) -> CellEdits | None:
        """The edits, and the same for the twins of the lines they touch; None without twins."""
        result = CellEdits({**edits.changed}, {**edits.before}, {**edits.after})
        for told, mine in (
            (result.changed, edits.changed),
            (result.before, edits.before),
            (result.after, edits.after),
        ):
            for place, lines in mine.items():
                for twin, names in self.lines.get(place, {}).items():
                    told[twin] = tuple(self._renamed(line, names) for line in lines)
                    result.mirrored.append(twin)
        return result if result.mirrored else None

    def _renamed(self, line: str, names: Mapping[str, str]) -> str:
        known = {**self.names, **names}
        return "".join(known.get(word, word) for word in _words(line))


def _words(line: str) -> list[str]:
    return _WORDS.findall(line)


def _renaming(one: Sequence[str], other: Sequence[str]) -> dict[str, str] | None:
    """The names that turn one line into the other; None where they differ in more."""
    if len(one) != len(other):
        return None
    names: dict[str, str] = {}
    for a, b in zip(one, other, strict=True):
        if a != b and not (a.isidentifier() and b.isidentifier()):
            return None
        if names.setdefault(a, b) != b:
            return None
    return {a: b for a, b in names.items() if a != b}
