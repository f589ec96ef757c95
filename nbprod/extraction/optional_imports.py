"""``try: import lightgbm`` in a module: other files import the name, there or not."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.notebook.names import names_of

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece, Statement


def always_bound(piece: Piece, syntax: Statement) -> Statement:
    """The statement, with ``name = None`` where an except branch leaves a name unbound."""
    node = piece.node
    if not isinstance(node, ast.Try) or not isinstance(syntax, cst.Try):
        return syntax
    left = sorted(piece.names.binds.keys() - piece.names.surely)
    if not left:
        return syntax
    handlers = []
    for inner, handler in zip(node.handlers, syntax.handlers, strict=True):
        missing = [name for name in left if name not in names_of(inner.body).binds]
        body = handler.body
        raises = any(isinstance(item, ast.Raise) for item in inner.body)
        if missing and not raises and isinstance(body, cst.IndentedBlock):
            lines = [cst.parse_statement(f"{name} = None") for name in missing]
            plain = [item for item in body.body if not _is_pass(item)]
            body = body.with_changes(body=[*plain, *lines])
        handlers.append(handler.with_changes(body=body))
    return syntax.with_changes(handlers=handlers)


def _is_pass(item: cst.BaseStatement | cst.BaseSmallStatement) -> bool:
    return (
        isinstance(item, cst.SimpleStatementLine)
        and len(item.body) == 1
        and isinstance(item.body[0], cst.Pass)
    )
