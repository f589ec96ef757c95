"""The unit of extraction: one top-level statement of a cell, parsed twice.

The standard library's tree says what a statement means, libcst's carries its text and comments.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, cast

import libcst as cst

from nbprod.extraction.rules import refusal
from nbprod.notebook.syntax import nodes_of, once_per_node

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.notebook.names import Names
    from nbprod.notebook.reading import Reader

    NamesOf = Callable[[ast.stmt], Names]

Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
Line = tuple[ast.stmt, Statement]  # one statement as both trees
_nodes_of = once_per_node(nodes_of)


class _WhenNeeded:
    """A field that may be given as a function, called when the field is first read.

    Most of a notebook's statements are looked at by their meaning alone; parsing all of their
    text too would double the time that an inspection takes.
    """

    def __get__(self, piece: Piece | None, owner: type[Piece]) -> Statement:
        if piece is None:
            raise AttributeError  # so that a dataclass sees no default
        value = piece.__dict__["_syntax"]
        if callable(value):
            value = piece.__dict__["_syntax"] = value()
        return cast("Statement", value)

    def __set__(self, piece: Piece, value: Statement | Callable[[], Statement]) -> None:
        piece.__dict__["_syntax"] = value


@dataclass(frozen=True, eq=False)
class Piece:
    """One statement. ``order`` is its place in the notebook; equality is identity."""

    cell_id: str
    role: str  # "" for an untagged cell
    order: int
    line: int  # 1-based, in the cell
    node: ast.stmt
    names: Names
    code: str  # the statement's source, without the comments around it
    syntax: Statement = _WhenNeeded()  # type: ignore[assignment]
    notes: dict[str, str] = field(default_factory=dict)  # what an idiom says about its names

    @property
    def is_import(self) -> bool:
        """Whether it is an import statement."""
        return isinstance(self.node, ast.Import | ast.ImportFrom)

    @property
    def is_definition(self) -> bool:
        """Whether it defines a function or class."""
        return isinstance(self.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)

    @property
    def targets(self) -> list[str]:
        """The names that ``a = …`` or ``a, b = …`` assigns, in order; none of another statement."""
        if not isinstance(self.node, ast.Assign) or len(self.node.targets) != 1:
            return []
        target = self.node.targets[0]
        parts = target.elts if isinstance(target, ast.Tuple | ast.List) else [target]
        return [item.id for item in parts if isinstance(item, ast.Name)]

    @property
    def first_line(self) -> str:
        """The first line of its source, for messages."""
        return self.code.splitlines()[0] if self.code else ""

    @property
    def nodes(self) -> list[ast.AST]:
        """Every node of the statement, operators and contexts aside; nobody may change it."""
        return _nodes_of(self.node)

    def line_of(self, name: str) -> int:
        """The line, in its cell, where the statement reads a name."""
        return self.names.needs.get(name, self.node.lineno) + self.line - self.node.lineno

    def as_role(self, role: str) -> Piece:
        """The same statement in another role."""
        return replace(self, role=role)

    def with_statement(self, node: ast.stmt, syntax: Statement, names: NamesOf) -> Piece:
        """Another statement, given as both trees, in this one's place and role."""
        return replace(self, node=node, syntax=syntax, names=names(node), code=source_of(syntax))

    def rewritten(self, syntax: Statement, names: NamesOf) -> Piece:
        """The statement with another text, which is parsed for its meaning."""
        code = source_of(syntax)
        node = ast.parse(code).body[0]
        return replace(self, node=node, syntax=syntax, names=names(node), code=code)


class CellSyntax:
    """A cell's top-level statements with their text; comments stay with what they stand before.

    ``a = 1; b = 2`` is two statements. Nothing is parsed before a statement is asked for.
    """

    def __init__(self, cell_id: str, source: str, tree: ast.Module) -> None:
        self.cell_id = cell_id
        self.source = source
        self.tree = tree

    def __getitem__(self, index: int) -> Statement:
        return self._statements[index]

    @cached_property
    def _statements(self) -> tuple[Statement, ...]:
        try:
            statements = _parsed(self.source)
        except cst.ParserSyntaxError as error:
            raise refusal(
                "NBX006",
                f"cell {self.cell_id} cannot be read, line {error.raw_line}: {error.message}",
                hint="simplify the syntax of that line",
                cell_id=self.cell_id,
                line=error.raw_line,
            ) from error
        assert len(statements) == len(self.tree.body)
        return statements


