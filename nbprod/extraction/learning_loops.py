"""A loop that learns for each column and transforms it, as a loop that learns and one that applies.

Such a loop makes an encoder for each column and often keeps none of them.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.learners import class_of, learning_call, learns_alone, made_by
from nbprod.extraction.learning_calls import learn_and_apply, store_name
from nbprod.extraction.pieces import Piece, block_lines, source_of, statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.extraction.pieces import Line, NamesOf, Statement


@dataclass
class _Body:
    """A loop's statements: before it learns, what it learns with, and after."""

    before: list[Line]
    maker: str  # the call that makes the learner, "" where it is not seen
    learn: list[Line]
    after: list[Line]
    learner: str


def loop_in_two(piece: Piece, names: NamesOf, makers: Mapping[str, str]) -> list[Piece] | None:
    """``for c in columns: encoder = ...; frame[c] = encoder.fit_transform(frame[c])`` as two loops.

    The first learns and keeps an encoder for each column, the second transforms. This is the same
    as long as each turn looks at its own column alone.
    """
    node, syntax = piece.node, piece.syntax
    if not (
        isinstance(node, ast.For)
        and isinstance(syntax, cst.For)
        and isinstance(node.target, ast.Name)
        and not node.orelse
        and isinstance(syntax.body, cst.IndentedBlock)
        and ".fit" in piece.code
    ):
        return None
    guard: cst.If | None = None
    lines = _lines(syntax.body)
    if len(lines) == 1 and isinstance(only := lines[0][1], cst.If) and only.orelse is None:
        guard = only
        lines = _lines(only.body) if isinstance(only.body, cst.IndentedBlock) else []
    body = _body(lines, names, makers)
    variable = node.target.id
    if body is None or (guard and body.before):
        return None
    changed = {*piece.names.mutates, *piece.names.binds} - {variable, body.learner}
    if not all(_of_column(line, variable, changed, body.learner) for line, _ in body.learn):
        return None
    kept = _kept_in(body, variable)
    store = kept or store_name(body.maker, body.learner, {*piece.names.binds, *piece.names.needs})
    if kept and not body.after and not body.before:
        return [piece.as_role("fit")]  # it only learns, and keeps what it learned itself
    # without a maker it is one object, fitted anew for each column
    keep = body.learner if body.maker else f"deepcopy({body.learner})"
    fits = [line for _, line in body.learn] + [statement(f"{store}[{variable}] = {keep}")[1]]
    if body.maker:
        fits.insert(0, statement(f"{body.learner} = {body.maker}")[1])
    first_node, first = statement(f"{store} = {{}}")
    first = first.with_changes(leading_lines=syntax.leading_lines)
    fit_node, fit = _around(syntax, guard, fits)
    made = [(first_node, first, "fit"), (fit_node, fit, "fit")]
    if kept:
        made = [(fit_node, fit.with_changes(leading_lines=syntax.leading_lines), "fit")]
    told = {n.id for n in ast.walk(node.iter) if isinstance(n, ast.Name)}
    if body.after and (guard is not None or told & changed):
        # which columns these are is known by then: a frame of a request may tell something else
        over = cst.parse_statement(
            f"for {variable}, {body.learner} in {store}.items():\n    pass\n"
        )
        assert isinstance(over, cst.For)
        over = over.with_changes(body=syntax.body)
        made.append((*_around(over, None, [line for _, line in body.after]), "features"))
    elif body.after:
        how = Rewrite(names={body.learner: f"{store}[{variable}]"})
        applies = [rewrite(line, how) for _, line in body.after]
        made.append((*_around(syntax, None, applies), "features"))
    if body.before:
        made.insert(0, (*_around(syntax, None, [s for _, s in body.before]), "features"))
    return [piece.with_statement(n, s, names).as_role(role) for n, s, role in made]


def _lines(block: cst.IndentedBlock) -> list[Line]:
    return [(ast.parse(source_of(line)).body[0], line) for line in block_lines(block)]


def _body(lines: list[Line], names: NamesOf, makers: Mapping[str, str]) -> _Body | None:
    """A loop's body taken apart; None where it does not learn, or not in one place."""
    spread: list[Line] = []
    for node, syntax in lines:
        call = learning_call(node)
        if call is None:
            spread.append((node, syntax))
            continue
        piece = _bare(node, syntax, names)
        spread += [line for line, _ in learn_and_apply(piece, call, set(piece.names.needs))]
    learn = [index for index, (node, _) in enumerate(spread) if learns_alone(node)]
    if len(learn) != 1:
        return None
    place = learn[0]
    node = spread[place][0]
    value = node.value  # type: ignore[attr-defined]
    learner = root_name(value.func) or ""
    maker = makers.get(learner, "")
    learning = [spread[place]]
    if isinstance(node, ast.Assign):  # encoder = LabelEncoder().fit(x)
        if not isinstance(node.targets[0], ast.Name) or not class_of(value.func.value):
            return None
        learner, maker = node.targets[0].id, ast.unparse(value.func.value)
        given = ast.unparse(value).removeprefix(maker)
        learning = [statement(f"{learner}{given}")]
    before: list[Line] = []
    for line, syntax in spread[:place]:
        made = made_by(line)
        if made is not None and made[0] == learner:
            maker = made[1]
        elif learner in {item.id for item in ast.walk(line) if isinstance(item, ast.Name)}:
            return None
        else:
            before.append((line, syntax))
    return _Body(before, maker, learning, spread[place + 1 :], learner)


def _kept_in(body: _Body, variable: str) -> str:
    """The name of what keeps each learner, ``encoders[c] = encoder``; that line is taken out."""
    for line in body.after:
        node = line[0]
        if (
            isinstance(node, ast.Assign)
            and isinstance(target := node.targets[0], ast.Subscript)
            and isinstance(target.value, ast.Name)
            and ast.unparse(target.slice) == variable
            and ast.unparse(node.value) == body.learner
        ):
            body.after.remove(line)
            return target.value.id
    return ""


def _bare(node: ast.stmt, syntax: Statement, names: NamesOf) -> Piece:
    """A line of a loop as a piece of its own, for what asks for one."""
    code = source_of(syntax)
    return Piece("", "", 0, node.lineno, node, names(node), code, syntax)


def _of_column(node: ast.stmt, variable: str, changed: set[str], learner: str) -> bool:
    """Whether a statement reads, of what the loop changes, the loop's own column alone."""
    allowed: set[int] = set()
    for item in ast.walk(node):
        if isinstance(item, ast.Subscript) and isinstance(item.value, ast.Name):
            chosen = {part.id for part in ast.walk(item.slice) if isinstance(part, ast.Name)}
            if chosen == {variable}:
                allowed.add(id(item.value))
    return not any(
        isinstance(item, ast.Name)
        and item.id in changed
        and item.id != learner
        and id(item) not in allowed
        for item in ast.walk(node)
    )


def _around(loop: cst.For, guard: cst.If | None, lines: list[Statement]) -> Line:
    """The loop, and the condition within it, with another body."""
    body: list[Statement] = [line.deep_clone() for line in lines]
    if guard is not None:
        guarded = guard.body.with_changes(body=body)
        body = [guard.with_changes(body=guarded)]
    changed = loop.with_changes(body=loop.body.with_changes(body=body), leading_lines=())
    return ast.parse(source_of(changed)).body[0], changed
