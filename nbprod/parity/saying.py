"""Rows as JSON text says them, and what a caller would write for what JSON has no type for."""

from __future__ import annotations

import json
from datetime import date
from datetime import time as clock_time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from uuid import UUID

from nbprod.data.row_values import is_null
from nbprod.parity.calls import Raised

if TYPE_CHECKING:
    import pandas as pd

    from nbprod.parity.calls import Subject

Record = dict[str, Any]


def through_json(frame: pd.DataFrame) -> list[Record]:
    """Rows as JSON text and back. Moments with a time zone are sent in UTC, as instants.

    Raises Raised where a value cannot be said in JSON.
    """
    records: list[Record] = []
    for row in frame.to_dict("records"):
        try:
            text = json.dumps({str(name): _said(value) for name, value in row.items()})
        except TypeError as error:
            raise Raised(f"a row cannot be said in JSON: {error}") from error
        records.append(json.loads(text))
    return records


def sayable(subject: Subject, names: list[Any]) -> list[Any]:
    """The columns that JSON has words for, and those that the transform cannot do without."""
    unsaid = []
    for name in subject.nested.intersection(names):
        try:
            through_json(subject.rows[[name]])
        except Raised:
            unsaid.append(name)
    if unsaid:
        try:
            left = subject.features(subject.rows.drop(columns=unsaid))
        except Raised:
            return names
        if subject.compare(subject.base, left).differences:
            return names
    return [name for name in names if name not in unsaid]


def _said(value: Any) -> Any:
    """A value as JSON says it."""
    import numpy as np

    if isinstance(value, list | tuple | np.ndarray):
        return [_said(item) for item in value]
    if isinstance(value, set | frozenset):
        return [_said(item) for item in sorted(value, key=repr)]
    if isinstance(value, dict):
        return {str(key): _said(item) for key, item in value.items()}
    if is_null(value):
        return None
    if isinstance(value, date | clock_time):
        return _moment(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Enum):
        return _said(value.value)
    return _odd(value)


def _moment(value: date | clock_time) -> str:
    import pandas as pd

    if isinstance(value, clock_time):
        return value.isoformat()
    moment = pd.Timestamp(value)
    return (moment.tz_convert("UTC") if moment.tzinfo else moment).isoformat()


def _odd(value: Any) -> Any:
    """What JSON has no type for, as a caller would write it."""
    import pandas as pd

    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, UUID | PurePath | pd.Timedelta | pd.Period | pd.Interval):
        return str(value)
    return value
