"""Plain data: ids, moments, canonical JSON, frozen values that go there and come back the same."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import secrets
import time
import types
import typing
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

from nbprod.errors import StoreError

Json = dict[str, Any]
REDACTED = "[redacted]"  # stands for a value that log, reports and releases must not hold
# What a long verb tells while it works: a message, and the fraction done in [0, 1] where known.
Progress = Callable[[str, float | None], None]


def new_id() -> str:
    """A new id, 24 characters; ids sort by the time they were made (milliseconds)."""
    return f"{time.time_ns() // 1_000_000:012x}{secrets.token_hex(6)}"


def new_ids(count: int) -> list[str]:
    """So many new ids of one moment."""
    moment, tails = f"{time.time_ns() // 1_000_000:012x}", secrets.token_hex(6 * count)
    return [moment + tails[start : start + 12] for start in range(0, 12 * count, 12)]


def id_time(record_id: str) -> datetime:
    """When an id was made, UTC, from its first 12 hexadecimal characters."""
    try:
        return datetime.fromtimestamp(int(record_id[:12], 16) / 1000, UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise StoreError(
            f"{record_id!r} is not an nbprod id",
            hint="an id is 24 hexadecimal characters, as printed by the command that made it",
        ) from error


def utc_now() -> str:
    """The present moment, UTC, ISO 8601 with milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, no spaces; NaN and infinities become strings."""
    return json.dumps(_finite(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def sha256(content: bytes | str) -> str:
    """The hexadecimal SHA-256 of bytes, or of a text in UTF-8."""
    return hashlib.sha256(content.encode() if isinstance(content, str) else content).hexdigest()


def _finite(value: Any) -> Any:
    if isinstance(value, str):  # most of what there is
        return value
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


class Plain:
    """A frozen dataclass that goes to plain data and comes back the same."""

    def to_json(self) -> Json:
        """The value as plain data: dicts, lists, strings, numbers, booleans, None."""
        return {
            item.name: _to_plain(getattr(self, item.name))
            for item in dataclasses.fields(self)  # type: ignore[arg-type]
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """The value again from plain data; unknown or missing fields raise StoreError."""
        hints = _hints(cls)  # type: ignore[arg-type]
        if unknown := set(data) - set(hints):
            raise StoreError(
                f"{cls.__name__} has no field {', '.join(sorted(map(repr, unknown)))}",
                hint="the record was written by another version of nbprod, or edited by hand",
            )
        try:
            return cls(**{name: _from_plain(hints[name], item) for name, item in data.items()})
        except (TypeError, ValueError, AttributeError) as error:
            raise StoreError(
                f"not a {cls.__name__}: {error}",
                hint="the record was written by another version of nbprod, or edited by hand",
            ) from error


@cache
def _hints(cls: type) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {item.name: hints[item.name] for item in dataclasses.fields(cls)}


def _to_plain(value: Any) -> Any:
    if isinstance(value, Plain):
        return value.to_json()
    if isinstance(value, Mapping):
        return {str(key): _to_plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_to_plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "item"):  # a NumPy scalar
        return value.item()
    raise TypeError(f"{type(value).__name__} does not belong in a record")


def _from_plain(hint: Any, value: Any) -> Any:
    origin = typing.get_origin(hint)
    if origin in (types.UnionType, typing.Union):
        if value is None:
            return None
        options = [option for option in typing.get_args(hint) if option is not type(None)]
        return _from_plain(options[0], value) if len(options) == 1 else value
    if origin is tuple:
        inner = typing.get_args(hint)[0]
        return tuple(_from_plain(inner, item) for item in value)
    if origin is dict:
        inner = typing.get_args(hint)[1]
        return {key: _from_plain(inner, item) for key, item in value.items()}
    if isinstance(hint, type) and issubclass(hint, Plain):
        return hint.from_json(value)
    if hint is float and isinstance(value, str):  # canonical JSON's "nan", "inf", "-inf"
        return float(value)
    return value
