"""A file's top-level statements as they were written, read again: each text once.

What came out must parse, compile and find its names. Of an edited notebook's module most
statements are the very texts that were read before.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from nbprod.extraction.imports import future_annotations, spelled_annotations
from nbprod.extraction.layout import code_of, without_trailing_space
from nbprod.notebook.names import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.pieces import Statement


@dataclass(frozen=True)
class Written:
    """A statement's text with what it means; nobody may change the node."""

    text: str
    node: ast.stmt
    needs: frozenset[str]  # what it reads, annotations that are text among it
    binds: frozenset[str]
    annotated: bool  # whether a function in it has annotations
    error: SyntaxError | None  # what Python's compiler refuses, though it parses

    @property
    def lines(self) -> int:
        """How many lines of the file it takes, comments and blank ones before it included."""
        return self.text.count("\n")


def written(statements: Iterable[Statement]) -> list[Written]:
    """Statements as the text that they will be in a file, each understood."""
    return [_read(without_trailing_space(code_of(syntax))) for syntax in statements]


@lru_cache(maxsize=4096)
def _read(text: str) -> Written:
    tree = ast.parse(text)
    (node,) = tree.body
    error: SyntaxError | None = None
    try:
        compile(tree, "module", "exec", dont_inherit=True)
    except SyntaxError as refused:
        error = refused
    names = names_of(spelled_annotations(tree).body)
    return Written(
        text,
        node,
        frozenset(names.needs),
        frozenset(names.binds),
        future_annotations(tree),
        error,
    )
