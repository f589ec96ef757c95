"""Files of the module as text, with the notebook line behind each of their lines."""

from __future__ import annotations

import ast
from functools import lru_cache
from typing import TYPE_CHECKING

from nbprod.extraction.fixtures import RoadValues
from nbprod.extraction.functions import Functions
from nbprod.extraction.imports import ImportLine, import_block
from nbprod.extraction.inline_tests import InlineTests
from nbprod.extraction.layout import File, located, spaced, wrapped
from nbprod.extraction.lines_read import written
from nbprod.extraction.parameters_file import parameters_class
from nbprod.extraction.resolution import Resolver
from nbprod.extraction.rules import refusal
from nbprod.records import canonical_json, sha256

if TYPE_CHECKING:
    from nbprod.extraction.layout import Line
    from nbprod.extraction.lines_read import Written
    from nbprod.extraction.pieces import Piece, Statement
    from nbprod.extraction.placement import Placement
    from nbprod.extraction.workbench import Workbench
    from nbprod.records import Finding

_DOCSTRINGS = {
    "parameters": "What a run can be told, with the notebook's values as defaults.",
    "lib": "Constants, functions and classes that the other files use.",
    "schemas": "Pandera models of input, features and output.",
    "data": "Where the rows come from, and which of them train.",
    "features": "Features: what is learned from training rows, and the one transform.",
    "training": "From features and label to a fitted model.",
    "inference": "From a fitted model and features to predictions.",
}
_ENTRY_ORDER = ("load", "split", "fit", "transform", "transform_online", "train", "predict")


