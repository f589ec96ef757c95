"""Small values as JSON that remembers their types: tuples, sets, int keys, dates, NumPy scalars."""

from __future__ import annotations

import base64
import collections
import datetime as dt
import decimal
import json
import math
import re
import zoneinfo
from collections.abc import Callable
from typing import Any

from nbprod.errors import TamperedReleaseError

# The key that marks an object of ours; a plain dict that uses it is written as items.
TAG = "$type"
Code = Callable[[Any], Any]


def encode(value: Any, inner: Code) -> tuple[bool, Any]:
    """(true, JSON) for a small value or a container of such; (false, None) for anything else.

    inner: encodes the members of a container.
    """
    cls = type(value)
    if value is None or cls in (bool, int, str):
        return True, value
    if cls is float:
        return True, value if math.isfinite(value) else {TAG: "float", "value": repr(value)}
    if cls is list:
        return True, [inner(item) for item in value]
    if cls is dict and TAG not in value and all(type(key) is str for key in value):
        # JSON is written with sorted keys: the order of the entries is kept on its own
        names = list(value)
        plain = {name: inner(item) for name, item in value.items()}
        return True, plain if names == sorted(names) else {TAG: "dict", **_items(value, inner)}
    writer = _WRITERS.get(cls)
    if writer is not None:
        return True, {TAG: _NAMES[cls], **writer(value, inner)}
    root = cls.__module__.partition(".")[0]
    if root == "numpy":
        return _numpy(value)
    if root == "pandas":
        return _pandas(value)
    return False, None


def decode(value: Any, inner: Code) -> Any:
    """The value again; ``inner`` decodes the members of a container."""
    if isinstance(value, list):
        return [inner(item) for item in value]
    if not isinstance(value, dict):
        return value
    if TAG not in value:
        return {key: inner(item) for key, item in value.items()}
    reader = _READERS.get(value[TAG])
    if reader is None:
        raise TamperedReleaseError(
            f"the saved state holds a value of the unknown kind {value[TAG]!r}",
            hint="it was written by a newer nbprod, or edited: restore it or train again",
        )
    return reader(value, inner)


def _items(value: Any, inner: Code) -> dict[str, Any]:
    return {"items": [[inner(key), inner(item)] for key, item in value.items()]}


def _pairs(value: Any, inner: Code) -> list[tuple[Any, Any]]:
    return [(inner(key), inner(item)) for key, item in value["items"]]


def _members(value: Any, inner: Code) -> dict[str, Any]:
    return {"items": [inner(item) for item in value]}


def _sorted_members(value: Any, inner: Code) -> dict[str, Any]:
    # a set has no order: one is chosen, so that the same set gives the same bytes
    members = [inner(item) for item in value]
    return {"items": sorted(members, key=lambda item: json.dumps(item, sort_keys=True))}


def _default_dict(value: Any, inner: Code) -> dict[str, Any]:
    factory = value.default_factory
    if factory is not None and factory not in _FACTORIES.values():
        raise TypeError("a defaultdict whose factory is not int, float, str, list, dict or set")
    return {"factory": factory.__name__ if factory else None, **_items(value, inner)}


def _read_default_dict(value: Any, inner: Code) -> Any:
    factory = _FACTORIES[value["factory"]] if value["factory"] else None
    return collections.defaultdict(factory, _pairs(value, inner))


def _zone(value: Any) -> Any:
    """A time zone as text: a name of the zone database, or seconds east of UTC."""
    zone = value.tzinfo
    if zone is None:
        return None
    if isinstance(zone, zoneinfo.ZoneInfo) and zone.key:
        return zone.key
    if isinstance(zone, dt.timezone):
        offset = zone.utcoffset(None)
        return offset.total_seconds()
    raise TypeError(f"a time zone of type {type(zone).__name__}; use zoneinfo.ZoneInfo")


def _zoned(zone: Any) -> dt.tzinfo | None:
    if zone is None:
        return None
    if isinstance(zone, str):
        return zoneinfo.ZoneInfo(zone)
    return dt.UTC if zone == 0 else dt.timezone(dt.timedelta(seconds=zone))


def _moment(value: Any, _: Code) -> dict[str, Any]:
    plain = value.replace(tzinfo=None, fold=0).isoformat()
    return {"value": plain, "zone": _zone(value), "fold": value.fold}


def _read_datetime(value: Any, _: Code) -> Any:
    moment = dt.datetime.fromisoformat(value["value"])
    return moment.replace(tzinfo=_zoned(value["zone"]), fold=value["fold"])


def _read_time(value: Any, _: Code) -> Any:
    moment = dt.time.fromisoformat(value["value"])
    return moment.replace(tzinfo=_zoned(value["zone"]), fold=value["fold"])


