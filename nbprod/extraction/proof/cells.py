"""The tagged cells, run as a notebook runs them; what they leave is written down as they go.

Only tagged cells and the imports of the others run, in the notebook's order, statement by
statement: a value is taken right after the statement that the module's function ends with, before
later cells change it. Plots and displays run too, because what only seems to show something may
change it; where one of them raises, that is noted and the cells go on.
"""

from __future__ import annotations
import __future__

import ast
import contextlib
import functools
import linecache
import operator
import sys
import traceback
import types
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError
from nbprod.extraction.selection import STAYS, select
from nbprod.extraction.showing import only_shows
from nbprod.notebook.graph import understand

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.extraction.proof.encoding import Encoder
    from nbprod.extraction.proof.plan import Expected, Plan
    from nbprod.notebook.document import Document
    from nbprod.notebook.graph import CellCode
    from nbprod.records import Json, Progress

# Flags of `from __future__ import ...`, which in a notebook hold for the cells after it.
_FUTURE = functools.reduce(
    operator.or_,
    (getattr(__future__, name).compiler_flag for name in __future__.all_feature_names),
)
_NOT_RUN = STAYS | {"test"}


def run_cells(
    document: Document,
    plan: Plan,
    encoder: Encoder,
    *,
    notebook: str,
    seeded: Callable[[], None],
    progress: Progress,
) -> Json:
    """Run the tagged cells in this process: {"values": {key: encoded}, "notes": [...]}.

    seeded: sets the global random generators, once the imports are done. A value that is not
    there has no key; a note is {"cell_id", "line", "message"} of a display that raised. Raises
    ExecutionError with the cell and line where any other statement raises.
    """
    run = _Run(document, plan, encoder, notebook)
    cells = understand(document)
    with run.as_main():
        for code in cells:
            for node in _imports(code):
                with contextlib.suppress(Exception):  # it raises in its own place, if it matters
                    run.execute(code, node)
        seeded()
        for number, code in enumerate(cells):
            if code.tree is None:
                continue
            if code.role not in _NOT_RUN:
                progress(f"running cell {code.cell.cell_id}", number / len(cells))
            for node in code.tree.body if code.role not in _NOT_RUN else _imports(code):
                run.step(code, node)
    return {"values": run.values, "notes": run.notes}


def _imports(code: CellCode) -> list[ast.stmt]:
    """Imports at the top level of a cell, also those tried or chosen between."""
    if code.tree is None or code.role == "skip":
        return []
    return [
        node
        for node in code.tree.body
        if isinstance(node, ast.Import | ast.ImportFrom)
        or (
            isinstance(node, ast.Try)
            and all(isinstance(item, ast.Import | ast.ImportFrom) for item in node.body)
        )
    ]


class _Run:
    """One run of the cells in one namespace."""

    def __init__(self, document: Document, plan: Plan, encoder: Encoder, notebook: str) -> None:
        self.encoder = encoder
        self.notebook = notebook
        self.values: dict[str, Json] = {}
        self.notes: list[Json] = []
        self.module = types.ModuleType("__main__")
        self.names: dict[str, Any] = self.module.__dict__
        self.names |= {"display": lambda *_, **__: None, "get_ipython": lambda: None}
        self._selection = select(document)
        self._wanted: dict[str, list[Expected]] = {}
        for value in plan.values:
            self._wanted.setdefault(value.after[0], []).append(value)
        self._probes: list[Any] = []
        self._future = 0

    @contextlib.contextmanager
    def as_main(self) -> Any:
        """The namespace is ``__main__``, as in a kernel: libraries look classes up there."""
        before = sys.modules["__main__"]
        sys.modules["__main__"] = self.module
        try:
            yield
        finally:
            sys.modules["__main__"] = before

    def execute(self, code: CellCode, node: ast.stmt) -> None:
        """Run one statement."""
        file = _file(code.cell.cell_id)
        if file not in linecache.cache:  # a traceback shows the cell's lines
            lines = code.source.splitlines(keepends=True)
            linecache.cache[file] = (len(code.source), None, lines, file)
        tree = ast.Module(body=[node], type_ignores=[])
        compiled = compile(tree, file, "exec", flags=self._future, dont_inherit=True)
        self._future |= compiled.co_flags & _FUTURE
        exec(compiled, self.names)  # noqa: S102 - the user's own cell, in a child process

    def step(self, code: CellCode, node: ast.stmt) -> None:
        """Run one statement in its place, and take the values that are ready then."""
        cell_id = code.cell.cell_id
        try:
            self.execute(code, node)
        except (Exception, SystemExit, KeyboardInterrupt) as error:
            places = _places(error) or [(cell_id, node.lineno)]
            if not only_shows(node, self._selection.modules, self._selection.shown):
                raise _raised(self.notebook, error, places) from error
            line = next((line for cell, line in places if cell == cell_id), node.lineno)
            self.notes.append({"cell_id": cell_id, "line": line, "message": _told(error)})
        last = node.end_lineno or node.lineno
        for value in self._wanted.get(cell_id, ()):
            if node.lineno <= value.after[1] <= last and value.name in self.names:
                self._take(value)

    def _take(self, value: Expected) -> None:
        held = self.names[value.name]
        probes = self._probes if value.place.startswith(("training.", "inference.")) else ()
        self.values[value.key] = self.encoder.encode(held, probes)
        if is_probe(value):
            self._probes.append(probe_of(held))


def is_probe(value: Expected) -> bool:
    """Whether a value is the features that training reads: models are asked about them."""
    return value.role == "features" and value.rows == "train"


def probe_of(features: Any, rows: int = 2000) -> Any:
    """A copy of at most so many rows of features, spread over all of them."""
    try:
        step = max(1, -(-len(features) // rows))
        few = features.iloc[::step] if hasattr(features, "iloc") else features[::step]
        return few.copy() if hasattr(few, "copy") else few
    except Exception:  # noqa: BLE001 - not rows after all: models are then told by their fields
        return None


def _file(cell_id: str) -> str:
    return f"<cell {cell_id}>"


def _places(error: BaseException) -> list[tuple[str, int]]:
    """The cells and lines that an error passed through, the deepest last."""
    frames = [(frame.filename, frame.lineno) for frame in traceback.extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError):
        frames.append((error.filename or "", error.lineno))
    return [
        (file[len("<cell ") : -1], line or 1) for file, line in frames if file.startswith("<cell ")
    ]


def _told(error: BaseException) -> str:
    return "".join(traceback.format_exception_only(error)).strip()


def _raised(notebook: str, error: BaseException, places: list[tuple[str, int]]) -> ExecutionError:
    (first, first_line), (cell_id, line) = places[0], places[-1]
    called = f", called from cell {first}, line {first_line}" if first != cell_id else ""
    return ExecutionError(
        "the tagged cells do not run by themselves:"
        f" cell {cell_id}, line {line} raised {_told(error)}{called}",
        hint=_hint(error),
        notebook=notebook,
        cell_id=cell_id,
        line=line,
    )


def _hint(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return f"install {error.name} where nbprod runs, or put its file beside the notebook"
    if isinstance(error, NameError):
        return "restart the kernel and run the tagged cells alone; tag the cell that they need"
    return "restart the kernel and run the tagged cells alone: they raise the same there"
