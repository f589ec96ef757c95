"""One call that learns and transforms at once, as a statement that learns and one that applies it.

``scaled = scaler.fit_transform(rows)``, ``frame["x"] = LabelEncoder().fit_transform(frame["x"])``,
``frame[columns] = frame[columns].apply(LabelEncoder().fit_transform)``.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.learners import FAMILIES, class_of, column_of, learning_call
from nbprod.extraction.pieces import part_source, source_of, statement

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.extraction.learners import Learning
    from nbprod.extraction.pieces import Line, Piece


def fit_transform_in_two(piece: Piece, _: Mapping[str, str]) -> list[tuple[Line, str]] | None:
    """``a = scaler.fit_transform(X)``, also within another call: learn, then transform."""
    call = learning_call(piece.node)
    if call is None:
        return None
    known = set(piece.names.needs)
    parts = (call.holder, *call.given, call.rows)
    read = {n.id for part in parts for n in ast.walk(part) if isinstance(n, ast.Name)}
    if not read <= known:
        return None  # within a comprehension
    return learn_and_apply(piece, call, known)


def applied_in_two(piece: Piece, makers: Mapping[str, str]) -> list[tuple[Line, str]] | None:
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
    store = store_name(maker, "encoder", taken)
    rows = part_source(piece, call.func.value)
    learn = f"{store} = {{name: {maker}.fit(column) for name, column in {rows}.items()}}"
    target = ", ".join(part_source(piece, item) for item in node.targets)
    apply = f"{target} = {rows}.apply(lambda column: {store}[column.name].transform(column))"
    first, syntax = statement(learn)
    syntax = syntax.with_changes(leading_lines=piece.syntax.leading_lines)
    return [((first, syntax), "fit"), (statement(apply), "features")]


def learn_and_apply(piece: Piece, call: Learning, known: set[str]) -> list[tuple[Line, str]]:
    """(statement, role) of what a call learns, and of the statement with that applied.

    known: the names that are there already.
    """
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


def _called(call: Learning, taken: set[str]) -> str:
    """A name for what has none: ``label_encoder_sex`` for an encoder of the column "sex"."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z0-9]*", class_of(call.holder))
    name = "_".join(words).lower() or "learned"
    column = column_of(call.given[0])
    named = f"{name}_{column}" if column else name
    number = 1
    while named in taken:
        number += 1
        named = f"{name}_{number}"
    return named


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


def store_name(maker: str, learner: str, taken: set[str]) -> str:
    """A name for the objects by column: ``encoders``, ``scalers``, ``le_by_column``."""
    family = next((word for word in FAMILIES if word in maker.partition("(")[0]), "")
    name = f"{family.lower()}s" if family else f"{learner}_by_column"
    return name if name not in taken else f"{learner}_by_column"