@lru_cache(maxsize=1024)
def pieces_of(
    cell_id: str, role: str, source: str, tree: ast.Module, first: int, reader: Reader
) -> tuple[Piece, ...]:
    """A cell's statements, the first of them the notebook's ``first``: the same objects each time.

    role: "skip" too. What stays in the notebook has no syntax to look at.
    """
    syntax = CellSyntax(cell_id, source, tree)
    lines = source.split("\n")
    stays = role in ("", "skip")
    return tuple(
        Piece(
            cell_id=cell_id,
            role="" if stays else role,
            order=(first + index) * 100,
            line=node.lineno,
            node=node,
            syntax=_nothing if stays else partial(syntax.__getitem__, index),  # type: ignore[arg-type]
            names=reader.names(node),
            code=text_of(lines, node),
            notes={"skip": "1"} if role == "skip" else {},
        )
        for index, node in enumerate(tree.body)
    )


def _nothing() -> Statement:
    """In the place of syntax that stays in the notebook."""
    return statement("pass")[1]


@lru_cache(maxsize=1024)
def _parsed(source: str) -> tuple[Statement, ...]:
    """A cell's statements; of an edited notebook only the edited cells are parsed again."""
    module = cst.parse_module(source)
    statements: list[Statement] = []
    for item in module.body:
        if isinstance(item, cst.SimpleStatementLine) and len(item.body) > 1:
            statements.extend(_one_each(item))
        elif isinstance(item, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            statements.append(item)
    comments = [line for line in module.header if line.comment]
    if statements and comments:
        first = statements[0]
        statements[0] = first.with_changes(leading_lines=[*comments, *first.leading_lines])
    return tuple(statements)


def _one_each(line: cst.SimpleStatementLine) -> list[cst.SimpleStatementLine]:
    last = len(line.body) - 1
    return [
        cst.SimpleStatementLine(
            body=[part.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)],
            leading_lines=line.leading_lines if index == 0 else (),
            trailing_whitespace=line.trailing_whitespace
            if index == last
            else cst.TrailingWhitespace(),
        )
        for index, part in enumerate(line.body)
    ]


def block_lines(block: cst.IndentedBlock) -> list[Statement]:
    """A block's statements, one small statement to a line."""
    lines: list[Statement] = []
    for item in block.body:
        if isinstance(item, cst.SimpleStatementLine) and len(item.body) > 1:
            lines.extend(
                cst.SimpleStatementLine(
                    body=[part.with_changes(semicolon=cst.MaybeSentinel.DEFAULT)]
                )
                for part in item.body
            )
        elif isinstance(item, cst.SimpleStatementLine | cst.BaseCompoundStatement):
            lines.append(item)
    return lines


@lru_cache(maxsize=1024)
def statement(source: str) -> tuple[ast.stmt, Statement]:
    """One statement of generated source, as both trees; the same ones each time."""
    return ast.parse(source).body[0], only(cst.parse_module(source))


def only(module: cst.Module) -> Statement:
    """The first statement of a module."""
    first = module.body[0]
    assert isinstance(first, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    return first


def text_of(lines: list[str], node: ast.stmt) -> str:
    """A statement's own text in its cell, without comments around it or after it."""
    taken = lines[node.lineno - 1 : node.end_lineno]
    if node.end_col_offset is not None:  # offsets count bytes
        taken[-1] = taken[-1].encode()[: node.end_col_offset].decode()
    taken[0] = taken[0].encode()[node.col_offset :].decode()
    return "\n".join(taken)


def source_of(syntax: Statement) -> str:
    """A statement's source, without the comments and blank lines before it."""
    return cst.Module(body=[syntax.with_changes(leading_lines=())]).code.rstrip("\n")


def part_source(piece: Piece, node: ast.expr) -> str:
    """An expression within a statement as it is written there; unparsed where that is not sure."""
    lines = piece.code.split("\n")
    first = node.lineno - piece.node.lineno
    last = (node.end_lineno or node.lineno) - piece.node.lineno
    if 0 <= first <= last < len(lines):
        kept = [line.encode() for line in lines[first : last + 1]]
        kept[-1] = kept[-1][: node.end_col_offset]
        kept[0] = kept[0][node.col_offset :]
        text = b"\n".join(kept).decode(errors="replace")
        try:
            parsed = ast.parse(f"({text}\n)", mode="eval").body
            if ast.unparse(parsed) == ast.unparse(node):
                return text
        except SyntaxError:
            pass
    return ast.unparse(node)
