"""Progress bars of a notebook: a module draws none, and computes the same."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.rules import finding

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

# What `tqdm.pandas()` gives frames, and what it stands for.
_PLAIN = {
    "progress_apply": "apply",
    "progress_map": "map",
    "progress_applymap": "map",
    "progress_aggregate": "aggregate",
    "progress_transform": "transform",
}


def without_bars(selection: Selection, piece: Piece) -> Piece:
    """``rows.progress_apply(f)`` as ``rows.apply(f)``, told; any other statement as it is."""
    if "progress_" not in piece.code:
        return piece
    found = [
        node.attr for node in piece.nodes if isinstance(node, ast.Attribute) and node.attr in _PLAIN
    ]
    if not found:
        return piece
    syntax = piece.syntax.visit(_Plainly())
    assert isinstance(syntax, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    selection.findings.append(
        finding(
            "NBX011",
            f"{found[0]} is plain {_PLAIN[found[0]]}: a module draws no bar",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    )
    return piece.rewritten(syntax, selection.names)


class _Plainly(cst.CSTTransformer):
    def leave_Attribute(  # noqa: N802 - libcst's name
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.Attribute:
        plain = _PLAIN.get(original_node.attr.value)
        return updated_node if plain is None else updated_node.with_changes(attr=cst.Name(plain))
