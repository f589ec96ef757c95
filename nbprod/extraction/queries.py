"""Names in the text of pandas queries: ``"day < @cut"`` becomes ``"day < @parameters.cut"``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import libcst as cst

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.extraction.pieces import Statement

_NAME = re.compile(r"@([A-Za-z_]\w*)")


def rewrite_queries(syntax: Statement, names: Mapping[str, str]) -> Statement:
    """The statement with names in the texts of its queries replaced; the same one if none is.

    names: name -> the dotted name that stands for it.
    """
    visitor = _Queries(names)
    changed = syntax.visit(visitor)
    if not visitor.found:
        return syntax
    assert isinstance(changed, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    return changed


class _Queries(cst.CSTTransformer):
    def __init__(self, names: Mapping[str, str]) -> None:
        super().__init__()
        self.names = names
        self.found = False

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:  # noqa: N802 - libcst's name
        function = original_node.func
        if (
            not isinstance(function, cst.Attribute)
            or function.attr.value not in ("query", "eval")
            or not updated_node.args
            or not isinstance(text := updated_node.args[0].value, cst.SimpleString)
        ):
            return updated_node
        value = _NAME.sub(lambda match: "@" + self.names.get(match[1], match[1]), text.value)
        if value == text.value:
            return updated_node
        self.found = True
        first = updated_node.args[0].with_changes(value=text.with_changes(value=value))
        return updated_node.with_changes(args=[first, *updated_node.args[1:]])
