"""Statements that learn and transform at once, taken apart: the module does these in two places.

``scaled = scaler.fit_transform(rows)``, ``frame["x"] = LabelEncoder().fit_transform(frame["x"])``,
and the loop over columns that makes an encoder for each and keeps none of them.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.pieces import block_lines, part_source, source_of, statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbprod.extraction.pieces import Piece, Statement
    from nbprod.notebook.names import Names

    NamesOf = Callable[[ast.stmt], Names]
    Line = tuple[ast.stmt, Statement]

FAMILIES = (
    "Encoder",
    "Scaler",
    "Imputer",
    "Vectorizer",
    "Binarizer",
    "Transformer",
    "Discretizer",
)


def taken_apart(piece: Piece, names: NamesOf, makers: Mapping[str, str]) -> list[Piece] | None:
    """What a features or fit statement learns, and what it computes with that; None for others.

    makers: name -> the call that made the object it holds, as it is written.
    """
    if piece.role not in ("fit", "features"):
        return None
    if isinstance(piece.node, ast.For):
        return _loop(piece, names, makers)
    for apart in (_fit_transform, _applied_to_columns):
        parts = apart(piece, makers)
        if parts is not None:
            return [_piece(piece, line, names, role) for line, role in parts]
    return None


def learns_alone(node: ast.stmt) -> bool:
    """Whether a statement does nothing but learn: ``encoder.fit(x)``, ``pca = PCA().fit(x)``."""
    if not isinstance(node, ast.Expr | ast.Assign):
        return False
    call = node.value
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("fit", "partial_fit")
        and root_name(call.func) is not None
        and bool(call.args or call.keywords)
    )


def made_by(node: ast.stmt) -> tuple[str, str] | None:
    """(name, call) of ``encoder = LabelEncoder()``: what makes a new object of a class."""
    if not (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(target := node.targets[0], ast.Name)
        and isinstance(call := node.value, ast.Call)
        and _class_of(call)
    ):
        return None
    return target.id, ast.unparse(call)


def _class_of(call: ast.expr) -> str:
    """The class that a call makes an object of, as its name tells: "LabelEncoder"; or ""."""
    while (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("set_output", "set_params")
    ):
        call = call.func.value
    if not isinstance(call, ast.Call):
        return ""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name if name[:1].isupper() and name != name.upper() else ""


def _piece(origin: Piece, line: Line, names: NamesOf, role: str) -> Piece:
    node, syntax = line
    made = replace(origin, node=node, syntax=syntax, names=names(node), code=source_of(syntax))
    return made.as_role(role)


# ---------------------------------------------------------------- one call


def _fit_transform(piece: Piece, _: Mapping[str, str]) -> list[tuple[Line, str]] | None:
    """``a = scaler.fit_transform(X)``, also within another call: learn, then transform."""
    call = learning_call(piece.node)
    if call is None:
        return None
    known = set(piece.names.needs)
    parts = (call.holder, *call.given, call.rows)
    read = {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}
    if not read <= known:
        return None  # within a comprehension
    return _learn_and_apply(piece, call, known)


@dataclass(frozen=True)
class _Learning:
    """A call that learns and transforms at once."""

    holder: ast.expr  # what learns: a name, or the call that makes it
    given: list[ast.expr]  # what it learns from
    rows: ast.expr  # what it transforms


def _learn_and_apply(piece: Piece, call: _Learning, known: set[str]) -> list[tuple[Line, str]]:
    encoder = part_source(piece, call.holder)
    first: list[tuple[Line, str]] = []
    if not isinstance(call.holder, ast.Name):  # LabelEncoder().fit_transform(x)
        name = _called(call, known | set(piece.names.binds))
        first = [(statement(f"{name} = {encoder}"), "fit")]
        encoder = name
    rows = part_source(piece, call.rows)
    given = ", ".join(part_source(piece, item) for item in call.given)
    first.append((statement(f"{encoder}.fit({given})"), "fit"))
    node, syntax = first[0][0]
    above = syntax.with_changes(leading_lines=piece.syntax.leading_lines)
    first[0] = ((node, above), first[0][1])
    applied = cst.parse_expression(f"{encoder}.transform({rows})")
    changed = piece.syntax.with_changes(leading_lines=()).visit(_Applied(applied))
    assert isinstance(changed, cst.SimpleStatementLine)
    line = (ast.parse(source_of(changed)).body[0], changed)
    return [*first, (line, "features")]


def learning_call(node: ast.stmt) -> _Learning | None:
    """The one ``encoder.fit_transform(x)``, ``Encoder().fit(x).transform(y)`` of a statement."""
    calls = [
        item
        for item in (ast.walk(node) if isinstance(node, ast.Assign) else ())
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)
    ]
    found: list[_Learning] = []
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        holder = call.func.value
        if call.func.attr == "fit_transform" and len(call.args) in (1, 2) and not call.keywords:
            found.append(_Learning(holder, call.args, call.args[0]))
        elif (
            call.func.attr == "transform"
            and len(call.args) == 1
            and isinstance(holder, ast.Call)
            and isinstance(holder.func, ast.Attribute)
            and holder.func.attr == "fit"
            and not holder.keywords
        ):
            found.append(_Learning(holder.func.value, holder.args, call.args[0]))
    if len(found) != 1 or not found[0].given:
        return None
    holder = found[0].holder
    return found[0] if isinstance(holder, ast.Name) or _class_of(holder) else None


def _called(call: _Learning, taken: set[str]) -> str:
    """A name for what has none: ``label_encoder_sex`` for an encoder of the column "sex"."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", _class_of(call.holder))
    name = "_".join(words).lower() or "learned"
    column = column_of(call.given[0])
    named = f"{name}_{column}" if column else name
    number = 1
    while named in taken:
        number += 1
        named = f"{name}_{number}"
    return named


