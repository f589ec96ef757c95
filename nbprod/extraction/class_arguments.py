"""Classes whose methods read computed names: in a module, ``__init__`` takes and keeps them."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.pieces import only
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.extraction.signatures import with_parameters
from nbprod.notebook.names import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

# Bases that want nothing done when an object is made.
_PLAIN_BASES = frozenset(
    {"object", "BaseEstimator", "TransformerMixin", "ClassifierMixin", "RegressorMixin", "Dataset"}
)
_BOUND_ELSEWHERE = frozenset({"staticmethod", "classmethod"})


def takes_arguments(node: ast.stmt, extras: Sequence[str] = ()) -> bool:
    """Whether a class can be given values when an object is made of it.

    Not where its own body, a static method or a decorator needs one, nor where an attribute has
    the name already.
    """
    if not isinstance(node, ast.ClassDef) or node.decorator_list:
        return False
    wanted = set(extras)
    if any(isinstance(item, ast.Attribute) and item.attr in wanted for item in ast.walk(node)):
        return False
    for item in node.body:
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef):
            told = names_of([item])
            if wanted & (told.needs.keys() | told.binds.keys()):
                return False
            continue
        reads = wanted & names_of([item]).deferred.keys()
        arguments = [*item.args.posonlyargs, *item.args.args]
        elsewhere = any(getattr(d, "id", "") in _BOUND_ELSEWHERE for d in item.decorator_list)
        if reads and (elsewhere or not arguments or item.name == "__new__"):
            return False
        own = {argument.arg for argument in ast.walk(item.args) if isinstance(argument, ast.arg)}
        if item.name == "__init__" and own & wanted:
            return False
    return True


def with_arguments(syntax: cst.ClassDef, node: ast.ClassDef, extras: Sequence[str]) -> cst.ClassDef:
    """The class with keyword arguments of ``__init__`` for these names, kept on ``self``."""
    assert isinstance(syntax.body, cst.IndentedBlock)
    kept = [name for name in extras if _read_later(node, name)]
    body: list[cst.BaseStatement] = []
    made = False
    for item in syntax.body.body:
        if not isinstance(item, cst.FunctionDef):
            body.append(item)
        elif item.name.value == "__init__":
            body.append(_taking(item, extras, kept))
            made = True
        else:
            body.append(_reading_self(item, extras))
    if not made:
        place = next(
            (i for i, item in enumerate(body) if isinstance(item, cst.FunctionDef)), len(body)
        )
        above = [cst.EmptyLine(indent=False)] if place else []
        body.insert(place, _new_init(node, extras).with_changes(leading_lines=above))
        if place + 1 < len(body) and isinstance(after := body[place + 1], cst.FunctionDef):
            lines = after.leading_lines
            blank = cst.EmptyLine(indent=False)
            if not lines or lines[0].comment:
                body[place + 1] = after.with_changes(leading_lines=[blank, *lines])
    return syntax.with_changes(body=syntax.body.with_changes(body=body))


def _read_later(node: ast.ClassDef, name: str) -> bool:
    """Whether a method other than ``__init__`` reads a name."""
    return any(
        name in names_of([item]).deferred
        for item in node.body
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef) and item.name != "__init__"
    )


def _own_name(function: cst.FunctionDef) -> str:
    first = [*function.params.posonly_params, *function.params.params]
    return first[0].name.value if first else "self"


def _reading_self(function: cst.FunctionDef, extras: Sequence[str]) -> cst.BaseStatement:
    own = _own_name(function)
    return rewrite(function, Rewrite(names={name: f"{own}.{name}" for name in extras}))


def _taking(
    function: cst.FunctionDef, extras: Sequence[str], kept: Sequence[str]
) -> cst.FunctionDef:
    own = _own_name(function)
    changed = with_parameters(function, list(extras))
    assert isinstance(changed.body, cst.IndentedBlock | cst.SimpleStatementSuite)
    if not isinstance(changed.body, cst.IndentedBlock) or not kept:
        return changed
    lines = [cst.parse_statement(f"{own}.{name} = {name}") for name in kept]
    inner = list(changed.body.body)
    place = 0
    while place < len(inner) and _comes_first(inner[place]):
        place += 1
    return changed.with_changes(
        body=changed.body.with_changes(body=[*inner[:place], *lines, *inner[place:]])
    )


def _comes_first(item: cst.BaseStatement) -> bool:
    """A docstring, and ``super().__init__()``."""
    if not isinstance(item, cst.SimpleStatementLine) or not isinstance(item.body[0], cst.Expr):
        return False
    text = cst.Module(body=[]).code_for_node(item.body[0].value)
    return isinstance(item.body[0].value, cst.SimpleString) or text.startswith("super(")


def _new_init(node: ast.ClassDef, extras: Sequence[str]) -> cst.FunctionDef:
    bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    given = ", ".join(extras)
    lines = [f"self.{name} = {name}" for name in extras]
    head = f"def __init__(self, *, {given}):"
    if not bases <= _PLAIN_BASES or node.keywords:
        head = f"def __init__(self, *args, {given}, **kwargs):"
        lines.insert(0, "super().__init__(*args, **kwargs)")
    text = head + "\n" + "".join(f"    {line}\n" for line in lines)
    made = only(cst.parse_module(text))
    assert isinstance(made, cst.FunctionDef)
    return made