def _numpy(value: Any) -> tuple[bool, Any]:
    import numpy as np

    if isinstance(value, np.dtype) and not value.hasobject and value.names is None:
        return True, {TAG: "dtype", "value": value.str}
    if not isinstance(value, np.generic) or value.dtype.hasobject or value.dtype.names:
        return False, None
    content = base64.b64encode(value.tobytes()).decode()
    return True, {TAG: "numpy", "dtype": value.dtype.str, "bytes": content, "shown": str(value)}


def _read_numpy(value: Any, _: Code) -> Any:
    import numpy as np

    return np.frombuffer(base64.b64decode(value["bytes"]), dtype=value["dtype"])[0]


def _read_dtype(value: Any, _: Code) -> Any:
    import numpy as np

    return np.dtype(value["value"])


def _pandas(value: Any) -> tuple[bool, Any]:
    import pandas as pd

    if value is pd.NA or value is pd.NaT:
        return True, {TAG: "pandas", "value": "NA" if value is pd.NA else "NaT"}
    if type(value) in (pd.Timestamp, pd.Timedelta):
        plain = {TAG: type(value).__name__, "value": int(value.value), "unit": value.unit}
        if isinstance(value, pd.Timestamp):
            plain |= {"zone": _zone(value), "shown": str(value)}
        # .value is nanoseconds whatever the unit
        return True, plain
    return False, None


def _read_pandas(value: Any, _: Code) -> Any:
    import pandas as pd

    return pd.NA if value["value"] == "NA" else pd.NaT


def _read_timestamp(value: Any, _: Code) -> Any:
    import pandas as pd

    moment = pd.Timestamp(value["value"], unit="ns", tz="UTC").as_unit(value["unit"])
    zone = _zoned(value["zone"])
    return moment.tz_localize(None) if zone is None else moment.tz_convert(zone)


def _read_timedelta(value: Any, _: Code) -> Any:
    import pandas as pd

    return pd.Timedelta(value["value"], unit="ns").as_unit(value["unit"])


_FACTORIES: dict[str, type] = {cls.__name__: cls for cls in (int, float, str, list, dict, set)}
Write = Callable[[Any, Code], dict[str, Any]]
_WRITERS: dict[type, Write] = {
    dict: _items,
    tuple: _members,
    set: _sorted_members,
    frozenset: _sorted_members,
    collections.OrderedDict: _items,
    collections.Counter: _items,
    collections.defaultdict: _default_dict,
    bytes: lambda value, _: {"value": base64.b64encode(value).decode()},
    complex: lambda value, _: {"value": repr(value)},
    range: lambda value, _: {"value": [value.start, value.stop, value.step]},
    slice: lambda value, inner: {
        "value": [inner(i) for i in (value.start, value.stop, value.step)]
    },
    decimal.Decimal: lambda value, _: {"value": str(value)},
    re.Pattern: lambda value, inner: {"value": inner(value.pattern), "flags": value.flags},
    dt.datetime: _moment,
    dt.time: _moment,
    dt.date: lambda value, _: {"value": value.isoformat()},
    dt.timedelta: lambda value, _: {"value": [value.days, value.seconds, value.microseconds]},
    dt.timezone: lambda value, _: {"value": value.utcoffset(None).total_seconds()},
    zoneinfo.ZoneInfo: lambda value, _: {"value": value.key},
}
_NAMES = {cls: cls.__name__ for cls in _WRITERS}
_READERS: dict[str, Callable[[Any, Code], Any]] = {
    "float": lambda value, _: float(value["value"]),
    "dict": lambda value, inner: dict(_pairs(value, inner)),
    "tuple": lambda value, inner: tuple(inner(item) for item in value["items"]),
    "set": lambda value, inner: {inner(item) for item in value["items"]},
    "frozenset": lambda value, inner: frozenset(inner(item) for item in value["items"]),
    "OrderedDict": lambda value, inner: collections.OrderedDict(_pairs(value, inner)),
    "Counter": lambda value, inner: collections.Counter(dict(_pairs(value, inner))),
    "defaultdict": _read_default_dict,
    "bytes": lambda value, _: base64.b64decode(value["value"]),
    "complex": lambda value, _: complex(value["value"]),
    "range": lambda value, _: range(*value["value"]),
    "slice": lambda value, inner: slice(*(inner(item) for item in value["value"])),
    "Decimal": lambda value, _: decimal.Decimal(value["value"]),
    "Pattern": lambda value, inner: re.compile(inner(value["value"]), value["flags"]),
    "datetime": _read_datetime,
    "time": _read_time,
    "date": lambda value, _: dt.date.fromisoformat(value["value"]),
    "timedelta": lambda value, _: dt.timedelta(*value["value"]),
    "timezone": lambda value, _: _zoned(value["value"]),
    "ZoneInfo": lambda value, _: zoneinfo.ZoneInfo(value["value"]),
    "numpy": _read_numpy,
    "dtype": _read_dtype,
    "pandas": _read_pandas,
    "Timestamp": _read_timestamp,
    "Timedelta": _read_timedelta,
}
