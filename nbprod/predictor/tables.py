"""pandas tables as Arrow files, with what Arrow does not keep written beside them.

Names and index keep their own types, columns of Python objects stay in the JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.records import Json


class Writer(Protocol):
    """What a table needs of the codec: files, and the encoding of single values."""

    def encode(self, value: Any) -> Any:
        """A value as JSON."""

    def new_file(self, suffix: str) -> Path:
        """A path for the next file."""


class Reader(Protocol):
    """The other way round."""

    def decode(self, value: Any) -> Any:
        """The value again."""

    def file(self, value: Json) -> Path:
        """The file a value names."""


def write_frame(value: Any, writer: Writer) -> Json:
    """A DataFrame: its columns as a table; names and index beside it, with their own types."""
    import pandas as pd

    # Arrow wants text names and no index: both are kept beside the table, with their own types.
    table = pd.DataFrame(
        {str(place): _bare(value.iloc[:, place]) for place in range(value.shape[1])},
        index=pd.RangeIndex(len(value)),
    )
    return {
        "columns": write_index(value.columns, writer),
        "index": write_index(value.index, writer),
        **_write_table(table, writer),
    }


def read_frame(value: Json, reader: Reader) -> Any:
    """The DataFrame that ``write_frame`` wrote."""
    frame = _read_table(value, reader)
    frame.columns = read_index(value["columns"], reader)
    frame.index = read_index(value["index"], reader)
    return frame


def _bare(column: Any) -> Any:
    """A column with a plain index; its dtype is named, or objects would be guessed at."""
    import pandas as pd

    return pd.Series(column.array, dtype=column.dtype, index=pd.RangeIndex(len(column)))


def _write_table(table: Any, writer: Writer) -> Json:
    """The columns Arrow keeps go to one Arrow file; those of Python objects stay in the JSON."""
    import pyarrow as pa

    objects = {name: column for name, column in table.items() if column.dtype == object}
    # pyarrow reads zoned columns by a way that pandas gives up: they are kept in UTC
    zones = {n: c.dt.tz for n, c in table.items() if getattr(c.dtype, "tz", None) is not None}
    utc = {name: table[name].dt.tz_convert(None) for name in zones}
    path = writer.new_file(".arrow")
    plain = table.assign(**utc).drop(columns=list(objects))
    arrow = pa.Table.from_pandas(plain, preserve_index=False)
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, arrow.schema) as file:
        file.write_table(arrow)
    return {
        "file": path.name,
        "rows": len(table),
        "order": list(table.columns),
        "zones": {name: writer.encode(zone) for name, zone in zones.items()},
        "objects": {
            name: [writer.encode(item) for item in column] for name, column in objects.items()
        },
    }


def _read_table(value: Json, reader: Reader) -> Any:
    import pandas as pd
    import pyarrow as pa

    with pa.OSFile(str(reader.file(value)), "rb") as source:
        frame = pa.ipc.open_file(source).read_all().to_pandas()
    frame.index = pd.RangeIndex(value["rows"])
    for name, zone in value["zones"].items():
        frame[name] = frame[name].dt.tz_localize("UTC").dt.tz_convert(reader.decode(zone))
    for name, items in value["objects"].items():
        frame[name] = pd.Series([reader.decode(item) for item in items], dtype=object)
    return frame[value["order"]]


def write_index(value: Any, writer: Writer) -> Json:
    """An Index of any kind; a range by its three numbers, levels as columns of a table."""
    import pandas as pd

    if type(value) is pd.RangeIndex:
        return {
            "range": [value.start, value.stop, value.step],
            "name": writer.encode(value.name),
        }
    names = [writer.encode(name) for name in value.names]
    levels = (
        [value.get_level_values(place) for place in range(value.nlevels)]
        if isinstance(value, pd.MultiIndex)
        else [value]
    )
    table = pd.DataFrame({str(place): _bare(level) for place, level in enumerate(levels)})
    return {"names": names, "multi": value.nlevels > 1, **_write_table(table, writer)}


def read_index(value: Json, reader: Reader) -> Any:
    """The Index that ``write_index`` wrote."""
    import pandas as pd

    if "range" in value:
        start, stop, step = value["range"]
        return pd.RangeIndex(start, stop, step, name=reader.decode(value["name"]))
    table = _read_table(value, reader)
    names = [reader.decode(name) for name in value["names"]]
    if value["multi"]:
        return pd.MultiIndex.from_arrays([table[name] for name in table], names=names)
    return pd.Index(table["0"].array, dtype=table["0"].dtype, name=names[0])


def write_series(value: Any, writer: Writer) -> Json:
    """A Series: a frame of one column, and its name."""
    return {
        "frame": write_frame(value.to_frame(name="0"), writer),
        "name": writer.encode(value.name),
    }


def read_series(value: Json, reader: Reader) -> Any:
    """The Series that ``write_series`` wrote."""
    return read_frame(value["frame"], reader).iloc[:, 0].rename(reader.decode(value["name"]))


def write_array(value: Any, writer: Writer) -> Json:
    """An ExtensionArray: a table of one column."""
    import pandas as pd

    return _write_table(pd.DataFrame({"0": value}), writer)


def read_array(value: Json, reader: Reader) -> Any:
    """The ExtensionArray that ``write_array`` wrote."""
    return _read_table(value, reader)["0"].array
