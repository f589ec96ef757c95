"""The user's own code that callables reach: functions and classes, as far as names tell."""

from __future__ import annotations

import functools
import inspect
import sys
import sysconfig
import types
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

_ABSENT = object()
_INSTALLED = {"site-packages", "dist-packages"}
_PLATFORM = tuple(
    {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
)


def is_users(module_name: str) -> bool:
    """Whether a module is the user's own: neither Python's, nor an installed package's."""
    top = module_name.partition(".")[0]
    if top == "nbprod" or (top in sys.stdlib_module_names and top != "__main__"):
        return False
    module = sys.modules.get(module_name)
    path = getattr(module, "__file__", None)
    if path is None:
        return True
    # an environment may lend another's packages: then sysconfig does not know where they lie
    installed = _INSTALLED & set(Path(path).parts)
    return not installed and not str(path).startswith(_PLATFORM)


def reachable(
    roots: tuple[Any, ...], caches: list[Any], classes: list[type]
) -> Iterator[types.FunctionType]:
    """Every function of the user that the roots can call, as far as names tell.

    Functions that cache, and the user's classes, are appended to the two lists.
    """
    queue, seen = list(roots), set()
    while queue:
        item = queue.pop()
        if id(item) in seen:
            continue
        seen.add(id(item))
        if hasattr(item, "cache_clear") and hasattr(item, "__wrapped__"):
            caches.append(item)
        if isinstance(item, type) and is_users(item.__module__):
            classes.append(item)
        if isinstance(item, types.FunctionType):
            if not is_users(item.__module__ or "__main__"):
                continue
            yield item
            queue.extend(_names_read(item))
            queue.extend(_contents(item))
        queue.extend(_parts(item))


def _parts(item: Any) -> list[Any]:
    """What a callable that is no plain function is made of."""
    if isinstance(item, functools.partial):
        return [item.func, *item.args, *item.keywords.values()]
    if isinstance(item, types.MethodType):
        return [item.__func__, item.__self__]
    if isinstance(item, type):
        if not is_users(item.__module__):
            return []
        return [_plain(member) for member in vars(item).values() if not _is_generated(item, member)]
    if hasattr(item, "__wrapped__"):
        return [item.__wrapped__]
    cls = type(item)
    return [cls] if is_users(cls.__module__) and cls.__module__ != "builtins" else []


def _is_generated(cls: type, member: Any) -> bool:
    """Whether `dataclasses` wrote a method: it reads fields, and what it uses is not the user's.

    A frozen dataclass can be hashed and printed; neither makes a transform follow the hash seed.
    ``__init__`` is not meant: it calls the factories that the user gave.
    """
    if "__dataclass_fields__" not in vars(cls) or not isinstance(member, types.FunctionType):
        return False
    function = inspect.unwrap(member)
    written = isinstance(function, types.FunctionType) and function.__name__ != "__init__"
    return written and function.__code__.co_filename == "<string>"


def _plain(member: Any) -> Any:
    if isinstance(member, staticmethod | classmethod):
        return member.__func__
    return member.fget if isinstance(member, property) else member


def code_names(code: types.CodeType) -> set[str]:
    """Every global, attribute and import name in a piece of code and the code inside it."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= code_names(constant)
    return names


def _names_read(function: types.FunctionType) -> list[Any]:
    """What the function's names stand for; of the user's modules, the members it names."""
    names = code_names(function.__code__)
    found = []
    for name in names:
        value = function.__globals__.get(name, _ABSENT)
        if isinstance(value, types.ModuleType):
            if is_users(value.__name__):
                found += [vars(value)[inner] for inner in names if inner in vars(value)]
        elif callable(value) or (value is not _ABSENT and _of_users_class(value)):
            found.append(value)
    return found


def _of_users_class(value: Any) -> bool:
    return type(value).__module__ != "builtins" and is_users(type(value).__module__)


def _contents(function: types.FunctionType) -> list[Any]:
    cells = []
    for cell in function.__closure__ or ():
        try:
            cells.append(cell.cell_contents)
        except ValueError:  # a name that is not bound yet
            continue
    return [value for value in cells if callable(value)]
