"""Whether extraction gives back what a person wrote: the same, laid out otherwise, or not."""

from __future__ import annotations

import ast
import contextlib
import io
import tokenize
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Literal

from nbprod.extraction.sync.naming import name_of
from nbprod.extraction.sync.places import bound

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.sync.edits import Hunk
    from nbprod.extraction.sync.places import Text

# layout: blank lines, sorting of imports; order: functions stand elsewhere; follows: lines of
# extraction itself that go with the edit; lost: what a person wrote does not come back.
Kind = Literal["layout", "order", "follows", "lost"]


@dataclass(frozen=True)
class Difference:
    """One place where the extracted file is not the wanted one."""

    kind: Kind
    path: str
    line: int  # of the wanted file, as an editor counts
    place: int  # the same, as ``Text.lines`` counts
    wanted: tuple[str, ...] = ()
    got: tuple[str, ...] = ()


@dataclass
class Judge:
    """Compares a file as extracted with the one wanted, knowing what a person edited."""

    now: Text
    wanted: Text
    hunks: list[Hunk] = field(default_factory=list)

    def differences(self, got: Text) -> list[Difference]:
        """How the extracted file differs from the wanted one; nothing when it does not."""
        if got.lines == self.wanted.lines:
            return []
        found = self._imports(got)
        ours, theirs = _significant(self.wanted), _significant(got)
        mine = [self.wanted.lines[i].rstrip() for i in ours]
        new = [got.lines[i].rstrip() for i in theirs]
        if mine == new or _meaning(self.wanted) == _meaning(got):
            return found or [self._first("layout", got)]
        if sorted(_statements(self.wanted)) == sorted(_statements(got)):
            return [*found, self._first("order", got)]
        matcher = SequenceMatcher(None, mine, new, autojunk=False)
        for tag, i1, i2, j1, j2 in matcher.get_opcodes():
            if tag == "equal":
                continue
            wanted = [ours[i] for i in range(i1, i2)]
            place = wanted[0] if wanted else ours[i1 - 1] if i1 else 0
            kind: Kind = "lost"
            if self._is_own(wanted, [theirs[j] for j in range(j1, j2)], got):
                kind = "follows"
            found.append(self._difference(kind, place, mine[i1:i2], new[j1:j2]))
        return found

    def _imports(self, got: Text) -> list[Difference]:
        """Imports that a person added and nothing uses, or removed and something uses."""
        before, mine, new = self.now.imports(), self.wanted.imports(), got.imports()
        found: list[Difference] = []
        other = {bound(item) for item in new.keys() - mine.keys()}
        for item in sorted(mine.keys() - new.keys()):
            kind: Kind = "follows" if item in before and bound(item) not in other else "lost"
            place = mine[item]
            found.append(self._difference(kind, place, [self.wanted.lines[place]], []))
        place = max(mine.values(), default=0)
        for item in sorted(new.keys() - mine.keys()):
            kind = "lost" if item in before else "follows"
            found.append(self._difference(kind, place, [], [got.lines[new[item]]]))
        return found

    def _is_own(self, wanted: list[int], lines: list[int], got: Text) -> bool:
        """Whether nobody edited these lines, and those in their place are extraction's own."""
        touched = {line for hunk in self.hunks for line in hunk.lines}
        origins = {j: i for i, j in self._origins()}
        edited = set(range(len(self.now.lines))) - set(origins.values())
        removed = {self.now.lines[i].strip() for i in edited} - {""}
        # the cell's lines behind them: a line that stands at two places was edited at the other
        places = {self.now.places[i] for i in edited if i in self.now.places}
        return (
            not touched & set(wanted)
            and not any(j in got.places for j in lines)
            and not any(got.lines[j].strip() in removed for j in lines)
            and not any(self.now.places.get(origins.get(i, -1)) in places for i in wanted)
            and not wrapped([self.wanted.lines[i] for i in wanted], [got.lines[j] for j in lines])
        )

    def _origins(self) -> list[tuple[int, int]]:
        """Lines that stand in the file now and as wanted: (now, wanted)."""
        matcher = SequenceMatcher(None, self.now.lines, self.wanted.lines, autojunk=False)
        return [
            (block.a + offset, block.b + offset)
            for block in matcher.get_matching_blocks()
            for offset in range(block.size)
        ]

    def _first(self, kind: Kind, got: Text) -> Difference:
        wanted, new = self.wanted.lines, got.lines
        same = next(
            (n for n, pair in enumerate(zip(wanted, new, strict=False)) if pair[0] != pair[1]),
            min(len(wanted), len(new)),
        )
        return self._difference(kind, same, wanted[same : same + 1], new[same : same + 1])

    def _difference(self, kind: Kind, place: int, wanted: list[str], got: list[str]) -> Difference:
        number = self.wanted.number(place)
        return Difference(kind, self.wanted.path, number, place, tuple(wanted), tuple(got))


def wrapped(wanted: Iterable[str], got: Iterable[str]) -> bool:
    """Whether ``return answer`` becomes ``return frame_of(answer)``: another value, unasked."""
    for old, new in zip(_returned(wanted), _returned(got), strict=False):
        inside = [ast.dump(node) for node in ast.walk(new) if node is not new]
        if ast.dump(old) in inside:
            return True
    return False


def _returned(lines: Iterable[str]) -> list[ast.expr]:
    """What the lines that are a whole return statement return."""
    found: list[ast.expr] = []
    for line in lines:
        told = line.strip().partition("return ")
        if not told[0] and told[2]:
            with contextlib.suppress(SyntaxError):
                found.append(ast.parse(told[2], mode="eval").body)
    return found


def _significant(text: Text) -> list[int]:
    """Lines that say something, without imports."""
    imports = text.import_lines()
    return [i for i, line in enumerate(text.lines) if line.strip() and i not in imports]


def _meaning(text: Text) -> tuple[str, list[str]]:
    """What a file says, however it is laid out: its code and its comments."""
    body = [n for n in text.tree.body if not isinstance(n, ast.Import | ast.ImportFrom)]
    return ast.dump(ast.Module(body, [])), _comments("\n".join(text.lines))


def _comments(source: str) -> list[str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return [token.string for token in tokens if token.type == tokenize.COMMENT]


def _statements(text: Text) -> list[tuple[str, str]]:
    """Top-level statements with the comments before them."""
    told: list[tuple[str, str]] = []
    last = 0
    imports = text.import_lines()
    for node in text.tree.body:
        span = text.span(node)
        lines = [text.lines[i] for i in range(last, span.stop) if i not in imports]
        last = span.stop
        if not isinstance(node, ast.Import | ast.ImportFrom):
            told.append((name_of(node), "\n".join(line.rstrip() for line in lines if line.strip())))
    return told
