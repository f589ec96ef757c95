"""Whose a name is, by Python's own scoping rules: a function's, a target's, the world's around."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.notebook.syntax import children

if TYPE_CHECKING:
    from collections.abc import Iterable

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


def arguments_of(arguments: ast.arguments) -> list[ast.arg]:
    """Every argument that a function is declared with."""
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*plain, *(extra for extra in (arguments.vararg, arguments.kwarg) if extra)]


def evaluated_outside(arguments: ast.arguments) -> list[ast.expr]:
    """Defaults and annotations: evaluated where the function is defined."""
    defaults = [*arguments.defaults, *(item for item in arguments.kw_defaults if item is not None)]
    notes = [item.annotation for item in arguments_of(arguments) if item.annotation is not None]
    return [*defaults, *notes]


def bound_in(target: ast.expr) -> list[str]:
    """The names that an assignment to this place binds."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        return [name for item in target.elts for name in bound_in(item)]
    return bound_in(target.value) if isinstance(target, ast.Starred) else []


def declared_global(body: Iterable[ast.stmt]) -> set[str]:
    """Names that a function's own body declares ``global``, not those of functions within."""
    found: set[str] = set()
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Global):
            found.update(node.names)
        if not isinstance(node, _SCOPES):
            pending += children(node)
    return found
