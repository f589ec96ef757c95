"""Functions that assign global names: where one is called as a statement, its body stands instead.

``def learn(rows): global largest; largest = rows["x"].max()`` and ``learn(train)`` say
``largest = train["x"].max()``. What the function returns at its end goes where ``best =
learn(train)`` keeps it. A module has no globals that change: a call within a larger expression
cannot be put so, and is refused.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.expansion import expand
from nbprod.extraction.pieces import block_lines, part_source, statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.extraction.rules import finding
from nbprod.extraction.selection import left_behind
from nbprod.notebook.names import names_of

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece, Statement
    from nbprod.extraction.selection import Selection


def inline_global_writers(selection: Selection) -> None:
    """Put the bodies of such functions where they are called, in place; each call is told."""
    writers = [
        piece
        for piece in selection.pieces
        if isinstance(piece.node, ast.FunctionDef) and piece.names.global_writes
    ]
    for writer in writers:
        if not _is_plain(writer):
            continue
        (name,) = writer.names.binds
        users = [p for p in selection.pieces if p is not writer and name in p.names.needs]
        calls = [call for piece in users if (call := _call_of(piece, name)) is not None]
        if len(calls) != len(users):
            continue
        for piece, call in zip(users, calls, strict=True):
            _inline(selection, writer, piece, call)
        selection.pieces.remove(writer)


def _is_plain(writer: Piece) -> bool:
    """Whether a function's statements mean the same outside of it."""
    node, syntax = writer.node, writer.syntax
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    if not isinstance(syntax, cst.FunctionDef) or not isinstance(syntax.body, cst.IndentedBlock):
        return False  # def learn(): global n; n = 1
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
        return False
    if any(not isinstance(item, ast.Constant) for item in arguments.defaults):
        return False
    leaves = (ast.Return, ast.Yield, ast.YieldFrom, ast.Nonlocal)
    inner = [item for item in ast.walk(node) if isinstance(item, leaves)]
    inner = [item for item in inner if item is not node.body[-1]]
    declares = [item for item in ast.walk(node) if isinstance(item, ast.Global)]
    return not inner and all(item in node.body for item in declares)


def _call_of(piece: Piece, name: str) -> dict[str, ast.expr] | None:
    """What a statement ``name(...)`` or ``kept = name(...)`` gives; None for any other.

    By position as "0", "1" or by name.
    """
    node = piece.node
    call = node.value if isinstance(node, ast.Expr | ast.Assign) else None
    if not (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == name
    ):
        return None
    if any(isinstance(item, ast.Starred) for item in call.args) or any(
        item.arg is None for item in call.keywords
    ):
        return None
    given = {str(index): item for index, item in enumerate(call.args)}
    return given | {str(item.arg): item.value for item in call.keywords}


def _inline(selection: Selection, writer: Piece, call: Piece, given: dict[str, ast.expr]) -> None:
    node, syntax = writer.node, writer.syntax
    assert isinstance(node, ast.FunctionDef)
    assert isinstance(syntax, cst.FunctionDef)
    assert isinstance(syntax.body, cst.IndentedBlock)
    names, first = _bound_arguments(selection, writer, call, given)
    at_call = (call.cell_id, call.line)
    made: list[tuple[Statement, tuple[str, int]]] = [(item, at_call) for item in first]
    for own, item in zip(block_lines(syntax.body), node.body, strict=True):
        if isinstance(item, ast.Global):
            continue
        text: Statement = rewrite(own, Rewrite(names=names)).deep_clone()
        if isinstance(item, ast.Return):
            text = _kept(call, text)
        made.append((text, (writer.cell_id, writer.line + item.lineno - node.lineno)))
    if isinstance(call.node, ast.Assign) and not isinstance(node.body[-1], ast.Return):
        made.append((_kept(call, None), at_call))
    if above := call.syntax.leading_lines:
        text, place = made[0]
        made[0] = (text.with_changes(leading_lines=[*above, *text.leading_lines]), place)
    found: list[Piece] = []
    for text, (cell_id, line) in made:
        piece = replace(call.rewritten(text, selection.names), cell_id=cell_id, line=line)
        if not left_behind(selection, piece):
            found += expand(piece, selection.names, selection.makers)
    for index, piece in enumerate(found):
        object.__setattr__(piece, "order", call.order + index)
    index = selection.pieces.index(call)
    selection.pieces[index : index + 1] = found
    written = ", ".join(writer.names.global_writes)
    selection.findings.append(
        finding(
            "NBX011",
            f"{node.name}() assigns {written}, which is global: its body stands where it is called",
            cell_id=call.cell_id,
            line=call.line,
        )
    )


def _bound_arguments(
    selection: Selection, writer: Piece, call: Piece, given: dict[str, ast.expr]
) -> tuple[dict[str, str], list[Statement]]:
    """What the function's own names are called outside of it, and assignments that come first."""
    node = writer.node
    assert isinstance(node, ast.FunctionDef)
    inner = names_of(node.body)
    parameters = [item.arg for item in node.args.args]
    global_writes = writer.names.global_writes.keys()  # other values by the time they are read
    own = {*parameters, *inner.binds} - global_writes
    taken = {
        name
        for piece in (*selection.pieces, *selection.untagged, *selection.parameters)
        if piece is not writer
        for name in (*piece.names.binds, *piece.names.needs)
    } | selection.imports.keys()
    names = {name: f"{node.name}_{name}" for name in sorted(own & taken)}
    defaults = dict(zip(reversed(parameters), reversed(node.args.defaults), strict=False))
    first: list[Statement] = []
    for index, name in enumerate(parameters):
        value = given.get(str(index), given.get(name))
        text = part_source(call, value) if value is not None else ""
        if value is None and name in defaults:
            value, text = defaults[name], part_source(writer, defaults[name])
        plain = isinstance(value, ast.Name | ast.Constant) and text not in global_writes
        if plain and name not in inner.binds:
            names[name] = text
        elif value is not None:
            first.append(statement(f"{names.get(name, name)} = {text}")[1])
    return names, first


def _kept(call: Piece, returned: Statement | None) -> Statement:
    """The statement that called a function, with what the function returns in the call's place."""
    line = returned.body[0] if isinstance(returned, cst.SimpleStatementLine) else None
    value = line.value if isinstance(line, cst.Return) else None
    syntax = call.syntax
    assert isinstance(syntax, cst.SimpleStatementLine)
    whole = syntax.body[0]
    assert isinstance(whole, cst.Assign | cst.Expr)
    changed = whole.with_changes(value=value or cst.Name("None"))
    above = returned.leading_lines if returned is not None else ()
    return syntax.with_changes(body=[changed], leading_lines=above).deep_clone()
