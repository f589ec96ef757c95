"""Three-way merging of sequences, of lines and of the words within a line, and pairing of lines."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_WORDS = re.compile(r"\w+|\s+|[^\w\s]")
_ALIKE = 0.5  # two lines more alike than this are one line, edited
_MOST = 80  # lines of a block that are paired one by one


@dataclass(frozen=True)
class Edit:
    """``base[start:stop]`` became ``new``."""

    start: int
    stop: int
    new: tuple[str, ...]

    def touches(self, other: Edit) -> bool:
        """Whether both change the same items, or add at the same place."""
        if self.start == self.stop and other.start == other.stop:
            return self.start == other.start
        if self.start == self.stop:
            return other.start < self.start < other.stop
        if other.start == other.stop:
            return self.start < other.start < self.stop
        return max(self.start, other.start) < min(self.stop, other.stop)


@dataclass(frozen=True)
class Conflict:
    """Both sides changed ``base[start:stop]``, each in its own way."""

    start: int
    stop: int
    one: tuple[str, ...]
    other: tuple[str, ...]


def edits_of(base: Sequence[str], new: Sequence[str]) -> list[Edit]:
    """What changes one sequence into another."""
    matcher = SequenceMatcher(None, base, new, autojunk=False)
    return [
        Edit(i1, i2, tuple(new[j1:j2]))
        for tag, i1, i2, j1, j2 in matcher.get_opcodes()
        if tag != "equal"
    ]


def merge(
    base: Sequence[str], one: Sequence[str], other: Sequence[str]
) -> tuple[list[str], list[Conflict]]:
    """Both sides' changes of a base; where they conflict, the base stays."""
    left, right = edits_of(base, one), edits_of(base, other)
    conflicts: list[Conflict] = []
    kept: set[Edit] = set()
    for mine in left:
        against = [edit for edit in right if edit.touches(mine) and edit != mine]
        if not against:
            kept.add(mine)
        for edit in against:
            start, stop = min(mine.start, edit.start), max(mine.stop, edit.stop)
            conflicts.append(Conflict(start, stop, mine.new, edit.new))
    kept |= {edit for edit in right if not any(m.touches(edit) and m != edit for m in left)}
    merged: list[str] = []
    place = 0
    for edit in sorted(kept, key=lambda edit: (edit.start, edit.stop)):
        merged += [*base[place : edit.start], *edit.new]
        place = edit.stop
    return [*merged, *base[place:]], conflicts


def words(text: str) -> list[str]:
    """A text as words, spaces and signs, which joined are the text again."""
    return _WORDS.findall(text)


def merge_words(base: str, one: str, other: str) -> str | None:
    """Both sides' changes of a line, word by word; None where they conflict."""
    merged, conflicts = merge(words(base), words(one), words(other))
    return None if conflicts else "".join(merged)


def paired(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Which new line stands for which old one, in order: (old, new), None where there is none."""
    if len(old) == len(new):
        return list(zip(range(len(old)), range(len(new)), strict=True))
    if not old or not new or len(old) > _MOST or len(new) > _MOST:
        return [*((i, None) for i in range(len(old))), *((None, j) for j in range(len(new)))]
    return _best_pairs(old, new)


def _best_pairs(old: Sequence[str], new: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """The alignment whose paired lines are most alike, by dynamic programming."""
    ends = [[0.0] * (len(new) + 1) for _ in range(len(old) + 1)]
    likeness: dict[tuple[int, int], float] = {}
    for i in reversed(range(len(old))):
        for j in reversed(range(len(new))):
            likeness[i, j] = alike(old[i], new[j])
            both = ends[i + 1][j + 1] + likeness[i, j] if likeness[i, j] > _ALIKE else -1.0
            ends[i][j] = max(both, ends[i + 1][j], ends[i][j + 1])
    pairs: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < len(old) or j < len(new):
        together = likeness.get((i, j), 0.0)
        if together > _ALIKE and ends[i][j] == ends[i + 1][j + 1] + together:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif j == len(new) or (i < len(old) and ends[i][j] == ends[i + 1][j]):
            pairs.append((i, None))
            i += 1
        else:
            pairs.append((None, j))
            j += 1
    return pairs


def alike(one: str, other: str) -> float:
    """How alike two lines are, 0 to 1, whatever their indentation."""
    one, other = one.strip(), other.strip()
    if one == other:
        return 1.0
    return SequenceMatcher(None, words(one), words(other), autojunk=False).ratio()
