"""A run's parameters, checked against the module's ``Parameters`` before anything is loaded."""

from __future__ import annotations

import dataclasses
import difflib
import json
import types
import typing
from typing import Any

from nbprod.errors import ConfigError

if typing.TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.predictor import LoadedModule
    from nbprod.records import Json

_WORDS = {"true": True, "false": False, "none": None, "null": None}


def checked_parameters(package: LoadedModule, values: Mapping[str, Any]) -> Any:
    """The module's Parameters with the given values in place of its defaults.

    values: of the declared types, or the texts a command line gives for them ("0.5", "true").
    Raises ConfigError for an unknown name ("did you mean") or a value of another type.
    """
    cls = package.entry_point("parameters.Parameters")
    fields = {item.name: item for item in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    checked = {}
    for name, value in values.items():
        if name not in fields:
            raise ConfigError(
                f"the notebook has no parameter {name!r}", hint=_did_you_mean(name, list(fields))
            )
        checked[name] = _typed(name, hints.get(name, Any), value)
    return cls(**checked)


def plain_parameters(parameters: Any) -> Json:
    """Parameters as plain JSON data; what JSON cannot hold becomes its text."""
    values = dataclasses.asdict(parameters)
    plain: Json = json.loads(json.dumps(values, default=str))
    return plain


def _did_you_mean(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"did you mean {close[0]!r}?"
    if not known:
        return "no cell is tagged `parameters`: give values that may vary a cell of their own"
    return f"its parameters cell has: {', '.join(sorted(known))}"


def _typed(name: str, hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        for option in typing.get_args(hint):
            try:
                return _typed(name, option, value)
            except ConfigError:
                continue
        raise _wrong(name, str(hint), value)
    if hint is Any or not isinstance(origin or hint, type):
        return value
    kind: type = origin or hint
    if isinstance(value, str) and kind is not str:
        value = _from_text(value)
    if kind is float and type(value) is int:
        return float(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind is tuple and isinstance(value, list):
        return tuple(value)
    if isinstance(value, kind) and not (isinstance(value, bool) and kind in (int, float)):
        return value
    raise _wrong(name, getattr(hint, "__name__", str(hint)), value)


def _from_text(text: str) -> Any:
    if text.strip().lower() in _WORDS:
        return _WORDS[text.strip().lower()]
    try:
        return json.loads(text)
    except ValueError:
        try:
            return float(text)  # "1e-3" and ".5" are no JSON
        except ValueError:
            return text


def _wrong(name: str, expected: str, value: Any) -> ConfigError:
    return ConfigError(
        f"parameter {name!r} is {value!r}, a {type(value).__name__}",
        hint=f"its type in the notebook's parameters cell is {expected}",
    )
