"""Second names for one thing, left over when statements became a function, put back to one name.

``X_train = X`` of a split that is made elsewhere now, and ``y = label``, say nothing anymore.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.pieces import source_of, statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.notebook.names import names_of

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece, Statement
    from nbprod.notebook.names import Names

    Part = tuple[Statement, "Piece | None"]


def without_aliases(parts: list[Part], arguments: set[str]) -> list[Part]:
    """The statements of a function without those that only name a thing again.

    A name is kept where it is assigned elsewhere, where the other one is assigned later, and where
    a comment stands above it. ``arguments``: names that the function is given.
    """
    index = 0
    while index < len(parts):
        if (copied := _as_copy(parts, index)) is not None:
            parts = [*parts[:index], copied, *parts[index + 1 :]]
            index += 1
            continue
        found = _alias(parts, index, arguments)
        if found is None:
            index += 1
            continue
        target, source = found
        before, later = parts[:index], parts[index + 1 :]
        if _mentions(before, source) < _mentions(later, target) and _is_free(parts, index, found):
            how = Rewrite(names={source: target})
            before = [(rewrite(syntax, how), piece) for syntax, piece in before]
        else:
            how = Rewrite(names={target: source})
            later = [(rewrite(syntax, how), piece) for syntax, piece in later]
        if later and parts[index][0].leading_lines and not later[0][0].leading_lines:
            first = later[0][0].with_changes(leading_lines=parts[index][0].leading_lines)
            later[0] = (first, later[0][1])
        parts, index = [*before, *later], 0
    return parts


def _as_copy(parts: list[Part], index: int) -> Part | None:
    """``X_train = X.copy()`` for what a split gave, where one is changed and the other read."""
    syntax, piece = parts[index]
    pair = _plain_assignment(syntax)
    if pair is None or piece is None or "rows" not in piece.notes:
        return None
    later = parts[index + 1 :]
    if not _is_changed(later, pair[0]) or not _mentions(later, pair[1]):
        return None
    copied = statement(f"{pair[0]} = {pair[1]}.copy()")[1]
    return copied.with_changes(leading_lines=syntax.leading_lines), piece


def _is_changed(parts: list[Part], name: str) -> bool:
    """Whether statements change the object of a name in place."""
    return any(name in _names(syntax).mutates for syntax, _ in parts)


def _mentions(parts: list[Part], name: str) -> int:
    """How many statements read or write a name."""
    told = [_names(syntax) for syntax, _ in parts]
    return sum(name in names.needs or name in names.binds for names in told)


def _is_free(parts: list[Part], index: int, pair: tuple[str, str]) -> bool:
    """Whether the statements before may call it what those after do: nothing else goes by it."""
    target, source = pair
    before = [_names(syntax) for syntax, _ in parts[:index]]
    after = [_names(syntax) for syntax, _ in parts[index + 1 :]]
    bound = any(source in names.binds for names in before)
    first = next((n for n in before if source in n.binds or source in n.needs), None)
    made = first is not None and source in first.binds and source not in first.needs
    taken = any(target in names.needs or target in names.binds for names in before)
    later = any(source in names.needs or source in names.binds for names in after)
    return bound and made and not taken and not later


def without_last_name(
    parts: list[tuple[Statement, Piece]], result: str
) -> tuple[list[tuple[Statement, Piece]], str]:
    """The statements without a last one that only names the result again, and the result."""
    pair = _plain_assignment(parts[-1][0]) if parts else None
    made = pair is not None and "rows" in parts[-1][1].notes
    if not made or pair is None or pair[0] != result:
        return parts, result
    return parts[:-1], pair[1]


def without_label_names(parts: list[Part], label_names: frozenset[str]) -> list[Part]:
    """The statements without ``target = "late"``, where the label itself is given instead."""
    kept: list[Part] = []
    for number, (syntax, piece) in enumerate(parts):
        bound = set(piece.names.binds) if piece is not None else set()
        if bound and bound <= label_names:
            others = [_names(item) for index, (item, _) in enumerate(parts) if index != number]
            if not any(bound & names.needs.keys() for names in others):
                continue
        kept.append((syntax, piece))
    return kept


def without_unread_targets(parts: list[Part]) -> list[Part]:
    """``y = encoder.fit_transform(label)`` without its ``y``, where only the encoder is needed."""
    kept: list[Part] = []
    for number, (syntax, piece) in enumerate(parts):
        line = syntax.body[0] if isinstance(syntax, cst.SimpleStatementLine) else None
        if (
            piece is not None
            and piece.names.mutates
            and isinstance(line, cst.Assign)
            and len(line.targets) == 1
            and isinstance(target := line.targets[0].target, cst.Name)
            and isinstance(line.value, cst.Call)
        ):
            others = [_names(item) for index, (item, _) in enumerate(parts) if index != number]
            if not any(target.value in names.needs for names in others):
                kept.append((syntax.with_changes(body=[cst.Expr(line.value)]), piece))
                continue
        kept.append((syntax, piece))
    return kept


def _alias(parts: list[Part], index: int, arguments: set[str]) -> tuple[str, str] | None:
    """(name, the name it stands for), where a statement may go."""
    syntax, piece = parts[index]
    pair = _plain_assignment(syntax)
    if pair is None or any(line.comment for line in syntax.leading_lines):
        return None
    target, source = pair
    made = piece is not None and "rows" in piece.notes
    if not made and source != "label":
        return None
    others = [_names(item) for number, (item, _) in enumerate(parts) if number != index]
    later = others[index:]
    # a name that goes on alone may be assigned again: X_train = X; X_train = scale(X_train)
    ends = made and not any(source in names.needs or source in names.binds for names in later)
    if target in arguments or any(target in n.binds for n in (others[:index] if ends else others)):
        return None
    if any(source in names.binds for names in later) or any(
        target in query for query in map(_text_queries, (item for item, _ in parts[index + 1 :]))
    ):
        return None
    return target, source


def _plain_assignment(syntax: Statement) -> tuple[str, str] | None:
    if not isinstance(syntax, cst.SimpleStatementLine) or len(syntax.body) != 1:
        return None
    line = syntax.body[0]
    if (
        isinstance(line, cst.Assign)
        and len(line.targets) == 1
        and isinstance(line.value, cst.Name)
        and isinstance(line.targets[0].target, cst.Name)
    ):
        return line.targets[0].target.value, line.value.value
    return None


@lru_cache(maxsize=4096)
def _names(syntax: Statement) -> Names:
    return names_of(ast.parse(source_of(syntax)).body)


def _text_queries(syntax: Statement) -> str:
    """The text of a statement that queries by names in text, "" for any other."""
    text = source_of(syntax)
    return text if ".query(" in text or ".eval(" in text else ""
