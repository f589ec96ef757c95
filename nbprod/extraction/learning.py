"""Statements that learn and transform at once, taken apart: the module does these in two places."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.learning_calls import applied_in_two, fit_transform_in_two
from nbprod.extraction.learning_loops import loop_in_two

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.extraction.pieces import NamesOf, Piece


def taken_apart(piece: Piece, names: NamesOf, makers: Mapping[str, str]) -> list[Piece] | None:
    """What a features or fit statement learns, and what it computes with that; None for others.

    makers: name -> the call that made the object it holds, as it is written.
    """
    if piece.role not in ("fit", "features"):
        return None
    if isinstance(piece.node, ast.For):
        return loop_in_two(piece, names, makers)
    for apart in (fit_transform_in_two, applied_in_two):
        parts = apart(piece, makers)
        if parts is not None:
            return [piece.with_statement(*line, names).as_role(role) for line, role in parts]
    return None
