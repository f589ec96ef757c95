"""Statements that do one thing to several frames, taken apart into one statement for each.

``for frame in (train, holdout): ...`` and ``a, b = f(train), f(holdout)`` say the same thing
twice; the module needs it once.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.learners import learns_alone
from nbprod.extraction.learning import taken_apart
from nbprod.extraction.loops import one_for_each
from nbprod.extraction.pieces import block_lines, source_of, statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.notebook.names import names_of
from nbprod.notebook.syntax import once_per_node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.extraction.pieces import NamesOf, Piece, Statement

    _Parts = list[tuple[ast.stmt, Statement, int]]


def expand(piece: Piece, names: NamesOf, makers: Mapping[str, str]) -> list[Piece]:
    """The statements that a piece is made of, in the order they run; often just itself.

    makers: name -> the call that made the object it holds, of the statements before.
    """
    if not _may_come_apart(piece.node):
        return [_in_its_role(piece)]
    for take_apart in (_loop, _parallel, _comprehension):
        parts = take_apart(piece)
        if parts is not None:
            made = [_piece(piece, node, syntax, names, line) for node, syntax, line in parts]
            return [inner for part in made for inner in expand(part, names, makers)]
    learned = taken_apart(piece, names, makers)
    if learned is not None:
        first = [part for part in learned if part.role == "fit"]
        rest = [part for part in learned if part.role != "fit"]
        if learned[0].role != "fit":
            first, rest = learned[:-1], learned[-1:]
        return [*first, *(inner for part in rest for inner in expand(part, names, makers))]
    if (loops := _loops(piece, names)) is not None:
        return [_piece(piece, node, syntax, names, line) for node, syntax, line in loops]
    return [_in_its_role(piece)]


def _in_its_role(piece: Piece) -> Piece:
    """A statement of a fit or features cell in the role that it plays."""
    if piece.role == "fit" and fitted_transform(piece.node) is not None:
        return piece.as_role("features")  # what was learned is applied: no longer learning
    if piece.role == "features" and learns_alone(piece.node):
        return piece.as_role("fit")
    return piece


@once_per_node
def _may_come_apart(node: ast.stmt) -> bool:
    """Whether a look at a statement's text is worth its time."""
    if isinstance(node, ast.Assign):
        several = isinstance(node.targets[0], ast.Tuple | ast.List)
        called = {getattr(item, "attr", "") for item in ast.walk(node.value)}
        return several or bool(called & {"fit_transform", "transform"})
    return isinstance(node, ast.For)


def fitted_transform(node: ast.stmt) -> str | None:
    """The encoder's name in ``a = encoder.transform(rows)``; None for any other statement."""
    value = getattr(node, "value", None)
    if (
        isinstance(node, ast.Assign)
        and isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr == "transform"
        and isinstance(value.func.value, ast.Name)
    ):
        return value.func.value.id
    return None


def _piece(origin: Piece, node: ast.stmt, syntax: Statement, names: NamesOf, line: int) -> Piece:
    return replace(origin.with_statement(node, syntax, names), line=line)


def _loop(piece: Piece) -> _Parts | None:
    """``for frame in (train, holdout): ...``, once for each."""
    node, syntax = piece.node, piece.syntax
    if not (
        isinstance(node, ast.For)
        and isinstance(syntax, cst.For)
        and isinstance(node.target, ast.Name)
        and isinstance(node.iter, ast.Tuple | ast.List)
        and all(isinstance(item, ast.Name) for item in node.iter.elts)
        and len(node.iter.elts) > 1
        and not node.orelse
        and isinstance(syntax.body, cst.IndentedBlock)
        and not _leaves_loop(node.body)
    ):
        return None
    variable = node.target.id
    rebinds = variable in names_of(node.body).binds
    parts: _Parts = []
    for element in node.iter.elts:
        assert isinstance(element, ast.Name)
        if rebinds:
            alias, alias_syntax = statement(f"{variable} = {element.id}")
            parts.append((alias, alias_syntax, piece.line))
        for inner in block_lines(syntax.body):
            how = Rewrite(names={} if rebinds else {variable: element.id})
            changed = rewrite(inner, how).deep_clone()
            inner_node = ast.parse(source_of(changed)).body[0]
            parts.append((inner_node, changed, piece.line))
    first, text, line = parts[0]
    above = [*syntax.leading_lines, *text.leading_lines]
    parts[0] = (first, text.with_changes(leading_lines=above), line)
    return _renumbered(parts, node, piece.line, rebinds=rebinds)


def _loops(piece: Piece, names: NamesOf) -> _Parts | None:
    """A loop over columns that does the same to several frames, once for each frame."""
    node = piece.node
    if (
        not isinstance(node, ast.For)
        or node.orelse
        or len({*piece.names.mutates, *(piece.names.binds.keys() & piece.names.needs.keys())}) < 2
        or _leaves_loop(node.body)
    ):
        return None
    syntax = piece.syntax
    if not isinstance(syntax, cst.For) or not isinstance(syntax.body, cst.IndentedBlock):
        return None
    body: list[tuple[ast.stmt, Statement]] = []
    for line in block_lines(syntax.body):
        parsed = ast.parse(source_of(line)).body[0]
        inner = replace(piece, node=parsed, syntax=line, names=names(parsed))
        parts = _loop(inner)  # for column in columns: for frame in (train, test): ...
        body += [(part, text) for part, text, _ in parts] if parts else [(parsed, line)]
    loops = one_for_each(node, syntax, body, names)
    if loops is None:
        return None
    return [(ast.parse(source_of(loop)).body[0], loop, piece.line) for loop in loops]


