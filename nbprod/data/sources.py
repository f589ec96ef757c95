"""The rows behind a URI: files that fsspec and pyarrow read, or what a database answers."""

from __future__ import annotations

import difflib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from nbprod.errors import ConfigError, DataError, MissingDependencyError
from nbprod.masking import mask

if TYPE_CHECKING:
    import pandas as pd

_READABLE = ".parquet, .pq, a folder of them, .csv, .csv.gz, .arrow, .feather, or a database's URL"
_PARQUET = (".parquet", ".pq")
_CSV = (".csv", ".csv.gz")
_ARROW = (".arrow", ".feather", ".ipc")
# What SQLAlchemy speaks and fsspec does not; a driver may follow: postgresql+psycopg.
_DATABASES = {"sqlite", "postgresql", "mysql", "mariadb", "oracle", "mssql", "duckdb", "snowflake"}
_SQLITE = "sqlite:///"


def load_frame(uri: str, *, base: str | Path, query: str = "") -> pd.DataFrame:
    """The rows at a URI: Parquet, Arrow or CSV (dates in ISO 8601), or a database's answer.

    base: the folder a path is relative to. query: what to ask, where the URI is a database's
    (SQLAlchemy's form). Raises DataError when nothing is there, or it cannot be read;
    ConfigError for a database without a query, and for a query without a database.
    """
    if is_database(uri):
        return _from_database(uri, query, Path(base))
    if query:
        raise ConfigError(
            f"[data] query is given, but {mask(uri)} is not a database's URL",
            hint='write [data] train = "postgresql+psycopg://…" or "sqlite:///…", or no query',
            key="data.query",
        )
    return _from_files(uri, Path(base))


def is_database(uri: str) -> bool:
    """Whether a URI is a database's, in SQLAlchemy's form."""
    return "://" in uri and urlsplit(uri).scheme.partition("+")[0] in _DATABASES


# ---------------------------------------------------------------- files


def _from_files(uri: str, base: Path) -> pd.DataFrame:
    import fsspec

    address = uri if "://" in uri else str(base / uri)
    shown = mask(address)
    try:
        filesystem, path = fsspec.core.url_to_fs(address)
        if not filesystem.exists(path):
            raise DataError(f"there is no data at {shown}", hint=_nearby(uri, address))
        return _read(filesystem, path, shown)
    # pyarrow's own errors are ValueErrors; object stores' clients have their own zoo
    except (OSError, ValueError, ImportError) as error:
        raise DataError(
            f"{shown} cannot be read: {mask(str(error))}",
            hint=f"readable are {_READABLE}; a remote URI needs its fsspec package and access",
        ) from error


def _read(filesystem: Any, path: str, shown: str) -> pd.DataFrame:
    name = path.lower()
    if name.endswith(_PARQUET) or filesystem.isdir(path):
        import pyarrow.parquet as pq

        return _frame(pq.read_table(path, filesystem=filesystem))
    if name.endswith(_CSV):
        return _read_csv(filesystem, path)
    if name.endswith(_ARROW):
        return _read_arrow(filesystem, path)
    raise DataError(f"{shown}: unknown kind of file", hint=f"readable are {_READABLE}")


def _read_csv(filesystem: Any, path: str) -> pd.DataFrame:
    from pyarrow import csv

    with filesystem.open(path, "rb", compression="infer") as file:
        return _frame(csv.read_csv(file))


def _frame(table: Any) -> pd.DataFrame:
    """The table as a frame: days as datetimes, units in ``attrs["units"]``."""
    import pyarrow as pa

    days = [field.name for field in table.schema if pa.types.is_date(field.type)]
    frame: pd.DataFrame = table.to_pandas()
    for name in days:  # pyarrow makes objects of dates; a contract knows datetimes
        frame[name] = frame[name].astype("datetime64[us]")
    if units := _units(table.schema):
        frame.attrs["units"] = units
    return frame


def _units(schema: Any) -> dict[str, str]:
    """Column -> unit, as a field of Parquet or Arrow says it, or pandas wrote of its attrs."""
    attributes = json.loads((schema.metadata or {}).get(b"PANDAS_ATTRS", b"{}"))
    units = attributes.get("units") if isinstance(attributes, dict) else None
    told = {str(k): str(v) for k, v in units.items()} if isinstance(units, dict) else {}
    for field in schema:
        if field.metadata and b"unit" in field.metadata:
            told[field.name] = field.metadata[b"unit"].decode("utf-8", "replace")
    return told


def _read_arrow(filesystem: Any, path: str) -> pd.DataFrame:
    """An Arrow file, which is what Feather is now, or an Arrow stream."""
    import pyarrow as pa
    from pyarrow import ipc

    with filesystem.open(path, "rb") as file:
        content = pa.BufferReader(file.read())
    try:
        table = ipc.open_file(content).read_all()
    except pa.ArrowInvalid:
        content.seek(0)
        table = ipc.open_stream(content).read_all()
    return _frame(table)


def _nearby(uri: str, address: str) -> str:
    folder = Path(address).parent
    names = [item.name for item in folder.iterdir()] if folder.is_dir() else []
    close = difflib.get_close_matches(Path(address).name, names, n=1, cutoff=0.8)
    if close:
        return f"did you mean {uri.removesuffix(Path(uri).name)}{close[0]}?"
    return "write the path relative to the project folder, or as a URI, in nbprod.toml [data] train"


# ---------------------------------------------------------------- databases


def _from_database(uri: str, query: str, base: Path) -> pd.DataFrame:
    import pandas as pd

    shown = mask(uri)
    if not query.strip():
        raise ConfigError(
            f"{shown} is a database, and nothing says what to ask it",
            hint='add to nbprod.toml:\n\n  [data]\n  query = "SELECT … ORDER BY …"',
            key="data.query",
        )
    try:
        import sqlalchemy

        engine = sqlalchemy.create_engine(_absolute(uri, base))
    except ImportError as error:
        raise MissingDependencyError(
            f"{shown} needs {error.name}", hint=f"pip install {error.name}"
        ) from error
    except sqlalchemy.exc.ArgumentError as error:
        raise DataError(
            f"{shown} is no database's URL: {mask(str(error))}",
            hint="write it as SQLAlchemy reads it, such as postgresql+psycopg://user@host/name",
        ) from error
    try:
        with engine.connect() as connection:
            frame: pd.DataFrame = pd.read_sql_query(sqlalchemy.text(query), connection)
            return frame
    except (sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError) as error:
        reason = re.split(r"\n\[SQL|\n\(Background", mask(str(error)))[0].strip()
        raise DataError(
            f"{shown} did not answer the query: {reason}",
            hint="try the query in the database's own client; is the server reachable?",
        ) from error
    finally:
        engine.dispose()


def _absolute(uri: str, base: Path) -> str:
    """A SQLite path relative to the project made absolute; a database that is not there refused.

    SQLite itself would make an empty one.
    """
    if not uri.startswith(_SQLITE):
        return uri
    path = base / uri.removeprefix(_SQLITE)
    if not path.is_file():
        raise DataError(f"there is no database at {path}", hint=_nearby(uri, str(path)))
    return f"{_SQLITE}{path}"
