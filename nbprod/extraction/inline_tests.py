"""The notebook's test cells as pytest files: each test with what it needs.

A test function or class is carried over; the loose checks of a cell become one function. Fixtures
and other helpers go into the file of the tests that use them. A test that reads a value of the
notebook (its frame, the features, the model) is handed what the module makes of it, by a fixture
of the same name in ``conftest.py``.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.layout import trimmed
from nbprod.extraction.pieces import only
from nbprod.extraction.rules import finding
from nbprod.extraction.signatures import with_positional
from nbprod.notebook.effects import root_name
from nbprod.notebook.graph import GIVEN_NAMES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from nbprod.extraction.pieces import Piece, Statement
    from nbprod.extraction.placement import Placement
    from nbprod.extraction.resolution import Resolver
    from nbprod.extraction.selection import Selection
    from nbprod.records import Finding

# Calls that run tests from within a notebook; pytest runs them here.
_RUNNERS = frozenset({"ipytest", "unittest", "pytest", "doctest"})


@dataclass
class Unit:
    """One test: a function, a class, or the loose checks of a cell; and what it needs."""

    pieces: list[Piece]
    name: str = ""  # of the function that loose checks become
    helpers: dict[int, Piece] = field(default_factory=dict)
    values: set[str] = field(default_factory=set)  # of the notebook, that loose checks read

    @property
    def order(self) -> int:
        """Its place in the notebook."""
        return self.pieces[0].order


@dataclass
class TestFile:
    """What goes into ``tests/test_<name>.py``, in the shape that rendering takes."""

    __test__ = False  # not a test itself, whatever its name

    name: str
    body: list[tuple[Statement, Piece | None]] = field(default_factory=list)
    inner: list[tuple[Statement, Piece]] = field(default_factory=list)
    pieces: list[Piece] = field(default_factory=list)


class InlineTests:
    """Sorts the statements of test cells into files; ``findings`` tells what was left out.

    values: names of the notebook's values that a test can be handed. ``wanted`` are those that
    some test is.
    """

    def __init__(
        self,
        selection: Selection,
        resolver: Resolver,
        placement: Placement,
        values: Collection[str],
    ) -> None:
        self.selection = selection
        self.resolver = resolver
        self.placement = placement
        self.values = frozenset(values)
        self.findings: list[Finding] = []
        self.wanted: set[str] = set()
        self._taken: dict[int, set[str]] = {}  # id of a function's piece -> values it is handed
        self._helpers = {
            name: piece
            for piece in selection.tests
            if not _is_test(piece)
            for name in piece.names.binds
        }

    def files(self) -> list[TestFile]:
        """The test files, by name."""
        groups: dict[str, list[Unit]] = {}
        for units in _sharing([unit for unit in self._units() if self._complete(unit)]):
            groups.setdefault(self._home(units), []).extend(units)
        return [self._file(name, units) for name, units in sorted(groups.items())]

    def _units(self) -> list[Unit]:
        units: list[Unit] = []
        checks: dict[str, Unit] = {}
        for piece in self.selection.tests:
            if _is_test(piece):
                units.append(Unit([piece]))
            elif piece.names.binds or piece.names.mutates.keys() & self._helpers.keys():
                continue  # a helper: it comes with the tests that need it
            elif _runs_tests(piece.node):
                self._leave(piece, "NBX009", "pytest runs the tests here", "")
            elif not (
                isinstance(piece.node, ast.Expr) and isinstance(piece.node.value, ast.Constant)
            ):
                if piece.cell_id not in checks:
                    name = "test_" + re.sub(r"\W", "_", piece.cell_id)
                    units.append(checks.setdefault(piece.cell_id, Unit([], name)))
                checks[piece.cell_id].pieces.append(piece)
        return sorted(units, key=lambda unit: unit.order)

    # ------------------------------------------------------------ what a test needs

    def _complete(self, unit: Unit) -> bool:
        """Find a test's helpers and values; whether all that it needs is there."""
        pending = list(unit.pieces)
        while pending:
            piece = pending.pop(0)
            missing = []
            for name in self._asked(piece):
                if name in self._helpers:
                    found = self._writers(name)
                    pending += [item for item in found if id(item) not in unit.helpers]
                    unit.helpers |= {id(item): item for item in found}
                elif name in self.values and self._can_take(piece, unit):
                    self._taken.setdefault(id(piece), set()).add(name)
                    unit.values |= {name} if unit.name and piece in unit.pieces else set()
                else:
                    missing.append(name)
            if missing:
                hint = "let the test make its own frame, or call the module's functions"
                self._leave(unit.pieces[0], "NBX020", f"it needs {', '.join(missing)}", hint)
                return False
        for piece in (*unit.pieces, *unit.helpers.values()):
            self.wanted |= self._taken.get(id(piece), set())
        return True

    def _asked(self, piece: Piece) -> list[str]:
        """Names that neither Python, nor an import, nor the module gives, and fixtures."""
        asked = [
            name
            for name in piece.names.needs
            if name in self._helpers
            or not (name in GIVEN_NAMES or name in self.selection.imports or self._is_there(name))
        ]
        known = self._helpers.keys() | self.values
        return sorted({*asked, *(name for name in _fixtures_of(piece.node) if name in known)})

    def _is_there(self, name: str) -> bool:
        if name in self.values:
            return False  # `train` is the notebook's frame here, not the module's function
        return self.resolver.home(name) is not None and name not in self.placement.passing

    def _can_take(self, piece: Piece, unit: Unit) -> bool:
        """Whether pytest can hand something to it: a test function, loose checks, a fixture."""
        if unit.name and piece in unit.pieces:
            return True
        return isinstance(piece.node, ast.FunctionDef) and (_is_test(piece) or _is_fixture(piece))

    def _writers(self, name: str) -> list[Piece]:
        """The helper of a name, and the statements that change it."""
        return [
            piece
            for piece in self.selection.tests
            if not _is_test(piece) and name in piece.names.written
        ]

    def _home(self, units: list[Unit]) -> str:
        """The file of the module that tests are about: the first that they read."""
        for piece in [p for unit in units for p in (*unit.pieces, *unit.helpers.values())]:
            for name in piece.names.needs:
                home = self.resolver.home(name)
                if home is not None and name not in self._helpers and name not in self.values:
                    return home
        return "features"

    def _leave(self, piece: Piece, code: str, why: str, hint: str) -> None:
        self.findings.append(
            finding(
                code,
                f"left out: {piece.first_line} ({why})",
                hint=hint,
                cell_id=piece.cell_id,
                line=piece.line,
            )
        )

    # ------------------------------------------------------------ syntax

    def _file(self, name: str, units: list[Unit]) -> TestFile:
        told = TestFile(name)
        helpers = {key: piece for unit in units for key, piece in unit.helpers.items()}
        parts: list[Unit | Piece] = [*units, *helpers.values()]
        for part in sorted(parts, key=lambda item: item.order):
            if isinstance(part, Unit) and part.name:
                function, inner = _function_of(part)
                told.body.append((function, None))
                told.inner += inner
                told.pieces += part.pieces
            else:
                piece = part.pieces[0] if isinstance(part, Unit) else part
                told.body.append((self._handed(piece), piece))
                told.pieces.append(piece)
        return told

    def _handed(self, piece: Piece) -> Statement:
        """A function with an argument for each value that it reads."""
        names = sorted(self._taken.get(id(piece), set()) - set(_arguments(piece.node)))
        if not names or not isinstance(piece.syntax, cst.FunctionDef):
            return piece.syntax
        return with_positional(piece.syntax, names)


