"""Frames, series and arrays as plain data, column by column, and as frames again."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from nbprod.extraction.proof.encoding import Encoder
    from nbprod.records import Json

INDEX = "(index)"
_LONG = 1000  # a list of so many numbers or texts is written as a column
_WIDE = 4000  # an array of more columns is compared as one long one
_CONVERTED = ("polars", "pyarrow")  # tables that become pandas'


# ---------------------------------------------------------------- to plain data


def is_table(value: Any) -> bool:
    """Whether a value is a frame, series or index of pandas, polars or pyarrow."""
    top = type(value).__module__.partition(".")[0]
    if top == "pandas":
        import pandas as pd

        kinds = pd.DataFrame | pd.Series | pd.Index | pd.api.extensions.ExtensionArray
        return isinstance(value, kinds)
    return top in _CONVERTED and hasattr(value, "to_pandas")


def is_array(value: Any) -> bool:
    """Whether a value is an array or matrix of NumPy, SciPy or torch."""
    top = type(value).__module__.partition(".")[0]
    if top == "scipy":
        return hasattr(value, "tocoo") and hasattr(value, "toarray")
    if top == "torch":
        return type(value).__name__ in ("Tensor", "Parameter")
    return hasattr(value, "__array_interface__") and hasattr(value, "shape")


def table(value: Any, encoder: Encoder) -> Json:
    """A frame or series; a column a file, the index before them."""
    import pandas as pd

    if type(value).__module__.partition(".")[0] in _CONVERTED:
        value = value.to_pandas()
    if isinstance(value, pd.Index):
        value = value.to_frame(index=False)
    elif not isinstance(value, pd.DataFrame | pd.Series):
        value = pd.Series(value)
    index = [value.index.get_level_values(level) for level in range(value.index.nlevels)]
    if isinstance(value, pd.Series):
        names, columns, kind = [_name(value.name)], [value], "series"
    else:
        names = [_name(name) for name in value.columns]
        columns = [value.iloc[:, position] for position in range(value.shape[1])]
        kind = "frame"
    return {
        "t": kind,
        "rows": len(value),
        "names": names,
        "data": [_column(pd.Series(item).reset_index(drop=True), encoder) for item in columns],
        "index": [_column(pd.Series(level), encoder) for level in index],
    }


def array(value: Any, encoder: Encoder) -> Json:
    """An array of any number of dimensions; a sparse matrix by its stored entries."""
    import numpy as np

    if type(value).__module__.partition(".")[0] == "torch":
        value = value.detach().cpu()
        value = value.float() if "bfloat16" in str(value.dtype) else value
        values = value.numpy()
    elif hasattr(value, "tocoo"):
        matrix = value.tocsr()
        matrix.sum_duplicates()
        entries = matrix.tocoo()
        parts = np.column_stack([entries.row, entries.col, entries.data])
        told = {"t": "array", "shape": list(value.shape), "file": encoder.keep_array(parts)}
        return {**told, "sparse": True}
    elif isinstance(value, np.ma.MaskedArray):
        both = {"data": array(value.filled(), encoder), "mask": array(value.mask, encoder)}
        return {"t": "dict", "items": [[{"t": "text", "v": n}, item] for n, item in both.items()]}
    else:
        values = np.asarray(value)
    shape = list(values.shape)
    if values.dtype.hasobject:
        return {"t": "objects", "shape": shape, "items": encoder.items(values.ravel().tolist())}
    if values.dtype.names:
        fields = {name: array(values[name], encoder) for name in values.dtype.names}
        pairs = [[{"t": "text", "v": name}, item] for name, item in fields.items()]
        return {"t": "dict", "items": pairs}
    return {"t": "array", "shape": shape, "file": encoder.keep_array(values)}


def long_list(value: Sequence[Any], encoder: Encoder) -> Json | None:
    """A long list or tuple of numbers, or of texts, as a column; None for any other."""
    import pandas as pd

    kinds = {type(item) for item in value} if len(value) >= _LONG else set()
    if len(kinds) != 1 or not kinds <= {float, str, bool}:
        return None
    column = _column(pd.Series(list(value), dtype=object if str in kinds else None), encoder)
    return {"t": "series", "rows": len(value), "names": [""], "data": [column], "index": []}


def _name(name: Any) -> str:
    if name is None or isinstance(name, str):
        return name or ""
    return f"{name!r} ({type(name).__name__})" if not isinstance(name, tuple) else str(name)


def _column(column: pd.Series[Any], encoder: Encoder) -> Json:
    import numpy as np
    import pandas as pd

    dtype: Any = column.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return {
            "c": "category",
            "codes": encoder.keep_array(column.cat.codes.to_numpy(np.int64)),
            "of": _column(pd.Series(dtype.categories), encoder),
            "ordered": bool(dtype.ordered),
        }
    if isinstance(dtype, np.dtype) and dtype.kind in "biufcmM":
        return {"c": "array", "file": encoder.keep_array(column.to_numpy())}
    if isinstance(dtype, pd.DatetimeTZDtype):
        moments = column.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy()
        return {"c": "zone", "file": encoder.keep_array(moments), "zone": str(dtype.tz)}
    if getattr(dtype, "kind", "O") in "biuf" and not isinstance(dtype, pd.SparseDtype):
        null = column.isna().to_numpy(dtype=bool)
        width = np.dtype("bool" if dtype.kind == "b" else f"{dtype.kind}8")
        values = column.fillna(dtype.type(0)).to_numpy(dtype=width)
        return {
            "c": "masked",
            "file": encoder.keep_array(values),
            "null": encoder.keep_array(null),
            "kind": {"b": "boolean", "f": "Float64"}.get(dtype.kind, "Int64"),
        }
    if isinstance(dtype, pd.SparseDtype):
        return _column(pd.Series(np.asarray(column)), encoder)
    if pd.api.types.infer_dtype(column, skipna=True) in ("string", "empty"):
        null = column.isna().to_numpy(dtype=bool)
        texts = [None if gone else str(v) for v, gone in zip(column.tolist(), null, strict=True)]
        return {"c": "text", "file": encoder.keep_texts(texts)}
    return {"c": "items", "items": encoder.items(column.tolist())}


# ---------------------------------------------------------------- and back, to be compared


def frame_of(told: Json, folder: Path) -> pd.DataFrame:
    """What ``table`` or ``array`` wrote, as a frame: each name once, the index as columns."""
    import pandas as pd

    if told["t"] == "array":
        return _frame_of_array(told, folder)
    columns: dict[str, Any] = {}
    for number, level in enumerate(told["index"]):
        columns[INDEX if number == 0 else f"{INDEX[:-1]} {number})"] = _read(level, folder)
    for name, item in zip(told["names"], told["data"], strict=True):
        columns[_unused(name, columns)] = _read(item, folder)
    return pd.DataFrame(columns)


def dense_frame_of(told: Json, folder: Path) -> pd.DataFrame:
    """What ``array`` wrote, as a frame; of a sparse matrix the whole, not its stored entries."""
    import numpy as np
    import pandas as pd

    if not told.get("sparse"):
        return frame_of(told, folder)
    rows, columns, data = np.load(folder / told["file"], allow_pickle=False).T
    whole = np.zeros(told["shape"], dtype=data.dtype)
    whole[rows.astype(int), columns.astype(int)] = data
    return pd.DataFrame(whole)


def _frame_of_array(told: Json, folder: Path) -> pd.DataFrame:
    import numpy as np
    import pandas as pd

    values = np.load(folder / told["file"], allow_pickle=False)
    if values.ndim != 2 or values.shape[1] > _WIDE:
        values = values.reshape(-1, 1)
    frame = pd.DataFrame(values)
    frame.columns = [str(number) if len(frame.columns) > 1 else "" for number in frame.columns]
    return frame


def _unused(name: str, taken: dict[str, Any]) -> str:
    number, free = 2, name
    while free in taken:
        free, number = f"{name} ({number})", number + 1
    return free


def _read(told: Json, folder: Path) -> pd.Series[Any]:
    import numpy as np
    import pandas as pd

    kind = told["c"]
    if kind == "items":
        return pd.Series([shown(item) for item in told["items"]], dtype=object)
    if kind == "text":
        texts = json.loads((folder / told["file"]).read_bytes().decode("utf-8", "surrogatepass"))
        return pd.Series(texts, dtype=object)
    values = np.load(folder / told["codes" if kind == "category" else "file"], allow_pickle=False)
    if kind == "category":
        of = pd.Index(_read(told["of"], folder))
        return pd.Series(pd.Categorical.from_codes(values, of, ordered=told["ordered"]))
    column: pd.Series[Any] = pd.Series(values)
    if kind == "zone":
        column = column.dt.tz_localize("UTC")
        with contextlib.suppress(Exception):  # a zone that only its own library knows by this name
            column = column.dt.tz_convert(told["zone"])
    if kind == "masked":
        null = np.load(folder / told["null"], allow_pickle=False)
        column = column.astype(told["kind"]).mask(null)
    return column


def shown(told: Json) -> Any:
    """A single value again, or a text that tells it."""
    kind = told["t"]
    if kind == "null":
        return None
    if kind == "float":
        return float.fromhex(told["v"])
    if kind == "int":
        return int(told["v"])
    if kind in ("bool", "text", "printed"):
        return told["v"]
    return json.dumps(told, sort_keys=True)
