"""One value of ``nbprod.toml``: held against the type its setting has, or refused by name."""

from __future__ import annotations

import dataclasses
import difflib
import re
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from nbprod.errors import ConfigError

_UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_DURATION = re.compile(r"^(\d+(?:\.\d+)?)(ms|s|m|h|d|w)$")
DURATION_HINT = "write a number and a unit: 500ms, 90s, 1h, 30d, 2w"
_NOUNS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    str: "a text",
    bool: "true or false",
}


def duration_s(text: str) -> float:
    """Seconds in a duration such as ``"90s"``, ``"1h"`` or ``"30d"``."""
    match = _DURATION.match(text.strip())
    if not match:
        raise ConfigError(f"{text!r} is not a duration", hint=DURATION_HINT)
    return float(match[1]) * _UNITS_S[match[2]]


def is_duration(text: str) -> bool:
    """Whether a text is a number with a unit of time."""
    return _DURATION.match(text.strip()) is not None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The known word that is close to this one, or all of them."""
    names = list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(names))}"


def section_of(kind: type, values: Mapping[str, Any], where: Callable[[str], str]) -> Any:
    """A section's dataclass from plain values; ConfigError names the place of a wrong one.

    where: the place of a key, such as ``nbprod.toml, line 9: [serving] port``.
    """
    hints = typing.get_type_hints(kind)
    defaults = kind()
    checked = {}
    for key, value in values.items():
        if key not in hints:
            raise ConfigError(f"unknown key {key!r}", hint=did_you_mean(key, hints))
        checked[key] = _typed(hints[key], value, where(key))
        if typing.is_typeddict(hints[key]) and hints[key].__total__:
            checked[key] = {**getattr(defaults, key), **checked[key]}
    return dataclasses.replace(defaults, **checked)


def _typed(hint: Any, value: Any, where: str) -> Any:
    """The value as its type wants it: lists become tuples, whole numbers may be numbers."""
    origin = typing.get_origin(hint)
    if origin is Literal:
        if value in (options := typing.get_args(hint)):
            return value
        raise ConfigError(f"{where} is {value!r}", hint=f"one of: {', '.join(map(repr, options))}")
    if origin in (types.UnionType, typing.Union):
        return _one_of(typing.get_args(hint), value, where)
    if typing.is_typeddict(hint) and isinstance(value, Mapping):
        return _table(hint, value, where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(_typed(typing.get_args(hint)[0], item, where) for item in value)
    if origin is dict and isinstance(value, Mapping):
        inner = typing.get_args(hint)[1]
        return {str(name): _typed(inner, item, f"{where}.{name}") for name, item in value.items()}
    if hint is Any:
        return value
    if isinstance(value, bool) and hint is not bool:
        pass  # true is no number, though Python counts it as one
    elif hint is float and isinstance(value, int | float):
        return float(value)
    elif isinstance(hint, type) and not typing.is_typeddict(hint) and isinstance(value, hint):
        return value
    raise ConfigError(f"{where} is {value!r}", hint=f"expected: {_noun(hint)}")


def _one_of(hints: tuple[Any, ...], value: Any, where: str) -> Any:
    """The first type that takes the value; a table is judged as the table it can be."""
    for hint in hints:
        if typing.is_typeddict(hint) and isinstance(value, Mapping):
            return _table(hint, value, where)
        try:
            return _typed(hint, value, where)
        except ConfigError:
            continue
    raise ConfigError(f"{where} is {value!r}", hint=f"expected: {' or '.join(map(_noun, hints))}")


def _table(kind: Any, value: Mapping[str, Any], where: str) -> dict[str, Any]:
    """An inline table whose keys are known; a misspelt one would switch nothing on, in silence."""
    hints = typing.get_type_hints(kind)
    for key in value:
        if key not in hints:
            raise ConfigError(f"{where} has no key {key!r}", hint=did_you_mean(key, hints))
    return {key: _typed(hints[key], item, f"{where}.{key}") for key, item in value.items()}


def _noun(hint: Any) -> str:
    """A type in the words of whoever writes the file."""
    if typing.get_origin(hint) is tuple:
        return f"a list, each item {_noun(typing.get_args(hint)[0])}"
    if typing.is_typeddict(hint):
        return f"a table with {', '.join(typing.get_type_hints(hint))}"
    if typing.get_origin(hint) is dict:
        return "a table"
    return _NOUNS.get(hint, getattr(hint, "__name__", str(hint)))
