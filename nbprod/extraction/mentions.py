"""The names in a statement's libcst tree: all of them, and those that its inner scopes bind."""

from __future__ import annotations

import ast
from dataclasses import fields
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Statement

_SCOPES = frozenset({cst.FunctionDef, cst.ClassDef, cst.Lambda, cst.CompFor})
SEQUENCES = frozenset({list, tuple})
NO_NODES = frozenset({str, int, bool, type(None), cst.MaybeSentinel})  # what else fields hold
# Parts of nodes that hold no code.
_LAYOUT: tuple[str, ...] = (
    "whitespace",
    "lpar",
    "rpar",
    "leading_lines",
    "lines_after",
    "comma",
    "semicolon",
)
_LAYOUT += ("trailing", "equal", "header", "footer", "lbracket", "rbracket", "operator", "indent")
_PARTS: dict[type[cst.CSTNode], tuple[str, ...]] = {}


def parts_of(node: cst.CSTNode) -> tuple[str, ...]:
    """The fields of a node that may hold code, in the order of the source."""
    kind = type(node)
    if kind not in _PARTS:
        _PARTS[kind] = tuple(
            item.name for item in fields(node) if not item.name.startswith(_LAYOUT)
        )
    return _PARTS[kind]


@lru_cache(maxsize=4096)
def names_mentioned(syntax: Statement) -> tuple[set[str], bool]:
    """Every identifier in a statement, and whether it opens a scope of its own."""
    names: set[str] = set()
    scoped = False
    pending: list[cst.CSTNode] = [syntax]
    while pending:
        node = pending.pop()
        kind = type(node)  # isinstance is slow here: libcst's nodes are abstract base classes
        if kind is cst.Name:
            names.add(node.value)  # type: ignore[attr-defined]
            continue
        scoped = scoped or kind in _SCOPES
        for part in parts_of(node):
            value = getattr(node, part)
            if type(value) in SEQUENCES:
                pending.extend(value)
            elif type(value) not in NO_NODES:
                pending.append(value)
    return names, scoped


def bound_inside(syntax: Statement) -> set[str]:
    """Names that an inner scope of a statement may bind or declare; more than that, never less."""
    tree = ast.parse(cst.Module(body=[syntax.with_changes(leading_lines=())]).code)
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.Global | ast.Nonlocal):
            found.update(node.names)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
        elif isinstance(getattr(node, "name", None), str):  # functions, classes, except, match
            found.add(node.name)  # type: ignore[attr-defined]
        elif isinstance(node, ast.MatchMapping) and node.rest:
            found.add(node.rest)
    return found
