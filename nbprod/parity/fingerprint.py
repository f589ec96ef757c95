"""One text for a value of any kind, so that a change of it, or between two, can be seen."""

from __future__ import annotations

import hashlib
import pickle
import sys
import types
from collections.abc import Mapping
from typing import Any

_RANDOM = ("Generator", "RandomState", "Random", "BitGenerator", "PCG64", "MT19937")
_CODE = types.FunctionType | types.BuiltinFunctionType | types.ModuleType | type


def fingerprint(value: Any, *, with_random: bool = True) -> str:
    """SHA-256 over the content of a value: containers, arrays, frames, estimators, dataclasses.

    Sets and mappings count by content, not by order. with_random: whether the position of a
    random generator counts. Functions, classes and modules count by name. What has neither a
    ``__dict__`` nor a pickle counts by its type only.
    """
    return _Walk(with_random).of(value)


def changed_fields(before: Any, after: Any) -> list[str]:
    """The fields or keys in which two states differ; empty where they have none."""
    fields = [
        dict(value) if isinstance(value, Mapping) else _attributes(value)
        for value in (before, after)
    ]
    names = dict.fromkeys([*fields[0], *fields[1]])
    return [
        str(name)
        for name in names
        if fingerprint(fields[0].get(name)) != fingerprint(fields[1].get(name))
    ]


def is_random(value: Any) -> bool:
    """Whether a value is a random number generator."""
    return type(value).__name__ in _RANDOM


class _Walk:
    """Digests of everything below one value, each object once."""

    def __init__(self, with_random: bool) -> None:
        self._with_random = with_random
        # id -> the object, held so that its id stays its own, and its digest
        self._known: dict[int, tuple[Any, str]] = {}

    def of(self, value: Any) -> str:
        """The digest of one value; a cycle ends where it began."""
        if value is None or isinstance(value, bool | int | float | complex | str | bytes):
            text = f"{type(value).__name__} {value!r}".encode(errors="replace")
            return hashlib.sha256(text).hexdigest()
        if id(value) in self._known:
            return self._known[id(value)][1]
        self._known[id(value)] = value, "a cycle"
        digest = hashlib.sha256(type(value).__name__.encode() + b"\0")
        for part in self._content(value):
            digest.update(part if isinstance(part, bytes) else part.encode(errors="replace"))
        self._known[id(value)] = value, digest.hexdigest()
        return digest.hexdigest()

    def _content(self, value: Any) -> list[bytes | str]:
        if isinstance(value, _CODE):
            return [str(getattr(value, "__qualname__", value))]
        if is_random(value):
            return [pickle.dumps(value)] if self._with_random else []
        if (content := _array(value)) is not None:
            return [*content]
        if isinstance(value, Mapping):
            return [part for pair in sorted(self._pairs(value)) for part in pair]
        if isinstance(value, set | frozenset):
            return [*sorted(self.of(item) for item in value)]
        if isinstance(value, list | tuple) or type(value).__name__ == "deque":
            return [self.of(item) for item in value]
        if type(value).__module__.partition(".")[0] not in sys.stdlib_module_names:
            attributes = _attributes(value)
            if attributes:
                return [part for pair in sorted(self._pairs(attributes)) for part in pair]
        return [_pickled(value)]

    def _pairs(self, value: Mapping[Any, Any]) -> list[tuple[str, str]]:
        return [(self.of(key), self.of(item)) for key, item in value.items()]


def _attributes(value: Any) -> dict[str, Any]:
    attributes = getattr(value, "__dict__", None)
    if attributes is not None:
        return dict(attributes)
    slots = [name for cls in type(value).__mro__ for name in getattr(cls, "__slots__", ())]
    return {name: getattr(value, name) for name in slots if hasattr(value, name)}


def _pickled(value: Any) -> bytes:
    try:
        return pickle.dumps(value)
    except Exception:  # noqa: BLE001 - whatever pickling raises: then only the type counts
        return b""


def _array(value: Any) -> list[bytes] | None:
    """Arrays, frames and tensors by their bytes; None for anything else."""
    import numpy as np
    import pandas as pd

    if isinstance(value, np.ndarray):
        head = f"{value.dtype}{value.shape}".encode()
        if value.dtype == object:
            return [head, repr([repr(item) for item in value.ravel().tolist()]).encode()]
        return [head, np.ascontiguousarray(value).tobytes()]
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index):
        names = list(value.columns) if isinstance(value, pd.DataFrame) else [value.name]
        dtypes = value.dtypes.tolist() if isinstance(value, pd.DataFrame) else [value.dtype]
        return [repr((names, [str(dtype) for dtype in dtypes])).encode(), _hashed(value)]
    if type(value).__module__.startswith("torch") and hasattr(value, "detach"):
        return [str(value.dtype).encode(), value.detach().cpu().contiguous().numpy().tobytes()]
    return None


def _hashed(value: Any) -> bytes:
    import pandas as pd

    try:
        if isinstance(value, pd.Index):
            return bytes(pd.util.hash_array(value.to_numpy()).tobytes())
        return bytes(pd.util.hash_pandas_object(value, index=True).to_numpy().tobytes())
    except TypeError:  # cells that are lists or arrays
        frame = value if isinstance(value, pd.DataFrame) else value.to_frame()
        return repr([repr(row) for row in frame.itertuples()]).encode()
