"""Lists of frames under a name: ``combine = [train, test]``, and loops over it later on."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.pieces import source_of

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece


class FrameLists:
    """What each list of names holds, while statements are read in the notebook's order."""

    def __init__(self) -> None:
        self._held: dict[str, list[str]] = {}

    def spelled_out(self, piece: Piece) -> Piece:
        """``for frame in combine`` as ``for frame in [train, test]``; any other piece as it is."""
        node = piece.node
        if not (
            isinstance(node, ast.For)
            and isinstance(node.iter, ast.Name)
            and node.iter.id in self._held
        ):
            return piece
        syntax = piece.syntax
        assert isinstance(syntax, cst.For)
        names = ", ".join(self._held[node.iter.id])
        changed = syntax.with_changes(iter=cst.parse_expression(f"[{names}]"))
        code = source_of(changed)
        return replace(piece, node=ast.parse(code).body[0], syntax=changed, code=code)

    def note(self, piece: Piece) -> None:
        """Learn from a statement which lists there are, and which no longer hold what they say."""
        bound = piece.names.binds.keys()
        self._held = {
            name: held
            for name, held in self._held.items()
            if name not in bound and name not in piece.names.mutates and not bound & set(held)
        }
        node = piece.node
        if (
            isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(target := node.targets[0], ast.Name)
            and isinstance(node.value, ast.List | ast.Tuple)
            and len(node.value.elts) > 1
        ):
            held = [item.id for item in node.value.elts if isinstance(item, ast.Name)]
            if len(held) == len(node.value.elts):
                self._held[target.id] = held
