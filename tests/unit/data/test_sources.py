"""Rows from files near and far and from a database; what cannot be read says what to do."""

from __future__ import annotations

import sqlite3

import fsspec
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import feather, ipc

from nbprod.data.snapshots import frame_digest
from nbprod.data.sources import is_database, load_frame
from nbprod.errors import ConfigError, DataError, MissingDependencyError


@pytest.fixture
def rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "day": pd.date_range("2026-01-01", periods=6, freq="D"),
            "n": range(6),
            "x": [0.5, None, 1.5, 2.5, 3.5, 4.5],
            "s": ["a", None, *"bcde"],
        }
    )


def test_csv_is_read_with_its_dates(tmp_path):
    """ISO 8601 dates in a CSV, compressed or not, become datetimes; a hole in ints is null."""
    pd.DataFrame({"d": ["2026-01-01", "2026-02-01"], "t": ["2026-01-01T05:00:00"] * 2}).to_csv(
        tmp_path / "a.csv", index=False
    )
    (tmp_path / "b.csv").write_text("n,m\n1,\n2,3\n")
    pd.read_csv(tmp_path / "a.csv").to_csv(tmp_path / "c.csv.gz", index=False)

    for name in ("a.csv", "c.csv.gz"):
        loaded = load_frame(name, base=tmp_path)
        assert {dtype.kind for dtype in loaded.dtypes} == {"M"}
    assert load_frame("b.csv", base=tmp_path)["m"].isna().tolist() == [True, False]


@pytest.mark.parametrize(
    ("uri", "says"),
    [("flight.parquet", "flights.parquet"), ("nothing.parquet", "relative"), ("a.xlsx", "csv")],
)
def test_what_cannot_be_loaded_says_what_to_do(tmp_path, uri, says):
    """A missing file names the nearest one, an unknown kind the readable ones."""
    (tmp_path / "flights.parquet").write_text("")
    (tmp_path / "a.xlsx").write_text("")

    with pytest.raises(DataError) as caught:
        load_frame(uri, base=tmp_path)

    assert says in caught.value.hint


def test_a_damaged_file_is_a_data_error(tmp_path):
    """A file that is no Parquet is refused by name, not by a traceback of a library."""
    (tmp_path / "a.parquet").write_text("no parquet")

    with pytest.raises(DataError, match=r"a\.parquet cannot be read"):
        load_frame("a.parquet", base=tmp_path)


def test_every_form_of_a_file_has_the_same_digest(rows, tmp_path):
    """Parquet, a folder of it, Arrow file and stream, Feather: the same rows."""
    table = pa.Table.from_pandas(rows)
    rows.to_parquet(tmp_path / "a.parquet")
    (tmp_path / "parts").mkdir()
    rows.iloc[:2].to_parquet(tmp_path / "parts" / "0.parquet")
    rows.iloc[2:].to_parquet(tmp_path / "parts" / "1.parquet")
    feather.write_feather(table, tmp_path / "a.feather")
    with ipc.new_file(tmp_path / "a.arrow", table.schema) as writer:
        writer.write_table(table, max_chunksize=2)
    with ipc.new_stream(tmp_path / "stream.arrow", table.schema) as writer:
        writer.write_table(table)
    names = ("a.parquet", "parts", "a.feather", "a.arrow", "stream.arrow")
    digests = {frame_digest(load_frame(name, base=tmp_path)) for name in names}
    assert digests == {frame_digest(rows)}


def test_an_object_store_is_read_through_fsspec(rows, tmp_path):
    """A URI with a scheme: another file system, the same rows; a missing key is named."""
    store = fsspec.filesystem("memory")
    with store.open("/bucket/rows.parquet", "wb") as file:
        rows.to_parquet(file)
    with store.open("/bucket/rows.csv", "w") as file:
        rows.to_csv(file, index=False)
    loaded = load_frame("memory://bucket/rows.parquet", base=tmp_path)
    assert frame_digest(loaded) == frame_digest(rows)
    assert len(load_frame("memory://bucket/rows.csv", base=tmp_path)) == 6
    with pytest.raises(DataError, match="no data at memory://bucket/other"):
        load_frame("memory://bucket/other.parquet", base=tmp_path)


@pytest.fixture
def database(tmp_path):
    with sqlite3.connect(tmp_path / "trips.db") as connection:
        connection.execute("create table trips (id integer, km real, city text)")
        values = [(i, i / 2, "Zug" if i % 2 else None) for i in range(10)]
        connection.executemany("insert into trips values (?, ?, ?)", values)
    connection.close()
    return tmp_path


def test_a_database_answers_a_query(database):
    """A SQLAlchemy URL, relative to the project, and a query."""
    query = "select id, km, city from trips where id > 3 order by id"
    frame = load_frame("sqlite:///trips.db", base=database, query=query)
    assert list(frame.columns) == ["id", "km", "city"]
    assert frame["id"].tolist() == [4, 5, 6, 7, 8, 9]
    assert frame["city"].isna().sum() == 3


@pytest.mark.parametrize(
    ("uri", "query", "kind", "says"),
    [
        ("sqlite:///trips.db", "", ConfigError, "what to ask"),
        ("sqlite:///trip.db", "select 1", DataError, "trip.db"),
        ("sqlite:///trips.db", "select * from nowhere", DataError, "no such table: nowhere"),
        ("rows.parquet", "select 1", ConfigError, "not a database"),
        ("duckdb:///x.db", "select 1", DataError, "duckdb"),
        ("postgresql+psycopg://me:hidden42@127.0.0.1:9/x", "select 1", DataError, "127.0.0.1"),
    ],
)
def test_a_database_that_cannot_answer_says_what_to_do(database, uri, query, kind, says):
    """One message with the next step, nothing made on the way, and no password in it."""
    before = sorted(path.name for path in database.iterdir())
    with pytest.raises((kind, MissingDependencyError)) as caught:
        load_frame(uri, base=database, query=query)
    assert says in caught.value.message + caught.value.hint
    assert "hidden42" not in str(caught.value)
    assert caught.value.hint
    assert sorted(path.name for path in database.iterdir()) == before


def test_databases_are_told_by_their_scheme():
    """What SQLAlchemy speaks is a database; what fsspec speaks is a file."""
    assert is_database("postgresql+psycopg://host/db")
    assert is_database("sqlite:///a.db")
    assert not any(
        map(is_database, ("s3://bucket/a.parquet", "data/sqlite.parquet", "https://x/y"))
    )