def _function_of(unit: Unit) -> tuple[Statement, list[tuple[Statement, Piece]]]:
    """Loose checks as a function, and each of them within it."""
    parts: list[tuple[Statement, Piece]] = []
    for piece in unit.pieces:
        lines = trimmed(list(piece.syntax.leading_lines))
        parts.append((piece.syntax.with_changes(leading_lines=lines), piece))
    arguments = ", ".join(sorted(unit.values))
    skeleton = only(cst.parse_module(f"def {unit.name}({arguments}):\n    pass\n"))
    assert isinstance(skeleton, cst.FunctionDef)
    body = skeleton.body.with_changes(body=[syntax for syntax, _ in parts])
    return skeleton.with_changes(body=body), parts


def _sharing(units: list[Unit]) -> list[list[Unit]]:
    """Units grouped so that no helper is needed by two groups."""
    groups: list[tuple[set[int], list[Unit]]] = []
    for unit in units:
        shared = [group for group in groups if group[0] & unit.helpers.keys()]
        groups = [group for group in groups if group not in shared]
        keys = set(unit.helpers).union(*(group[0] for group in shared))
        members = [item for group in shared for item in group[1]]
        groups.append((keys, sorted([*members, unit], key=lambda item: item.order)))
    return [members for _, members in groups]


# ---------------------------------------------------------------- what statements are


def _is_test(piece: Piece) -> bool:
    node = piece.node
    if isinstance(node, ast.ClassDef):
        bases = [ast.unparse(base) for base in node.bases]
        return node.name.startswith("Test") or any(base.endswith("TestCase") for base in bases)
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test")


def _is_fixture(piece: Piece) -> bool:
    decorators = getattr(piece.node, "decorator_list", [])
    return any("fixture" in ast.unparse(item).partition("(")[0] for item in decorators)


def _runs_tests(node: ast.stmt) -> bool:
    """``ipytest.run()``, ``unittest.main(...)``, ``test_ratio()``: pytest does that."""
    if isinstance(node, ast.If):
        return "__name__" in ast.unparse(node.test) and all(map(_runs_tests, node.body))
    if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
        return False
    called = node.value.func
    if isinstance(called, ast.Name):
        return called.id.startswith("test_")
    return root_name(called) in _RUNNERS


def _arguments(node: ast.stmt) -> list[str]:
    if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return []
    return [item.arg for item in (*node.args.args, *node.args.kwonlyargs)]


def _fixtures_of(node: ast.stmt) -> Iterable[str]:
    """Names that pytest looks up: arguments that are not parametrized, usefixtures."""
    functions = [item for item in ast.walk(node) if isinstance(item, ast.FunctionDef)]
    decorated = [node, *functions] if isinstance(node, ast.ClassDef) else functions
    given: set[str] = set()
    used: set[str] = set()
    for item in decorated:
        for decorator in getattr(item, "decorator_list", []):
            texts = [
                word.strip()
                for part in ast.walk(decorator)
                if isinstance(part, ast.Constant) and isinstance(part.value, str)
                for word in part.value.split(",")
            ]
            (used if "usefixtures" in ast.unparse(decorator) else given).update(texts)
    asked = {name for function in functions for name in _arguments(function)}
    return sorted((asked - given) | used)
