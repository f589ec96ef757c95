"""Which statement made a feature: the transform is watched line by line while it makes it once.

The origin of a column is the first statement after which any table of the user's code holds it
with its final values; so a helper's line is found, and the line of a loop, whatever they are
called. A column that no table ever holds (an array's) comes from the `return`.
"""

from __future__ import annotations

import ast
import inspect
import linecache
import sys
import textwrap
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.notebook.places import Place, place_of
from nbprod.parity.calls import Raised
from nbprod.parity.users_code import is_users

if TYPE_CHECKING:
    import types
    from collections.abc import Sequence

    import pandas as pd

    from nbprod.parity.calls import Subject

_ROWS = 40
_MOST_EVENTS = 20_000  # a feature that is made in a loop over rows has been seen by then


@dataclass(frozen=True)
class Origin:
    """A line of the user's code, and the notebook's cell it came from where that is known."""

    function: str
    line: int
    source: str
    place: Place | None = None

    def to_json(self) -> dict[str, Any]:
        """As a finding holds it."""
        told: dict[str, Any] = {
            "function": self.function,
            "line": self.line,
            "source": self.source,
        }
        if self.place is not None:
            told |= {"cell": str(self.place), "file": self.place.file}
        return told


def origin_of(subject: Subject, column: str, positions: Sequence[int] = ()) -> Origin | None:
    """The statement that makes a feature for these rows; None where nothing tells."""
    if (column, tuple(positions)) not in subject.origins:
        subject.origins[column, tuple(positions)] = _found(subject, column, positions)
    found: Origin | None = subject.origins[column, tuple(positions)]
    return found


def _found(subject: Subject, column: str, positions: Sequence[int]) -> Origin | None:
    for places in (list(positions), list(range(min(_ROWS, len(subject.rows))))):
        if places:
            with suppress(Raised):
                final = subject.at(places)
                watch = _Watch(
                    column, _values(final, column), given=column in map(str, subject.rows)
                )
                watch.over(lambda: subject.at(places))  # noqa: B023 - called at once
                if watch.origin is not None and column in map(str, final.columns):
                    return watch.origin
    return _written(subject, column)


def _values(frame: pd.DataFrame, column: str) -> list[str] | None:
    named = {str(name): name for name in frame.columns}
    return _marks(frame[named[column]]) if column in named else None


def _marks(values: Any) -> list[str]:
    return [repr(value) for value in (values.tolist() if hasattr(values, "tolist") else values)]


# ---------------------------------------------------------------- watching


@dataclass
class _Watch:
    """Follows the user's code until the column holds its final values."""

    column: str
    final: list[str] | None
    origin: Origin | None = None
    given: bool = False  # the rows came with a column of this name
    raw: frozenset[str] | None = None  # their columns, where it is passed on as it came
    _named: Origin | None = None  # where it first stood in a table, whatever its values
    _last: Origin | None = None  # the `return` of the outermost function
    _seen: bool = False  # in the tables looked at last, whatever its values
    _events: int = 0
    _lines: dict[int, int] = field(default_factory=dict)  # id of a frame -> the line it is at
    _users: dict[Any, bool] = field(default_factory=dict)

    def over(self, call: Any) -> None:
        """Follow one call."""
        before = sys.gettrace()
        sys.settrace(self._enter)
        try:
            call()
        finally:
            sys.settrace(before)
        self.origin = self.origin or self._named or self._last

    def _enter(self, frame: types.FrameType, _event: str, _argument: Any) -> Any:
        if self.origin is not None or self._events > _MOST_EVENTS:
            return None
        code = frame.f_code
        if code not in self._users:
            name = frame.f_globals.get("__name__") or "__main__"
            self._users[code] = is_users(name) and not code.co_name.startswith("<gen")
        if not self._users[code]:
            return None
        self._lines[id(frame)] = 0
        return self._step

    def _step(self, frame: types.FrameType, event: str, argument: Any) -> Any:
        self._events += 1
        if self.origin is not None or self._events > _MOST_EVENTS:
            return None
        at = self._lines.get(id(frame), 0)
        if at and self._holds(frame.f_locals.values()):
            self.origin = _origin(frame, at)
        elif at and self._named is None and not self.given and self._seen:
            self._named = _origin(frame, at)
        elif event == "return":
            if self._holds([argument]):
                self.origin = _origin(frame, frame.f_lineno)
            elif self._named is None and not self.given and self._seen:
                self._named = _origin(frame, frame.f_lineno)
            self._last = _origin(frame, frame.f_lineno)
        self._lines[id(frame)] = frame.f_lineno
        return self._step

    def _holds(self, values: Any) -> bool:
        import pandas as pd

        self._seen = False
        for value in list(values):
            found: Any = None
            if isinstance(value, pd.DataFrame):
                named = {str(name): name for name in value.columns}
                if self.raw is not None and self.raw <= set(named):
                    continue  # the rows themselves
                found = value[named[self.column]] if self.column in named else None
            elif isinstance(value, dict):
                found = value.get(self.column)
            self._seen = self._seen or found is not None
            if self._final(found):
                return True
        return False

    def _final(self, values: Any) -> bool:
        if self.final is None or isinstance(values, str) or not hasattr(values, "__len__"):
            return False
        if getattr(values, "ndim", 1) != 1 or len(values) != len(self.final):
            return False
        return _marks(values) == self.final


def _origin(frame: types.FrameType, line: int) -> Origin:
    code = frame.f_code
    source = linecache.getline(code.co_filename, line).strip()
    return Origin(code.co_qualname, line, source, place_of(code.co_filename, line))


# ---------------------------------------------------------------- reading


def _written(subject: Subject, column: str) -> Origin | None:
    """The last line of the user's code that names the column in writing."""
    for function in subject.memory.functions:
        try:
            lines, start = inspect.getsourcelines(function)
            tree = ast.parse(textwrap.dedent("".join(lines)))
        except (OSError, TypeError, SyntaxError):
            continue
        numbers = [
            node.lineno
            for node in ast.walk(tree)
            if _is_write(node, column) and hasattr(node, "lineno")
        ]
        if numbers:
            line, source = start + max(numbers) - 1, lines[max(numbers) - 1].strip()
            place = place_of(function.__code__.co_filename, line)
            return Origin(function.__qualname__, line, source, place)
    return None


def _is_write(node: ast.AST, column: str) -> bool:
    """``x["column"] = …``, ``assign(column=…)``, ``{"column": …}``."""
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
        return any(
            isinstance(part, ast.Constant) and part.value == column for part in ast.walk(node.slice)
        )
    if isinstance(node, ast.Call):
        return any(keyword.arg == column for keyword in node.keywords)
    if isinstance(node, ast.Dict):
        return any(isinstance(key, ast.Constant) and key.value == column for key in node.keys)
    return False
