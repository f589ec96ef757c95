"""Functions that assign global names: where one is called as a statement, its body stands instead.

``def learn(rows): global largest; largest = rows["x"].max()`` and ``learn(train)`` say
``largest = train["x"].max()``. A module has no globals that change; a call whose result is used
cannot be put so, and is refused.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.expansion import expand
from nbprod.extraction.pieces import block_lines, part_source, source_of, statement
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
        if not _is_plain(writer.node):
            continue
        (name,) = writer.names.binds
        users = [p for p in selection.pieces if p is not writer and name in p.names.needs]
        calls = [call for piece in users if (call := _call_of(piece, name)) is not None]
        if len(calls) != len(users):
            continue
        for piece, call in zip(users, calls, strict=True):
            _inline(selection, writer, piece, call)
        selection.pieces.remove(writer)


def _is_plain(node: ast.stmt) -> bool:
    """Whether a function's statements mean the same outside of it."""
    if not isinstance(node, ast.FunctionDef) or node.decorator_list:
        return False
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.posonlyargs:
        return False
    if any(not isinstance(item, ast.Constant) for item in arguments.defaults):
        return False
    leaves = (ast.Return, ast.Yield, ast.YieldFrom, ast.Nonlocal)
    inner = [item for item in ast.walk(node) if isinstance(item, leaves)]
    last = node.body[-1]
    inner = [item for item in inner if item is not last or getattr(item, "value", None)]
    declares = [item for item in ast.walk(node) if isinstance(item, ast.Global)]
    return not inner and all(item in node.body for item in declares)


def _call_of(piece: Piece, name: str) -> dict[str, ast.expr] | None:
    """What a statement ``name(...)`` gives, by position as "0", "1" or by name; None for others."""
    call = piece.node.value if isinstance(piece.node, ast.Expr) else None
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
    made: list[tuple[Statement, int]] = [(item, call.line) for item in first]
    lines = [item for item in block_lines(syntax.body) if not _only_declares(item)]
    places = [
        writer.line + item.lineno - node.lineno
        for item in node.body
        if not isinstance(item, ast.Global)
    ]
    made += [
        (rewrite(line, Rewrite(names=names)).deep_clone(), place)
        for line, place in zip(lines, places, strict=True)
    ]
    found: list[Piece] = []
    for text, line in made:
        parsed = ast.parse(source_of(text)).body[0]
        piece = replace(
            call,
            cell_id=writer.cell_id if line != call.line else call.cell_id,
            line=line,
            node=parsed,
            syntax=text,
            names=selection.names(parsed),
            code=source_of(text),
        )
        if not left_behind(selection, piece):
            found += expand(piece, selection.names, selection.makers)
    for index, piece in enumerate(found):
        object.__setattr__(piece, "order", call.order + index)
    place = selection.pieces.index(call)
    selection.pieces[place : place + 1] = found
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
    own = {*parameters, *inner.binds} - writer.names.global_writes.keys()
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
            value, text = defaults[name], ast.unparse(defaults[name])
        if isinstance(value, ast.Name | ast.Constant) and name not in inner.binds:
            names[name] = text
        elif value is not None:
            first.append(statement(f"{names.get(name, name)} = {text}")[1])
    return names, first


def _only_declares(item: Statement) -> bool:
    return isinstance(item, cst.SimpleStatementLine) and isinstance(
        item.body[0], cst.Global | cst.Return
    )
