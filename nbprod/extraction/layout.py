"""How a file of the module is laid out, and which notebook line each of its lines came from."""

from __future__ import annotations

import io
import re
import tokenize
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.pieces import Statement

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

    from nbprod.extraction.lines_read import Written
    from nbprod.extraction.pieces import Piece


_TRAILING = re.compile(r"[ \t\f]$", re.MULTILINE)
Line = tuple[int, str, int]  # line of the file, cell id, line of the cell


@dataclass
class File:
    """One file of the module."""

    path: str
    text: str
    tree: ast.Module  # what runs, and the docstring; its positions are not the text's
    lines: list[Line] = field(default_factory=list)  # those that come from the notebook
    cells: tuple[str, ...] = ()


def comments(lines: Iterable[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """The comment lines among the lines before a statement."""
    return [line for line in lines if line.comment]


def spaced(body: list[Statement]) -> list[Statement]:
    """Two blank lines around functions and classes, at most one elsewhere."""
    result: list[Statement] = []
    before: Statement | None = None
    for syntax in body:
        big = isinstance(syntax, cst.FunctionDef | cst.ClassDef)
        after_big = isinstance(before, cst.FunctionDef | cst.ClassDef)
        own = syntax.leading_lines
        wanted = (
            2 if big or after_big else 1 if before is None or (own and not own[0].comment) else 0
        )
        result.append(below(syntax, wanted))
        before = syntax
    return result


@lru_cache(maxsize=4096)
def below(syntax: Statement, blank: int) -> Statement:
    """A statement with its comments, below so many blank lines: the same object each time."""
    lines = [*[cst.EmptyLine(indent=False)] * blank, *trimmed(list(syntax.leading_lines))]
    return syntax.with_changes(leading_lines=lines)


_NO_MODULE = cst.Module(body=[])


@lru_cache(maxsize=1024)
def code_of(syntax: Statement) -> str:
    """A top-level statement as text.

    What stands in a generated function is written statement by statement: an edited notebook has
    most of them as they were.
    """
    if isinstance(syntax, cst.FunctionDef) and _is_generated(syntax.body):
        assert isinstance(syntax.body, cst.IndentedBlock)
        end = cst.parse_statement("pass")
        head = _NO_MODULE.code_for_node(
            syntax.with_changes(body=syntax.body.with_changes(body=[end]))
        )
        inner = (_indented(item) for item in syntax.body.body)
        return head.removesuffix("    pass\n") + "".join(inner)
    return _whole(syntax)


_GENERATED_LINES = 4  # a shorter one is written in one go


def _is_generated(body: cst.BaseSuite) -> bool:
    """Whether a function's body has nothing of its own but statements."""
    return (
        isinstance(body, cst.IndentedBlock)
        and len(body.body) >= _GENERATED_LINES
        and body.indent is None
        and not body.footer
        and body.header.comment is None
    )


@lru_cache(maxsize=4096)
def _whole(syntax: Statement) -> str:
    return _NO_MODULE.code_for_node(syntax)


@lru_cache(maxsize=8192)
def _indented(syntax: cst.BaseStatement) -> str:
    block = _NO_MODULE.code_for_node(cst.IndentedBlock(body=[syntax]))
    return block.partition("\n")[2]


def trimmed(lines: list[cst.EmptyLine]) -> list[cst.EmptyLine]:
    """Comment lines, with at most one blank line between them and none before."""
    kept: list[cst.EmptyLine] = []
    for line in lines:
        if line.comment or (kept and kept[-1].comment):
            kept.append(line)
    while kept and not kept[-1].comment:
        kept.pop()
    return kept


def assigns_itself(syntax: Statement) -> bool:
    """``frame = frame``, left over when both names became one."""
    if not isinstance(syntax, cst.SimpleStatementLine) or len(syntax.body) != 1:
        return False
    line = syntax.body[0]
    return (
        isinstance(line, cst.Assign)
        and len(line.targets) == 1
        and isinstance(line.value, cst.Name)
        and isinstance(line.targets[0].target, cst.Name)
        and line.value.value == line.targets[0].target.value
    )


def located(
    body: list[Statement],
    told: list[Written],
    places: list[tuple[Statement, Piece]],
    *,
    before: int,
) -> list[Line]:
    """For each statement of the notebook, where it went: (line of the file, cell id, its line).

    told: the body as it is written; before: how many lines stand above it.
    """
    origins = {id(syntax): piece for syntax, piece in places}
    lines: dict[int, tuple[str, int]] = {}
    pending: list[tuple[Statement, ast.stmt, int]] = []
    for syntax, item in zip(body, told, strict=True):
        pending.append((syntax, item.node, before))
        before += item.lines
    while pending:
        syntax, node, above = pending.pop(0)
        piece = origins.get(id(syntax))
        if piece is not None:
            for offset in range((node.end_lineno or node.lineno) - node.lineno + 1):
                lines[above + node.lineno + offset] = (piece.cell_id, piece.line + offset)
        elif isinstance(syntax, cst.FunctionDef | cst.ClassDef):
            inner = [item for item in syntax.body.body if isinstance(item, Statement)]
            nodes: list[ast.stmt] = node.body  # type: ignore[attr-defined]
            pending += [(*pair, above) for pair in zip(inner, nodes, strict=True)]
    return [(line, cell, number) for line, (cell, number) in sorted(lines.items())]


def without_trailing_space(code: str) -> str:
    """The same code without spaces at the ends of its lines, those within strings aside."""
    if not _TRAILING.search(code):
        return code
    lines = code.split("\n")
    kept: set[int] = set()  # 0-based lines whose end is within a string
    begun: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(code).readline):
        first, last = token.start[0] - 1, token.end[0] - 1
        name = tokenize.tok_name[token.type]
        if name.endswith("STRING_START"):
            begun.append(first)
        elif name.endswith("STRING_END"):
            kept.update(range(begun.pop(), last))
        elif token.type == tokenize.STRING:
            kept.update(range(first, last))
    return "\n".join(
        line if number in kept else line.rstrip(" \t\f") for number, line in enumerate(lines)
    )


def wrapped(start: str, text: str) -> list[str]:
    """Comment lines of words after a start, none longer than 96 characters."""
    lines, line = [], start
    for word in text.split(" "):
        if len(line) + len(word) > 96 and line.strip("# "):
            lines.append(line.rstrip())
            line = "#     "
        line += word + " "
    return [*lines, line.rstrip()]
