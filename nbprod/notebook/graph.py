"""How names flow from cell to cell, in the notebook's order."""

from __future__ import annotations

import ast
import builtins
import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from nbprod.notebook.magics import binds_unseen, names_bound, plain_source
from nbprod.notebook.names import function_names
from nbprod.notebook.reading import Reader, reader_of
from nbprod.notebook.syntax import nodes_of
from nbprod.notebook.tags import role_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from nbprod.notebook.bindings import FunctionNames
    from nbprod.notebook.document import Cell, Document
    from nbprod.notebook.names import Names
    from nbprod.notebook.stars import Star

# What IPython gives a cell, and a module has not.
_IPYTHON = "get_ipython display In Out exit quit _ __ ___ _i _ii _iii _ih _oh _dh"
NOTEBOOK_NAMES = frozenset(_IPYTHON.split())
_OF_HISTORY = re.compile(r"_i?\d+$")  # _12, _i12: an earlier cell's output and input
# What every cell may read without defining it.
_EMPTY = ast.Module(body=[], type_ignores=[])
GIVEN_NAMES = frozenset(dir(builtins)) | NOTEBOOK_NAMES | {"__name__", "__doc__", "__file__"}


@dataclass(frozen=True)
class CellCode:
    """A code cell understood: its plain Python, its tree, and its names; or its syntax error."""

    cell: Cell
    role: str
    source: str  # without IPython's own syntax; as many lines as the cell has
    dropped: tuple[tuple[int, str], ...]  # (1-based line, text) that only IPython runs
    tree: ast.Module | None
    error: SyntaxError | None
    reader: Reader  # knows the functions and imports of the whole notebook
    nodes: list[ast.AST]  # all of the tree's, operators and contexts aside
    imports: list[ast.AST]  # those of them that are import statements

    @cached_property
    def names(self) -> Names:
        """What the cell's statements, run in order, do with the names around them."""
        return self.reader.names(self.tree or _EMPTY)


@dataclass(frozen=True)
class Code:
    """All code of a notebook understood, with what its cells know of each other."""

    cells: tuple[CellCode, ...]
    reader: Reader


def understand(document: Document) -> tuple[CellCode, ...]:
    """Every code cell with its names; a cell that does not parse has an error and no names."""
    return read_code(document).cells


def read_code(document: Document) -> Code:
    """A notebook's code cells with their names, its functions and its imports."""
    parsed = [_parsed(cell.source) for cell in document.code_cells]
    modules = imported_modules(node for cell in parsed for node in cell.imports)
    defined = tuple(
        node
        for cell in parsed
        for node in (cell.tree.body if cell.tree else ())
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    functions = _functions(defined, tuple(sorted(modules.items())))
    reader = reader_of(functions, modules)
    cells = tuple(
        CellCode(
            cell=cell,
            role=role_of(cell.tags),
            source=found.source,
            dropped=found.dropped,
            tree=found.tree,
            error=found.error,
            reader=reader,
            nodes=found.nodes,
            imports=found.imports,
        )
        for cell, found in zip(document.code_cells, parsed, strict=True)
    )
    return Code(cells, reader)


def imported_modules(nodes: Iterable[ast.AST]) -> dict[str, str]:
    """The top-level package behind every name that these nodes import."""
    modules: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                modules[alias.asname or top] = top
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                top = (node.module or "").partition(".")[0]
                modules[alias.asname or alias.name] = top
    return modules


def flow(cells: Sequence[CellCode]) -> dict[str, dict[str, str]]:
    """For each cell, the names it reads from others: {cell id: {name: id of the cell}}.

    The cell named is the last one before it that binds or changes the name; for what functions
    read when called, a later cell counts where no earlier one has the name.
    """
    result: dict[str, dict[str, str]] = {}
    last: dict[str, str] = {}
    anywhere: dict[str, str] = {}
    for code in cells:
        for name in code.names.binds:
            anywhere.setdefault(name, code.cell.cell_id)
    for code in cells:
        own = code.cell.cell_id
        found = {name: last[name] for name in code.names.reads if name in last}
        for name in code.names.deferred:
            source = last.get(name, anywhere.get(name, own))
            if name not in code.names.binds and source != own:
                found.setdefault(name, source)
        if found:
            result[own] = dict(sorted(found.items()))
        for name in (*code.names.binds, *code.names.mutates):
            if name in anywhere:
                last[name] = own
    return result


def undefined_names(
    cells: Sequence[CellCode], stars: Sequence[Star] = ()
) -> list[tuple[CellCode, str, int]]:
    """Names that are read where no cell before binds them: (cell, name, line); deferred: no cell.

    stars: the star imports. Nothing is told when a cell says ``%run``, or ``from x import *`` of
    an x that could not be asked: anything may come from there.
    """
    commands = {code.cell.cell_id: [text for _, text in code.dropped] for code in cells}
    unseen = any(binds_unseen(text) for texts in commands.values() for text in texts)
    if unseen or any(star.given is None for star in stars):
        return []
    given = {cell: [n for t in texts for n in names_bound(t)] for cell, texts in commands.items()}
    everywhere = {name for code in cells for name in code.names.binds}
    everywhere |= {name for names in given.values() for name in names}
    for star in stars:
        given[star.cell_id].extend(star.given or ())
        everywhere |= star.given or frozenset()
    bound: set[str] = set(GIVEN_NAMES)
    missing: list[tuple[CellCode, str, int]] = []
    for code in cells:
        bound.update(given[code.cell.cell_id])
        for name, line in code.names.reads.items():
            perhaps = code.names.binds.get(name, line) < line  # by a loop or a branch above
            if name not in bound and not perhaps and not _OF_HISTORY.match(name):
                missing.append((code, name, line))
        for name, line in code.names.deferred.items():
            if name not in everywhere | GIVEN_NAMES and not _OF_HISTORY.match(name):
                missing.append((code, name, line))
        bound |= code.names.binds.keys() | code.names.global_writes.keys()
    return missing


@dataclass(frozen=True)
class _Parsed:
    """A cell's source understood, whichever notebook it stands in."""

    source: str
    dropped: tuple[tuple[int, str], ...]
    tree: ast.Module | None
    error: SyntaxError | None
    nodes: list[ast.AST]

    @cached_property
    def imports(self) -> list[ast.AST]:
        """Its import statements, wherever they stand."""
        return [node for node in self.nodes if isinstance(node, ast.Import | ast.ImportFrom)]


@lru_cache(maxsize=1024)
def _parsed(source: str) -> _Parsed:
    """A cell's syntax: of an edited notebook only the edited cells are parsed again.

    Nobody may change the tree: the next reading gets the same one.
    """
    plain = plain_source(source)
    try:
        tree = plain.tree or ast.parse(plain.source)
    except SyntaxError as error:
        return _Parsed(plain.source, plain.dropped, None, error, [])
    except ValueError as error:  # a null byte
        return _Parsed(plain.source, plain.dropped, None, SyntaxError(str(error)), [])
    return _Parsed(plain.source, plain.dropped, tree, None, nodes_of(tree))


@lru_cache(maxsize=8)
def _functions(
    defined: tuple[ast.FunctionDef | ast.AsyncFunctionDef, ...],
    modules: tuple[tuple[str, str], ...],
) -> dict[str, FunctionNames]:
    return function_names(defined, dict(modules))
