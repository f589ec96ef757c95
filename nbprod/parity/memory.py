"""What a transform remembers between calls, outside its arguments.

Globals that its functions read, closures, default arguments, attributes of functions and of
the user's classes, ``lru_cache``: they are found through the code, watched, and put back, so
that every call can be made as if it were the first.
"""

from __future__ import annotations

import copy
import functools
import sys
import types
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from nbprod.parity.fingerprint import fingerprint, is_random
from nbprod.parity.users_code import code_names, is_users, reachable

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABSENT = object()


@dataclass
class _Slot:
    """One place that can hold a value between calls."""

    name: str
    holder: Any  # a mapping, a closure cell, or a class
    key: str
    value: Any = None  # the object itself, so that it can be put back
    saved: Any = None  # its copy
    mark: str = ""

    def read(self) -> Any:
        if isinstance(self.holder, type):
            return vars(self.holder).get(self.key, _ABSENT)
        if isinstance(self.holder, types.CellType):
            try:
                return self.holder.cell_contents
            except ValueError:  # an empty cell
                return _ABSENT
        return self.holder.get(self.key, _ABSENT)

    def write(self, value: Any) -> None:
        if isinstance(self.holder, type):
            if value is not self.read():
                setattr(self.holder, self.key, value)
        elif isinstance(self.holder, types.CellType):
            self.holder.cell_contents = value
        elif value is _ABSENT:
            self.holder.pop(self.key, None)
        else:
            self.holder[self.key] = value


@dataclass
class Memory:
    """The places in which a transform can remember, as they were when this was made."""

    slots: list[_Slot] = field(default_factory=list)
    caches: list[Any] = field(default_factory=list)
    functions: list[types.FunctionType] = field(default_factory=list)

    @classmethod
    def of(cls, *roots: Any) -> Memory:
        """The memory that these callables and objects reach."""
        memory = cls()
        classes: list[type] = []
        for function in reachable(roots, memory.caches, classes):
            memory.functions.append(function)
        places: dict[tuple[int, str], _Slot] = {}
        for slot in (*_places(memory.functions, roots), *_attributes(memory.functions, classes)):
            places.setdefault((id(slot.holder), slot.key), slot)
        for slot in places.values():
            if _save(slot):
                memory.slots.append(slot)
        return memory

    def changed(self) -> list[_Slot]:
        """The places that hold something else than when this memory was taken."""
        return [
            slot
            for slot in self.slots
            if slot.read() is not slot.value or _mark(slot.value) != slot.mark
        ]

    @property
    def cached(self) -> list[str]:
        """The functions whose `lru_cache` holds answers now."""
        filled = [cache for cache in self.caches if _size(cache)]
        return [f"the cache of {getattr(cache, '__name__', cache)}" for cache in filled]

    def restore(self) -> None:
        """Put every place back; caches of functions are emptied."""
        for slot in self.slots:
            if slot.value is not _ABSENT and _mutable(slot.value):
                slot.value = _put_back(slot.value, slot.saved)
            slot.write(slot.value)
        for cache in self.caches:
            cache.cache_clear()


def only_random(slots: list[_Slot]) -> bool:
    """Whether nothing but random generators changed."""
    return bool(slots) and all(is_random(slot.value) for slot in slots)


def _size(cache: Any) -> int:
    info = getattr(cache, "cache_info", None)
    return int(info().currsize) if info else 0


# ---------------------------------------------------------------- finding


def _places(functions: list[types.FunctionType], roots: tuple[Any, ...]) -> Iterator[_Slot]:
    for function in functions:
        yield from _globals(function)
        variables = zip(function.__code__.co_freevars, function.__closure__ or (), strict=True)
        for name, cell in variables:
            yield _Slot(f"{function.__name__}: {name}", cell, name)
        for name in set(function.__dict__) - {"__wrapped__"}:
            yield _Slot(f"{function.__name__}.{name}", function.__dict__, name)
        defaults = [*(function.__defaults__ or ()), *(function.__kwdefaults__ or {}).values()]
        yield from _held(f"a default argument of {function.__name__}", defaults)
    for root in roots:
        if isinstance(root, functools.partial):
            yield from _held("an argument of the partial", [*root.args, *root.keywords.values()])
        owner = root.__self__ if isinstance(root, types.MethodType) else root
        if hasattr(owner, "__dict__") and not isinstance(owner, types.FunctionType | type):
            yield _Slot(type(owner).__name__, {"": owner}, "")


