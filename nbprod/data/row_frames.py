"""The frame that rows make under a contract: the wire's end, where JSON gets its dtypes back."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from nbprod.data.row_values import Broken, datetime_unit, is_null, judge_of, moment_of
from nbprod.errors import DataError
from nbprod.records import ColumnRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pandas as pd


def frame_of(rows: Sequence[Mapping[str, Any]], rules: tuple[ColumnRule, ...]) -> pd.DataFrame:
    """The rows as a frame with the contract's columns, order and dtypes: the wire's end.

    int64 (Int64 where nullable), float64, bool (object where null), the default string dtype,
    and datetime64 in the resolution and zone that the rule's ``unit`` names. A column that rows
    leave out is null. Raises DataError where a value cannot have the dtype.
    """
    columns = {rule.name: [row.get(rule.name) for row in rows] for rule in rules}
    return frame_of_columns(columns, rules, len(rows))


def frame_of_columns(
    columns: Mapping[str, list[Any]], rules: tuple[ColumnRule, ...], height: int
) -> pd.DataFrame:
    """The same frame from columns of ``height`` values; see `frame_of`."""
    import pandas as pd

    texts = _str_columns(columns, [rule for rule in rules if rule.dtype == "str"])
    built = {
        rule.name: texts[rule.name] if rule.dtype == "str" else _column(columns[rule.name], rule)
        for rule in rules
    }
    return pd.DataFrame(built, index=pd.RangeIndex(height), copy=False)


def conformed(frame: pd.DataFrame, rules: Iterable[ColumnRule]) -> pd.DataFrame:
    """A frame that keeps the contract, with the dtypes that `frame_of` gives these columns.

    Other columns stay as they are; the index is counted from 0.
    """
    whole = frame.reset_index(drop=True)
    for rule in rules:
        if rule.name in whole.columns and not _natural(whole[rule.name].dtype, rule):
            values = whole[rule.name].tolist()
            rows = [{rule.name: None if is_null(value) else value} for value in values]
            whole[rule.name] = frame_of(rows, (rule,))[rule.name]
    return whole


def _natural(dtype: Any, rule: ColumnRule) -> bool:
    """Whether a column has the rule's kind of dtype already, whatever its width."""
    kinds = {"int": "i", "float": "f", "bool": "b", "datetime": "M"}
    if rule.dtype == "str":
        return bool(dtype == _text_dtype())
    return getattr(dtype, "kind", "O") == kinds[rule.dtype]


# ---------------------------------------------------------------- one column


def _column(values: list[Any], rule: ColumnRule) -> Any:
    build = {
        "int": _int_column,
        "float": _float_column,
        "bool": _bool_column,
        "datetime": _datetime_column,
    }[rule.dtype]
    try:
        return build(values, rule)
    except (Broken, TypeError, ValueError, OverflowError) as error:
        raise _no_column(rule, error) from error


def _no_column(rule: ColumnRule, error: Exception) -> DataError:
    message = error.message if isinstance(error, Broken) else str(error)
    return DataError(
        f"column {rule.name!r} cannot be {rule.dtype}: {message}",
        hint="judge the rows with the contract before they become a frame",
        column=rule.name,
    )


def _only(values: list[Any], *types: type) -> None:
    if odd := set(map(type, values)) - {*types, type(None)}:
        names = ", ".join(sorted(kind.__name__ for kind in odd))
        raise TypeError(f"it holds {names}")


def _int_column(values: list[Any], rule: ColumnRule) -> Any:
    import numpy as np
    import pandas as pd

    if any(type(value) is not int for value in values):
        judge = judge_of(ColumnRule(name=rule.name, dtype="int", nullable=True))
        values = [judge(value) for value in values]
    if rule.nullable or None in values:
        return pd.array(values, dtype="Int64")
    return np.array(values, dtype=np.int64)


def _float_column(values: list[Any], _rule: ColumnRule) -> Any:
    import numpy as np

    _only(values, float, int, np.float64)
    return np.array(values, dtype=np.float64)  # None becomes NaN


def _bool_column(values: list[Any], _rule: ColumnRule) -> Any:
    import numpy as np

    _only(values, bool, np.bool_)
    return np.array(values, dtype=object if None in values else bool)


@cache
def _text_dtype() -> Any:
    """The dtype of text: pandas 3 has a string dtype, pandas 2 keeps objects."""
    import pandas as pd

    return pd.Series(["a"]).dtype


def _str_columns(columns: Mapping[str, list[Any]], rules: list[ColumnRule]) -> dict[str, Any]:
    """Every text column, cut out of one array: making the array is what costs."""
    import numpy as np
    import pandas as pd

    everything: list[Any] = []
    for rule in rules:
        values = columns[rule.name]
        if any(type(value) is not str for value in values):
            values = [None if is_null(value) else value for value in values]
            try:
                _only(values, str)
            except TypeError as error:
                raise _no_column(rule, error) from error
        everything.extend(values)
    dtype = _text_dtype()
    array: Any = np.array(everything, dtype=object)
    if dtype.kind != "O" or hasattr(dtype, "storage"):
        array = pd.array(everything, dtype=dtype)
    height = len(everything) // len(rules) if rules else 0
    return {
        rule.name: array[position * height : (position + 1) * height]
        for position, rule in enumerate(rules)
    }


def _datetime_column(values: list[Any], rule: ColumnRule) -> Any:
    import numpy as np
    import pandas as pd

    resolution: Any
    resolution, zone = datetime_unit(rule)
    array = _utc_array(values, zone)
    if array is None:
        moments = [None if is_null(value) else moment_of(value, zone) for value in values]
        fine = any(isinstance(moment, pd.Timestamp) for moment in moments)
        if fine:  # each in the column's own unit: years that fit it need not fit nanoseconds
            own = [pd.Timestamp(one).as_unit(resolution) if one else pd.NaT for one in moments]
            index = pd.DatetimeIndex(own).as_unit(resolution)
            return index.tz_convert(zone) if zone else index
        naive = [moment.replace(tzinfo=None) if moment else None for moment in moments]
        array = np.array(naive, dtype="datetime64[us]")
    array = array.astype(f"datetime64[{resolution}]")
    if not zone:
        return array
    return pd.DatetimeIndex(array).tz_localize("UTC").tz_convert(zone)


def _utc_array(values: list[Any], zone: str) -> Any:
    """Moments as the contract's judges give them, at once: in UTC, or naive without a zone.

    None where one of them is something else.
    """
    if not set(map(type, values)) <= {datetime, type(None)}:
        return None
    zones = {moment.tzinfo for moment in values if moment is not None}
    if not zones <= {UTC if zone else None}:
        return None
    import pyarrow as pa

    kind = pa.timestamp("us", tz="UTC" if zone else None)
    return pa.array(values, type=kind).to_numpy(zero_copy_only=False)