def column_of(node: ast.expr) -> str:
    """The one column that an expression takes, as part of a name: "sex" of ``df[["sex"]]``."""
    columns = {
        part.value
        for item in ast.walk(node)
        if isinstance(item, ast.Subscript)
        for part in ast.walk(item.slice)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    if not columns and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        columns = {node.attr}  # df.sex
    word = re.sub(r"\W+", "_", columns.pop()).strip("_").lower() if len(columns) == 1 else ""
    return word if f"a_{word}".isidentifier() else ""


class _Applied(cst.CSTTransformer):
    """The call that learns and transforms, replaced."""

    def __init__(self, applied: cst.BaseExpression) -> None:
        super().__init__()
        self.applied = applied

    def leave_Call(  # noqa: N802 - libcst's name
        self, original_node: cst.Call, updated_node: cst.Call
    ) -> cst.BaseExpression:
        function = original_node.func
        if not isinstance(function, cst.Attribute):
            return updated_node
        inner = function.value.func if isinstance(function.value, cst.Call) else None
        fitted = isinstance(inner, cst.Attribute) and inner.attr.value == "fit"
        learns = function.attr.value == "fit_transform"
        learns = learns or (function.attr.value == "transform" and fitted)
        return self.applied if learns else updated_node


# ---------------------------------------------------------------- apply(encoder.fit_transform)


def _applied_to_columns(piece: Piece, makers: Mapping[str, str]) -> list[tuple[Line, str]] | None:
    """``df[cols] = df[cols].apply(LabelEncoder().fit_transform)``: an encoder for each column."""
    node = piece.node
    if not (
        isinstance(node, ast.Assign)
        and isinstance(call := node.value, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "apply"
        and len(call.args) == 1
        and not call.keywords
        and isinstance(given := call.args[0], ast.Attribute)
        and given.attr == "fit_transform"
    ):
        return None
    maker = part_source(piece, given.value)
    if isinstance(given.value, ast.Name):
        maker = makers.get(given.value.id, "")
    if not maker:
        return None
    taken = {*piece.names.binds, *piece.names.needs}
    store = _store(maker, "encoder", taken)
    rows = part_source(piece, call.func.value)
    learn = f"{store} = {{name: {maker}.fit(column) for name, column in {rows}.items()}}"
    target = ", ".join(part_source(piece, item) for item in node.targets)
    apply = f"{target} = {rows}.apply(lambda column: {store}[column.name].transform(column))"
    first, syntax = statement(learn)
    syntax = syntax.with_changes(leading_lines=piece.syntax.leading_lines)
    return [((first, syntax), "fit"), (statement(apply), "features")]


# ---------------------------------------------------------------- a loop over columns


@dataclass
class _Body:
    """A loop's statements: before it learns, what it learns with, and after."""

    before: list[Line]
    maker: str  # the call that makes the learner, "" where it is not seen
    learn: list[Line]
    after: list[Line]
    learner: str


def _loop(piece: Piece, names: NamesOf, makers: Mapping[str, str]) -> list[Piece] | None:
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
    store = kept or _store(body.maker, body.learner, {*piece.names.binds, *piece.names.needs})
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
    return [_piece(piece, (n, s), names, role) for n, s, role in made]


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
        spread += [line for line, _ in _learn_and_apply(piece, call, set(piece.names.needs))]
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
        if not isinstance(node.targets[0], ast.Name) or not _class_of(value.func.value):
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
    from nbprod.extraction.pieces import Piece

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


def _store(maker: str, learner: str, taken: set[str]) -> str:
    """A name for the objects by column: ``encoders``, ``scalers``, ``le_by_column``."""
    family = next((word for word in FAMILIES if word in maker.partition("(")[0]), "")
    name = f"{family.lower()}s" if family else f"{learner}_by_column"
    return name if name not in taken else f"{learner}_by_column"