def _held(name: str, values: list[Any]) -> Iterator[_Slot]:
    for value in values:
        if _mutable(value):
            yield _Slot(name, {"": value}, "")


def _attributes(functions: list[types.FunctionType], classes: list[type]) -> Iterator[_Slot]:
    """What code can leave on functions and classes: counters, caches, flags."""
    written = {name for function in functions for name in _stored(function.__code__)}
    for function in functions:
        for name in written - set(function.__dict__):
            yield _Slot(f"{function.__name__}.{name}", function.__dict__, name)
    code = (types.FunctionType, staticmethod, classmethod, property)
    for owner in classes:
        for name, value in list(vars(owner).items()):
            if not name.startswith("__") and not isinstance(value, code):
                yield _Slot(f"{owner.__name__}.{name}", owner, name)


def _stored(code: types.CodeType) -> set[str]:
    """The attributes that a piece of code, and the code inside it, assigns."""
    import dis

    names = {step.argval for step in dis.get_instructions(code) if step.opname == "STORE_ATTR"}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _stored(constant)
    return names


def _globals(function: types.FunctionType) -> Iterator[_Slot]:
    """The globals a function names, and the members it names of the user's modules."""
    names = code_names(function.__code__)
    for name in sorted(names):
        value = function.__globals__.get(name, _ABSENT)
        if name in function.__globals__ or _assigns(function.__code__, name):
            yield _Slot(name, function.__globals__, name)
        if isinstance(value, types.ModuleType) and is_users(value.__name__):
            for inner in sorted(names & set(vars(value))):
                yield _Slot(f"{name}.{inner}", vars(value), inner)


def _assigns(code: types.CodeType, name: str) -> bool:
    """Whether code makes a global of this name that need not be there yet."""
    import dis

    if any(
        step.opname == "STORE_GLOBAL" and step.argval == name for step in dis.get_instructions(code)
    ):
        return True
    return any(isinstance(c, types.CodeType) and _assigns(c, name) for c in code.co_consts)


# ---------------------------------------------------------------- saving and putting back


def _mutable(value: Any) -> bool:
    if value is None or isinstance(value, bool | int | float | complex | str | bytes | tuple):
        return False
    code = types.FunctionType | types.BuiltinFunctionType | types.ModuleType | type
    return not isinstance(value, code) and not hasattr(value, "cache_clear")


def _remembers(value: Any) -> bool:
    """Whether an object can hold data of earlier calls: a logger, a file, a lock cannot."""
    top = type(value).__module__.partition(".")[0]
    return top in ("builtins", "collections", "itertools", "random", "__main__") or (
        top not in sys.stdlib_module_names
    )


def _mark(value: Any) -> str:
    return fingerprint(value) if value is not _ABSENT and _mutable(value) else ""


def _save(slot: _Slot) -> bool:
    """Take a copy of what the place holds; False where it is nothing that can change."""
    slot.value = slot.read()
    value = slot.value
    code = types.FunctionType | types.BuiltinFunctionType | types.ModuleType | type
    if value is not _ABSENT and (isinstance(value, code) or hasattr(value, "cache_clear")):
        return False
    if value is _ABSENT or not _mutable(value):
        return True
    if not _remembers(value):
        return False
    try:
        slot.saved = copy.deepcopy(value)
    except Exception:  # noqa: BLE001 - a lock, a connection: it cannot be put back, so leave it
        return False
    slot.mark = _mark(value)
    return True


def _put_back(value: Any, saved: Any) -> Any:
    """The object with its saved content, in place where others may hold it too."""
    fresh = copy.deepcopy(saved)
    if isinstance(value, dict):
        value.clear()
        value.update(fresh)
        return value
    if isinstance(value, list):
        value[:] = fresh
        return value
    if isinstance(value, set):
        value.clear()
        value.update(fresh)
        return value
    if hasattr(value, "__dict__") and type(value).__module__.partition(".")[0] not in (
        "pandas",
        "numpy",
    ):
        value.__dict__.clear()
        value.__dict__.update(fresh.__dict__)
        return value
    return fresh
