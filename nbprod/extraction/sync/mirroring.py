"""The same edit once more: what is done to training rows is done to held-out rows, by other names.

A notebook often makes features twice, `X_train = f(train)` and `X_holdout = f(holdout)`. The
module has it once, so an edit of the one line is an edit of both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.extraction.sync.edits import CellEdits
from nbprod.extraction.sync.merging import words

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from nbprod.extraction.sync.places import Place


class Twins:
    """Lines of tagged cells that are like a line of the module, but for their names.

    cells: cell id -> its lines. carried: the lines that stand in the module.
    """

    def __init__(self, cells: Mapping[str, Sequence[str]], carried: Collection[Place]) -> None:
        self.cells = cells
        self.lines: dict[Place, dict[Place, dict[str, str]]] = {}
        self.names: dict[str, str] = {}
        texts = {place: cells[place[0]][place[1] - 1] for place in sorted(set(carried))}
        split = {place: words(text.strip()) for place, text in texts.items()}
        for cell_id in dict.fromkeys(place[0] for place in texts):
            for number, line in enumerate(cells[cell_id], start=1):
                if (cell_id, number) in texts or not line.strip():
                    continue
                other = words(line.strip())
                for place, own in split.items():
                    names = _renaming(own, other) if place[0] == cell_id else None
                    if names:
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
        return "".join(known.get(word, word) for word in words(line))


def _renaming(one: Sequence[str], other: Sequence[str]) -> dict[str, str]:
    """The names that turn one line into the other; none where they differ in more."""
    if len(one) != len(other):
        return {}
    names: dict[str, str] = {}
    for a, b in zip(one, other, strict=True):
        if a != b and not (a.isidentifier() and b.isidentifier()):
            return {}
        if names.setdefault(a, b) != b:
            return {}
    return {a: b for a, b in names.items() if a != b}
