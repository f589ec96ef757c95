"""The parameters cell as a frozen dataclass: the notebook's values, with the types they have."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.kinds import kind_of
from nbprod.extraction.layout import comments
from nbprod.extraction.pieces import only, statement
from nbprod.extraction.rules import refusal
from nbprod.notebook.graph import GIVEN_NAMES
from nbprod.notebook.names import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.pieces import Piece, Statement


@lru_cache(maxsize=64)
def parameters_class(
    pieces: tuple[Piece, ...],
) -> tuple[Statement, tuple[tuple[Statement, Piece], ...]]:
    """``class Parameters`` and its fields, each with the statement that it comes from.

    ExtractionError for a container made of other names.
    """
    fields = [_with_comments(only(cst.parse_module(_field(p))), p) for p in pieces]
    text = "@dataclass(frozen=True)\nclass Parameters:\n"
    text += '    """What a run can be told; the defaults are the notebook\'s."""\n\n    pass\n'
    skeleton = statement(text)[1]
    assert isinstance(skeleton, cst.ClassDef)
    assert isinstance(skeleton.body, cst.IndentedBlock)
    if fields:
        blank = cst.EmptyLine(indent=False)
        lines = [blank, *comments(fields[0].leading_lines)]
        fields[0] = fields[0].with_changes(leading_lines=lines)
    body = skeleton.body.with_changes(body=[skeleton.body.body[0], *fields])
    return skeleton.with_changes(body=body), tuple(zip(fields, pieces, strict=True))


def _field(piece: Piece) -> str:
    """A parameter as a field of a dataclass, on lines of its own."""
    node = piece.node
    (name,) = piece.names.binds
    value = getattr(node, "value", None)
    assert isinstance(value, ast.expr)
    assert isinstance(piece.syntax, cst.SimpleStatementLine)
    assign = piece.syntax.body[0]
    assert isinstance(assign, cst.Assign | cst.AnnAssign)
    assert assign.value is not None
    text = cst.Module(body=[]).code_for_node(assign.value)
    kind = type_of(piece)
    if _is_mutable(value):
        if names_of([ast.Expr(value)]).needs.keys() - GIVEN_NAMES:
            raise refusal(
                "NBX023",
                f"the parameter {name} is a container made of other names",
                hint="write its values out: papermill overrides parameters one by one",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        text = f"field(default_factory=lambda: {text})"
    return f"{name}: {kind} = {text}\n"


def _is_mutable(value: ast.expr) -> bool:
    return isinstance(
        value, ast.List | ast.Dict | ast.Set | ast.ListComp | ast.DictComp | ast.SetComp
    ) or (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id in ("list", "dict", "set")
    )


def type_of(piece: Piece) -> str:
    """A parameter's type: as it is annotated, or as its value has it."""
    node = piece.node
    if isinstance(node, ast.AnnAssign):
        return ast.unparse(node.annotation)
    value = getattr(node, "value", None)
    assert isinstance(value, ast.expr)
    try:
        literal = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError):
        return kind_of(value) or "Any"
    return _type_name(literal)


def _type_name(value: object) -> str:
    if value is None:
        return "Any"
    if isinstance(value, bool | int | float | str | bytes | complex):
        return type(value).__name__
    if isinstance(value, tuple):
        return f"tuple[{', '.join(map(_type_name, value))}]" if value else "tuple[()]"
    if isinstance(value, list | set):
        return f"{type(value).__name__}[{_common(value)}]"
    if isinstance(value, dict):
        return f"dict[{_common(value)}, {_common(value.values())}]"
    return "Any"


def _common(values: Iterable[object]) -> str:
    kinds = {_type_name(value) for value in values}
    return kinds.pop() if len(kinds) == 1 else "Any"


def _with_comments(line: Statement, piece: Piece) -> Statement:
    syntax = piece.syntax
    assert isinstance(syntax, cst.SimpleStatementLine)
    return line.with_changes(
        leading_lines=comments(syntax.leading_lines),
        trailing_whitespace=syntax.trailing_whitespace,
    )
