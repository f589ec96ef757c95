"""Any value as plain data and array files, so that two processes can lay theirs side by side.

The cells' values and the module's live in two processes, and each side's classes are its own
(``__main__.Scaler`` here, ``flight_delay.lib.Scaler`` there). Pickle would need the other side's
classes and would run their code; so each side writes what its values *hold*: JSON, and npy files
named by their content. Equal content is then equal text, and only what differs is loaded.
Both sides go through this one encoding, so whatever it cannot tell apart, it loses on both sides
alike: it may miss a difference of dtype width, and never invents one.
"""

from __future__ import annotations

import datetime
import decimal
import enum
import fractions
import io
import json
import pathlib
import re
import types
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from nbprod.extraction.proof.holding import fields_beside, fields_of
from nbprod.extraction.proof.tables import array, is_array, is_table, long_list, table
from nbprod.notebook.effects import DISPLAY_MODULES
from nbprod.records import canonical_json, sha256

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.records import Json

_DEEPEST = 40
_MOST_PARTS = 200_000
_FUNCTIONS = (types.FunctionType, types.BuiltinFunctionType, types.MethodType)
_PRINTED = (
    datetime.date,
    datetime.time,
    datetime.timedelta,
    datetime.tzinfo,
    decimal.Decimal,
    fractions.Fraction,
    uuid.UUID,
    pathlib.PurePath,
    range,
    slice,
    bytearray,
    re.Pattern,
)
# What a fitted model is asked, in this order; the first that answers, and `predict`.
_ANSWERS = ("predict_proba", "decision_function", "predict")


class Encoder:
    """Writes values into a private folder; what ``encode`` returns goes into JSON.

    own_modules: names of modules whose functions and classes are the notebook's own.
    """

    def __init__(self, folder: Path, own_modules: Sequence[str] = ("__main__",)) -> None:
        self.folder = folder
        self._own = tuple(own_modules)
        self._inside: list[int] = []
        self._parts = 0
        self._probes: Sequence[Any] = ()

    def encode(self, value: Any, probes: Sequence[Any] = ()) -> Json:
        """A value as plain data.

        probes: features to ask models with; a model is then what it answers. Parts that cannot
        be told are ``{"t": "opaque", "why": ...}``.
        """
        self._parts, self._probes, self._inside = 0, probes, []
        return self._encode(value)

    def keep(self, content: bytes, suffix: str) -> str:
        """Write bytes under the name of their digest; the name comes back."""
        name = sha256(content)[:32] + suffix
        path = self.folder / name
        if not path.exists():
            path.write_bytes(content)
        return name

    def keep_array(self, values: Any) -> str:
        """Write a NumPy array without objects."""
        import numpy as np

        buffer = io.BytesIO()
        np.save(buffer, values, allow_pickle=False)
        return self.keep(buffer.getvalue(), ".npy")

    def keep_texts(self, values: list[str | None]) -> str:
        """Write texts, some of them null."""
        return self.keep(json.dumps(values).encode("utf-8", "surrogatepass"), ".json")

    def items(self, values: Sequence[Any]) -> list[Json]:
        """Each of several values as plain data."""
        return [self._encode(value) for value in values]

    def _encode(self, value: Any) -> Json:
        self._parts += 1
        if (plain := _scalar(value)) is not None:
            return plain
        if id(value) in self._inside:
            return {"t": "again"}
        if len(self._inside) > _DEEPEST or self._parts > _MOST_PARTS:
            return _opaque("too large or too deep")
        self._inside.append(id(value))
        try:
            for kind in (self._rows, self._container, self._named, self._model, self._object):
                told = kind(value)
                if told is not None:
                    return told
        except Exception as error:  # noqa: BLE001 - a value's own code runs here; whatever it raises
            return _opaque(f"{type(error).__name__} while it was read: {str(error)[:200]}")
        finally:
            self._inside.pop()
        return _opaque(f"a {_class(value)} shows nothing of what it holds")

    # ------------------------------------------------------------ kinds of values

    def _rows(self, value: Any) -> Json | None:
        if is_table(value):
            return table(value, self)
        if is_array(value):
            return array(value, self)
        if isinstance(value, list | tuple):
            return long_list(value, self)
        return None

    def _container(self, value: Any) -> Json | None:
        told = self._contained(value)
        beside = fields_beside(value) if told is not None else {}
        if told is None or not beside:
            return told
        fields = {name: self._encode(item) for name, item in beside.items()}
        return {"t": "object", "class": _class(value), "items": _pairs({"items": told, **fields})}

    def _contained(self, value: Any) -> Json | None:
        if isinstance(value, Mapping):
            pairs = [[self._encode(key), self._encode(item)] for key, item in value.items()]
            return {"t": "dict", "items": sorted(pairs, key=lambda pair: canonical_json(pair[0]))}
        if isinstance(value, set | frozenset):
            return {"t": "set", "items": sorted(self.items(list(value)), key=canonical_json)}
        if isinstance(value, list | tuple | deque):
            kind = "tuple" if isinstance(value, tuple) else "list"
            return {"t": kind, "items": self.items(value)}
        return None

    def _named(self, value: Any) -> Json | None:
        """Functions, modules and pictures: what is known by its name, or not at all."""
        if isinstance(value, types.ModuleType):
            return _opaque("a module")
        module = str(getattr(value, "__module__", None) or type(value).__module__)
        if isinstance(value, _FUNCTIONS) or type(value).__name__ == "ufunc":
            name = str(getattr(value, "__qualname__", value.__name__))
            if module.split(".")[0] in {own.split(".")[0] for own in self._own} or "<" in name:
                return _opaque("a function of the notebook")
            return {"t": "printed", "of": "function", "v": f"{module}.{name}"}
        top = type(value).__module__.partition(".")[0]
        if top in DISPLAY_MODULES:
            return _opaque("a picture or logger")
        return None

    def _model(self, value: Any) -> Json | None:
        """A model by what it answers to the features that training read."""
        if not self._probes or not callable(getattr(value, "predict", None)):
            return None
        for probe in self._probes:
            answers: dict[str, Json] = {}
            for method in _ANSWERS:
                if callable(ask := getattr(value, method, None)):
                    answer = _answer(ask, probe)
                    if answer is not None:
                        answers[method] = self._encode(answer)
            if answers:
                return {"t": "model", "class": _class(value), "items": _pairs(answers)}
        return None

    def _object(self, value: Any) -> Json | None:
        """Any other object by its class and all that it holds."""
        told = {name: self._encode(item) for name, item in fields_of(value).items()}
        return {"t": "object", "class": _class(value), "items": _pairs(told)}