def _renumbered(parts: _Parts, node: ast.For, line: int, *, rebinds: bool) -> _Parts:
    """Each part with the cell's line that it stands on."""
    lines = [line + inner.lineno - node.lineno for inner in node.body]
    once = ([line] if rebinds else []) + lines
    return [
        (part, syntax, once[index % len(once)]) for index, (part, syntax, _) in enumerate(parts)
    ]


def _leaves_loop(body: list[ast.stmt]) -> bool:
    """Whether a loop's body says break or continue for that loop."""
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Break | ast.Continue):
            return True
        if not isinstance(node, ast.For | ast.While | ast.FunctionDef | ast.AsyncFor):
            pending.extend(ast.iter_child_nodes(node))
    return False


def _parallel(piece: Piece) -> _Parts | None:
    """``a, b = f(train), f(holdout)``, one assignment for each."""
    node, syntax = piece.node, piece.syntax
    pair = _tuple_assignment(node)
    if pair is None or not isinstance(syntax, cst.SimpleStatementLine):
        return None
    targets, value = pair
    assign = syntax.body[0]
    if not (
        isinstance(value, ast.Tuple | ast.List)
        and len(value.elts) == len(targets)
        and isinstance(assign, cst.Assign)
        and isinstance(assign.value, cst.Tuple | cst.List)
        and not any(isinstance(item, ast.Starred) for item in value.elts)
    ):
        return None
    for index, target in enumerate(targets):
        later = [ast.Expr(item) for item in value.elts[index + 1 :]]
        if target in names_of(later).needs:
            return None  # a, b = b, a
    values = [element.value for element in assign.value.elements]
    return [
        _assignment(target, item, syntax if index == 0 else None, piece.line)
        for index, (target, item) in enumerate(zip(targets, values, strict=True))
    ]


def _comprehension(piece: Piece) -> _Parts | None:
    """``a, b = [f(x) for x in (train, holdout)]``, or ``map(f, (train, holdout))``."""
    node, syntax = piece.node, piece.syntax
    pair = _tuple_assignment(node)
    if pair is None or not isinstance(syntax, cst.SimpleStatementLine):
        return None
    targets, _ = pair
    assign = syntax.body[0]
    if not isinstance(assign, cst.Assign):
        return None
    values = _each_of(assign.value)
    if values is None or len(values) != len(targets):
        return None
    return [
        _assignment(target, item, syntax if index == 0 else None, piece.line)
        for index, (target, item) in enumerate(zip(targets, values, strict=True))
    ]


def _each_of(value: cst.BaseExpression) -> list[cst.BaseExpression] | None:
    if isinstance(value, cst.ListComp | cst.GeneratorExp):
        loop = value.for_in
        elements = _plain_names(loop.iter)
        if elements is None or not isinstance(loop.target, cst.Name) or loop.ifs:
            return None
        if loop.inner_for_in is not None:
            return None
        return [_with_name(value.elt, loop.target.value, element) for element in elements]
    if (
        isinstance(value, cst.Call)
        and isinstance(value.func, cst.Name)
        and value.func.value == "map"
        and len(value.args) == 2
        and isinstance(value.args[0].value, cst.Name)
    ):
        elements = _plain_names(value.args[1].value)
        function = value.args[0].value.value
        if elements is not None:
            return [cst.parse_expression(f"{function}({name})") for name in elements]
    return None


def _plain_names(node: cst.BaseExpression) -> list[str] | None:
    if isinstance(node, cst.Tuple | cst.List) and all(
        isinstance(item.value, cst.Name) for item in node.elements
    ):
        return [item.value.value for item in node.elements if isinstance(item.value, cst.Name)]
    return None


def _with_name(node: cst.BaseExpression, old: str, new: str) -> cst.BaseExpression:
    line = cst.SimpleStatementLine(body=[cst.Expr(node)])
    changed = rewrite(line, Rewrite(names={old: new}))
    assert isinstance(changed, cst.SimpleStatementLine)
    expression = changed.body[0]
    assert isinstance(expression, cst.Expr)
    return expression.value


def _tuple_assignment(node: ast.stmt) -> tuple[list[str], ast.expr] | None:
    if not (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(node.targets[0], ast.Tuple | ast.List)
    ):
        return None
    elements = node.targets[0].elts
    names = [item.id for item in elements if isinstance(item, ast.Name)]
    return (names, node.value) if len(names) == len(elements) else None


def _assignment(
    target: str, value: cst.BaseExpression, comments: cst.SimpleStatementLine | None, line: int
) -> tuple[ast.stmt, Statement, int]:
    syntax = cst.SimpleStatementLine(
        body=[cst.Assign([cst.AssignTarget(cst.Name(target))], value.deep_clone())],
        leading_lines=comments.leading_lines if comments else (),
    )
    return ast.parse(source_of(syntax)).body[0], syntax, line
