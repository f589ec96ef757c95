"""Training rows from a real PostgreSQL: the same snapshot as from a file, and told when it changed."""

from __future__ import annotations

import dataclasses

import pandas as pd
import psycopg
import pytest

from nbprod.data.snapshots import changed_since, frame_digest, snapshot_of
from nbprod.data.sources import load_frame
from nbprod.errors import DataError

pytestmark = pytest.mark.engine

QUERY = "select id, km, city, at from trips order by id"


@pytest.fixture
def trips(postgres_url: str) -> str:
    """A table of trips; its URL in SQLAlchemy's form."""
    with psycopg.connect(postgres_url) as connection:
        connection.execute("create table trips (id int, km float8, city text, at timestamp)")
        for number in range(50):
            city = None if number % 7 == 0 else f"city {number % 3}"
            values = (number, number / 3, city, f"2026-01-{1 + number % 28:02d} 10:00")
            connection.execute("insert into trips values (%s, %s, %s, %s)", values)
    return postgres_url.replace("postgresql://", "postgresql+psycopg://", 1)


def test_rows_of_a_table_have_the_digest_of_the_same_rows_in_a_file(trips, tmp_path):
    """Numbers, text with nulls and moments; what changed since is told."""
    frame = load_frame(trips, base=tmp_path, query=QUERY)
    frame.to_parquet(tmp_path / "trips.parquet", row_group_size=7)
    again = load_frame("trips.parquet", base=tmp_path)
    assert frame_digest(frame) == frame_digest(again)
    assert frame["at"].dtype.kind == "M"
    assert frame["city"].isna().sum() == 8
    snapshot = snapshot_of(frame, trips, "at", query=QUERY)
    assert (snapshot.rows, snapshot.query) == (50, QUERY)
    with psycopg.connect(trips.replace("+psycopg", "")) as connection:
        connection.execute("update trips set km = 1 where id = 49")
    changed = load_frame(trips, base=tmp_path, query=QUERY)
    assert "values differ" in changed_since(snapshot, changed)
    assert changed_since(dataclasses.replace(snapshot, digest=frame_digest(changed)), changed) == ""


def test_a_query_that_fails_and_a_server_that_is_gone(trips, tmp_path, postgres_cluster):
    """The database's own words, without a password; an unreachable server is an error of its own."""
    with pytest.raises(DataError, match="nowhere") as caught:
        load_frame(trips, base=tmp_path, query="select * from nowhere")
    assert "own client" in caught.value.hint
    secret = trips.replace("nbprod@", "nbprod:hunter42@", 1)
    postgres_cluster.kill()
    try:
        with pytest.raises(DataError, match="did not answer") as caught:
            load_frame(secret, base=tmp_path, query=QUERY)
        assert "hunter42" not in str(caught.value)
    finally:
        postgres_cluster.start()
    assert isinstance(load_frame(trips, base=tmp_path, query=QUERY), pd.DataFrame)
