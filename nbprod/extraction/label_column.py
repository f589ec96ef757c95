"""The label column as a notebook's statements name it: in words, by a constant, in a list."""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprod.extraction.program import Program


@dataclass(frozen=True)
class LabelColumn:
    """The label's name, and the constants and parameters that hold it or a list of it alone."""

    name: str
    held_by: frozenset[str]
    listed_by: frozenset[str]

    @classmethod
    def of(cls, program: Program, name: str) -> LabelColumn:
        """The label column of a program."""
        return cls(name, _holders(program, name), _holders(program, name, listed=True))

    def frame_of(self, node: ast.AST) -> str | None:
        """The frame's name in ``frame["late"]``, ``frame.late``, ``frame.pop("late")``."""
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            return node.value.id if self.is_named(node.slice) else None
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return node.value.id if node.attr == self.name else None
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "pop"
            and isinstance(node.func.value, ast.Name)
            and len(node.args) == 1
        ):
            return node.func.value.id if self.is_named(node.args[0]) else None
        return None

    def is_named(self, node: ast.expr) -> bool:
        """Whether an expression names the label column, or is a list of it alone."""
        if isinstance(node, ast.Constant):
            return bool(node.value == self.name)
        if isinstance(node, ast.List) and len(node.elts) == 1:  # frame[["late"]]
            return self.is_named(node.elts[0])
        return isinstance(node, ast.Name) and node.id in self.held_by | self.listed_by


def _holders(program: Program, label: str, *, listed: bool = False) -> frozenset[str]:
    """Constants and parameters that hold the label column's name, and nothing else.

    listed: those that hold a list of it alone.
    """
    holders = [*program.definitions.pieces.values(), *program.parameters.values(), *program.steps]
    meant: dict[str, bool] = {}
    for piece in holders:
        value = getattr(piece.node, "value", None)
        if listed:
            items = value.elts if isinstance(value, ast.List) else []
            value = items[0] if len(items) == 1 else None
        holds = isinstance(value, ast.Constant) and value.value == label and bool(label)
        for name in piece.names.binds:
            meant[name] = holds and meant.get(name, True)
    return frozenset(name for name, holds in meant.items() if holds)