def _answer(ask: Callable[[Any], Any], probe: Any) -> Any:
    """What a model says of some rows; None where it does not take them."""
    import warnings

    known = getattr(getattr(ask, "__self__", None), "feature_names_in_", None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if known is not None and set(known) < set(getattr(probe, "columns", ())):
                return ask(probe[list(known)])  # it was trained on some of the columns
            return ask(probe.copy() if hasattr(probe, "copy") else probe)
        except Exception:  # noqa: BLE001 - a model refuses other features in its own way
            return None


def _pairs(values: Mapping[str, Json]) -> list[list[Any]]:
    return [[{"t": "text", "v": name}, item] for name, item in values.items()]


def _opaque(why: str) -> Json:
    return {"t": "opaque", "why": why}


def _class(value: Any) -> str:
    return type(value).__qualname__


def _scalar(value: Any) -> Json | None:
    """A single value, numbers without loss; None for anything else."""
    if value is None or type(value).__name__ in ("NaTType", "NAType"):
        return {"t": "null"}
    if isinstance(value, enum.Enum):
        return {"t": "printed", "of": _class(value), "v": value.name}
    if hasattr(value, "dtype") and getattr(value, "shape", None) == () and hasattr(value, "item"):
        item = value.item()  # a NumPy scalar; a moment finer than microseconds becomes a number
        if type(value).__module__ == "numpy" and value.dtype.kind in "biufcSU":
            value = item
    for kind, tell in _TOLD.items():
        if isinstance(value, kind):
            return tell(value)
    if isinstance(value, _PRINTED) or _is_printed(value):
        return {"t": "printed", "of": _class(value), "v": str(value)}
    return None


# How single values are told; bool before int, which it is.
_TOLD: dict[type, Callable[[Any], Json]] = {
    bool: lambda value: {"t": "bool", "v": value},
    int: lambda value: {"t": "int", "v": str(int(value))},
    float: lambda value: {"t": "float", "v": float(value).hex()},
    complex: lambda value: {"t": "printed", "of": "complex", "v": repr(value)},
    str: lambda value: {"t": "text", "v": str(value)},
    bytes: lambda value: {
        "t": "printed",
        "of": "bytes",
        "v": f"{len(value)} bytes, {sha256(value)}",
    },
    type: lambda value: {"t": "printed", "of": "class", "v": value.__qualname__},
}


def _is_printed(value: Any) -> bool:
    """Whether a value of pandas, NumPy or torch is told whole by its text."""
    kind = type(value)
    top = kind.__module__.partition(".")[0]
    if top == "numpy":
        return kind.__name__ in ("datetime64", "timedelta64") or "dtype" in kind.__name__.lower()
    if top == "pandas":
        return kind.__name__ in ("Period", "Interval") or kind.__name__.endswith("Dtype")
    return top == "torch" and kind.__name__ in ("device", "dtype", "Size")
