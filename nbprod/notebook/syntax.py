"""Walks through Python's syntax trees: as the standard library's, without the marks.

``Load``, ``Store`` and operators are nodes too; leaving them out makes a walk twice as fast, and
every cell of a notebook is walked through many times.
"""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

_Node = TypeVar("_Node", bound=ast.AST)
_Told = TypeVar("_Told")
_MOST_REMEMBERED = 8192

# Fields that hold no code: marks, and names and numbers as plain text.
_MARKS = frozenset({"ctx", "op", "ops", "kind", "type_comment", "type_ignores", "id", "attr"})
_MARKS |= {"arg", "asname", "module", "level", "lineno", "is_async", "simple", "conversion"}
_PARTS: dict[type[ast.AST], tuple[str, ...]] = {}


def once_per_node(read: Callable[[_Node], _Told]) -> Callable[[_Node], _Told]:
    """Remember what a function tells of a node, which nobody may change from then on.

    Most statements of an edited notebook were there before, and are the very same nodes.
    """
    return lru_cache(maxsize=_MOST_REMEMBERED)(read)


def children(node: ast.AST) -> list[ast.AST]:
    """The nodes right below a node, in the order of its fields; no operators, no contexts."""
    kind = type(node)
    parts = _PARTS.get(kind)
    if parts is None:
        parts = _PARTS[kind] = tuple(name for name in kind._fields if name not in _MARKS)
    found: list[ast.AST] = []
    for part in parts:
        value = getattr(node, part, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif type(value) is list:
            for item in value:
                if isinstance(item, ast.AST):  # a dict's keys may be None
                    found.append(item)  # noqa: PERF401 - twice as fast as a generator here
    return found


def nodes_of(tree: ast.AST) -> list[ast.AST]:
    """A node and all below it, nearer ones first; no operators, no contexts."""
    found = [tree]
    for node in found:
        found += children(node)
    return found
