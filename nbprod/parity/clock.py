"""A transform called as if it were another day, to see whether it looks at the clock.

Python's and pandas' clocks are written in C and cannot be set; so the names under which the
user's functions know them (``datetime``, ``pd``, ``time``…) are bound to look-alikes while
one call lasts. A process of our own is set ahead as a whole, before it imports the user's
code (`set_ahead`): there a library's clock and a moment taken at import are seen, too.
"""

from __future__ import annotations

import datetime as datetimes
import os
import sys
import time as times
import types
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from nbprod.parity.users_code import code_names

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VARIABLE = "NBPROD_PARITY_CLOCK"
_NOW = ("now", "today")
_CLOCKS = frozenset(
    {"now", "today", "utcnow", "time", "time_ns", "localtime", "gmtime", "strftime", "ctime"}
)


def reads_clock(functions: list[types.FunctionType]) -> bool:
    """Whether the user's code names a clock anywhere."""
    return any(
        code_names(function.__code__) & _CLOCKS or set(_texts(function.__code__)) & set(_NOW)
        for function in functions
    )


def _texts(code: types.CodeType) -> Iterator[str]:
    for constant in code.co_consts:
        if isinstance(constant, str):
            yield constant
        elif isinstance(constant, types.CodeType):
            yield from _texts(constant)


@contextmanager
def shifted(functions: list[types.FunctionType], shift: datetimes.timedelta) -> Iterator[None]:
    """Within, the user's functions see a clock that is ahead by ``shift``."""
    twins = _Twins(shift)
    undo: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for function in functions:
            namespace = function.__globals__
            for name in code_names(function.__code__) & set(namespace):
                _bind(namespace, name, twins, undo)
            for name in code_names(function.__code__) & {"datetime", "time", "pandas", "numpy"}:
                # `import datetime` inside the function looks here
                _bind(sys.modules, name, twins, undo)
        yield
    finally:
        for namespace, name, value in reversed(undo):
            namespace[name] = value


@contextmanager
def set_ahead() -> Iterator[None]:
    """Within, every clock of this process is as far ahead as ``$NBPROD_PARITY_CLOCK`` says.

    In seconds; where the variable is not set, nothing changes. For fresh processes: modules
    that are imported within keep the look-alikes.
    """
    told = os.environ.get(VARIABLE)
    if told is None:
        yield
        return
    twins = _Twins(datetimes.timedelta(seconds=float(told)))
    undo: list[tuple[dict[str, Any], str, Any]] = []
    try:
        for module in twins.python_modules:
            for name in list(vars(module)):
                _bind(vars(module), name, twins, undo)
        yield
    finally:
        for namespace, name, value in reversed(undo):
            namespace[name] = value


def _bind(
    namespace: dict[str, Any], name: str, twins: _Twins, undo: list[tuple[dict[str, Any], str, Any]]
) -> None:
    value = namespace.get(name)
    twin = twins.of(value)
    if twin is not None:
        undo.append((namespace, name, value))
        namespace[name] = twin


class _Twins:
    """Look-alikes of modules, classes and functions that tell the time, one for each."""

    def __init__(self, shift: datetimes.timedelta) -> None:
        import numpy as np
        import pandas as pd

        self._made: dict[int, Any] = {}
        clocks: list[tuple[Any, Any]] = [
            (datetimes.datetime, _class(datetimes.datetime, shift)),
            (datetimes.date, _class(datetimes.date, shift)),
            (pd.Timestamp, _class(pd.Timestamp, shift)),
            (np.datetime64, _class(np.datetime64, np.timedelta64(shift))),
            (pd.to_datetime, _to_datetime(shift)),
            *_functions(shift),
        ]
        for real, twin in clocks:
            self._made[id(real)] = twin
        # numpy reads its own names while it works: it is left as it is
        self.python_modules: tuple[types.ModuleType, ...] = (datetimes, times, pd)
        for module in (*self.python_modules, np):
            self._made[id(module)] = _module(module, self._made)

    def of(self, value: Any) -> Any:
        return self._made.get(id(value))


def _module(real: types.ModuleType, made: dict[int, Any]) -> types.ModuleType:
    """A module that gives every name of the real one, with the clocks exchanged."""

    class Twin(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            value = getattr(real, name)
            return made.get(id(value), value)

    twin = Twin(real.__name__)
    for name in ("__path__", "__file__", "__spec__"):
        if hasattr(real, name):
            setattr(twin, name, getattr(real, name))
    return twin


def _class(real: Any, shift: Any) -> Any:
    """A class that makes the real one's instances, and whose clock is ahead."""

    class Ahead(type):
        def __instancecheck__(cls, instance: Any) -> bool:
            return isinstance(instance, real)

        def __subclasscheck__(cls, subclass: type) -> bool:
            return issubclass(subclass, real)

        def __call__(cls, *args: Any, **kwargs: Any) -> Any:
            made = real(*args, **kwargs)
            return made + shift if args and args[0] in _NOW and isinstance(args[0], str) else made

        def __getattr__(cls, name: str) -> Any:
            value = getattr(real, name)
            if name in ("now", "today", "utcnow"):
                return lambda *args, **kwargs: value(*args, **kwargs) + shift
            return value

    # `now` and its kin are looked up on the metaclass, since the class has none of its own
    return Ahead(real.__name__, (), {"__doc__": real.__doc__})


def _to_datetime(shift: datetimes.timedelta) -> Callable[..., Any]:
    import pandas as pd

    real = pd.to_datetime

    def to_datetime(arg: Any, *args: Any, **kwargs: Any) -> Any:
        made = real(arg, *args, **kwargs)
        return made + shift if isinstance(arg, str) and arg in _NOW else made

    return to_datetime


def _functions(shift: datetimes.timedelta) -> list[tuple[Any, Any]]:
    seconds = shift.total_seconds()
    # the real ones, which are hidden while a process is set ahead
    now, now_ns, local, strftime = times.time, times.time_ns, times.localtime, times.strftime

    def broken_down(real: Callable[..., Any]) -> Callable[..., Any]:
        return lambda moment=None: real(now() + seconds if moment is None else moment)

    def formatted(form: str, moment: Any = None) -> str:
        return strftime(form, local(now() + seconds) if moment is None else moment)

    return [
        (times.time, lambda: now() + seconds),
        (times.time_ns, lambda: now_ns() + int(seconds * 1e9)),
        (times.localtime, broken_down(times.localtime)),
        (times.gmtime, broken_down(times.gmtime)),
        (times.ctime, broken_down(times.ctime)),
        (times.strftime, formatted),
    ]