class Renderer:
    """Writes a module's files from what was assembled.

    notebook: its path in the project, for headers. ``findings`` tells what was rewritten or left
    out on the way.
    """

    def __init__(self, work: Workbench, placement: Placement, notebook: str) -> None:
        self.work = work
        self.selection = work.selection
        self.definitions = work.definitions
        self.assembly = work.result
        self.placement = placement
        self.notebook = notebook
        self._sources = {cell.cell_id: cell.source for cell in work.selection.document.cells}
        self.findings: list[Finding] = []
        self.functions = Functions(work, placement, self.findings)
        self.resolver = Resolver(work, placement)
        named = work.selection.imports.get("annotations", [])
        self._postpones = any(item.module == "__future__" for item in named)

    def files(self) -> list[File]:
        """Every file of the module, in a fixed order."""
        names = {"features", *self.definitions.files.values()}
        names |= {entry.shape.file for entry in self.assembly.entries.values()}
        if any(p.role == "lib" for p in self.definitions.loose_lib):
            names.add("lib")
        files = [self._init(), self._parameters()]
        files += [self._file(name) for name in _DOCSTRINGS if name in names]
        return files + self._tests()

    # ------------------------------------------------------------ one file

    def _file(self, name: str) -> File:
        body: list[tuple[Statement, Piece | None]] = [
            (self.functions.definition(piece), piece) for piece in self._definition_pieces(name)
        ]
        if name == "features" and not self.assembly.own_state:
            body.append((self.functions.state_class(), None))
        inner: list[tuple[Statement, Piece]] = []
        for entry_name in _ENTRY_ORDER:
            entry = self.assembly.entries.get(entry_name)
            if entry is not None and entry.shape.file == name:
                if entry.definition is not None:
                    body.append((self.functions.own_entry(entry), entry.definition))
                else:
                    function, parts = self.functions.function(entry)
                    body.append((function, None))
                    inner += parts
        if name == "features" and "fit" not in self.assembly.entries:
            body.append((self.functions.empty_fit(), None))
        pieces = [piece for _, piece in (*body, *inner) if piece is not None]
        return self._compose(name, f"{name}.py", body, inner, pieces)

    def _definition_pieces(self, file: str) -> list[Piece]:
        own = {id(e.definition) for e in self.assembly.entries.values() if e.definition}
        pieces = {
            id(piece): piece
            for name, piece in self.definitions.pieces.items()
            if self.definitions.files[name] == file and id(piece) not in own
        }
        role = {"lib": "lib", "schemas": "schema"}.get(file)
        for piece in self.definitions.loose_lib:
            if piece.role == role:
                pieces[id(piece)] = piece
        return sorted(pieces.values(), key=lambda piece: piece.order)

    def _compose(
        self,
        name: str,
        path: str,
        body: list[tuple[Statement, Piece | None]],
        inner: list[tuple[Statement, Piece]],
        pieces: list[Piece],
    ) -> File:
        placed = spaced([syntax for syntax, _ in body])
        own = [(syntax, piece) for syntax, (_, piece) in zip(placed, body, strict=True)]
        told = written(placed)
        needs = frozenset().union(*(item.needs for item in told))
        needs -= frozenset().union(*(item.binds for item in told))
        imports = self.resolver.imports(name, needs, pieces, tests=path.startswith("tests/"))
        if self._postpones and any(item.annotated for item in told):
            imports.add(ImportLine("__future__", "annotations"))
        cells = tuple(dict.fromkeys(p.cell_id for p in sorted(pieces, key=lambda p: p.order)))
        block = import_block(imports)
        docstring = f"Tests of {name}.py." if path.startswith("tests/") else _DOCSTRINGS[name]
        head = self._header(cells) + f'"""{docstring}"""\n' + (f"\n{block}\n" if block else "")
        places = [(syntax, piece) for syntax, piece in (*own, *inner) if piece is not None]
        lines = located(placed, told, places, before=head.count("\n"))
        _check_compiles(path, told, lines, before=head.count("\n"))
        body_nodes = [*_head_nodes(head), *(item.node for item in told)]
        whole = ast.Module(body=body_nodes, type_ignores=[])
        return File(path, head + "".join(item.text for item in told), whole, lines, cells)

    def _header(self, cells: tuple[str, ...]) -> str:
        digest = sha256(canonical_json([[cell, self._sources[cell]] for cell in cells]))
        lines = [
            f"# Generated by nbprod from {self.notebook}: edit the notebook, then extract again."
        ]
        if cells:
            lines += wrapped("# Cells: ", ", ".join(cells))
            lines.append(f"# sha256 of these cells: {digest}")
            lines.append("# ruff: noqa")  # statements are carried over verbatim, style and all
        return "\n".join(lines) + "\n"

    # ------------------------------------------------------------ parameters, tests, __init__

    def _init(self) -> File:
        what = f'"""The module extracted from {self.notebook}."""\n'
        return File("__init__.py", self._header(()) + what, ast.parse(what))

    def _parameters(self) -> File:
        pieces = self.selection.parameters
        syntax, fields = parameters_class(tuple(pieces))
        return self._compose("parameters", "parameters.py", [(syntax, None)], list(fields), pieces)

    def _tests(self) -> list[File]:
        if not self.selection.tests:
            return []
        values = RoadValues(self.work, self.placement, self.selection.document)
        tests = InlineTests(self.selection, self.resolver, self.placement, values.of)
        files = [
            self._compose(
                told.name, f"tests/test_{told.name}.py", told.body, told.inner, told.pieces
            )
            for told in tests.files()
        ]
        self.findings += tests.findings
        if tests.wanted:
            text = self._header(()) + values.conftest(tests.wanted)
            files.append(File("tests/conftest.py", text, ast.parse(text)))
        if files:
            files.append(File("tests/__init__.py", self._header(()), ast.parse("")))
        return files


@lru_cache(maxsize=64)
def _head_nodes(head: str) -> list[ast.stmt]:
    return ast.parse(head).body


def _check_compiles(path: str, told: list[Written], lines: list[Line], *, before: int) -> None:
    """What Python's compiler refuses though it parses: a top-level await, a stray return."""
    for item in told:
        if (error := item.error) is not None:
            number = (error.lineno or 0) + before
            raise refusal(
                "NBX024",
                f"{path} would not be valid Python, line {number}: {error.msg}",
                hint="look at that statement in the notebook; a module has no top-level await",
                cell_id=next((cell for line, cell, _ in lines if line == number), None),
            ) from error
        before += item.lines
