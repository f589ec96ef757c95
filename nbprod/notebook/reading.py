"""The names of statements, each read once: whoever asks again gets the same answer.

A notebook is read anew after every edit, and most of its statements are the very ones that were
read before.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.notebook.names import names_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.notebook.bindings import FunctionNames
    from nbprod.notebook.names import Names

_MOST_READ = 20_000
_MOST_READERS = 2


class Reader:
    """Reads statements of one notebook, knowing its functions and its imports."""

    def __init__(self, functions: Mapping[str, FunctionNames], modules: Mapping[str, str]) -> None:
        self.functions = functions  # what the notebook's own functions do to their arguments
        self.modules = modules  # imported name -> the top-level package behind it
        self._read: dict[int, tuple[ast.AST, Names]] = {}

    def names(self, node: ast.stmt | ast.Module) -> Names:
        """What a statement, or a tree's statements in order, do with the names around them."""
        known = self._read.get(id(node))
        if known is not None and known[0] is node:
            return known[1]
        body = node.body if isinstance(node, ast.Module) else [node]
        found = names_of(body, functions=self.functions, modules=self.modules)
        if len(self._read) >= _MOST_READ:
            self._read.clear()
        self._read[id(node)] = (node, found)
        return found


_READERS: list[Reader] = []


def reader_of(functions: Mapping[str, FunctionNames], modules: Mapping[str, str]) -> Reader:
    """The reader for what is known of a notebook; the last few are remembered."""
    for reader in _READERS:
        if reader.functions == functions and reader.modules == modules:
            return reader
    _READERS.append(Reader(functions, modules))
    del _READERS[:-_MOST_READERS]
    return _READERS[-1]
