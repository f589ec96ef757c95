"""The digest sees every value and nothing of their form; a snapshot names what a run read."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbprod.data.snapshots import changed_since, frame_digest, snapshot_of, source_hashes
from nbprod.data.sources import load_frame
from nbprod.records import sha256


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "day": pd.date_range("2026-01-01", periods=10, freq="10D"),
            "n": range(10),
            "x": [0.5, None, *range(8)],
            "s": ["a", None, *"bcdefghi"],
        }
    )


def test_the_digest_is_of_values_not_of_their_form(frame, tmp_path):
    """Row groups, large strings, number widths and timestamp resolutions do not change it."""
    wanted = frame_digest(frame)
    table = pa.Table.from_pandas(frame)
    large = table.set_column(3, "s", table["s"].cast(pa.large_string()))
    pq.write_table(large, tmp_path / "groups.parquet", row_group_size=3)
    other = frame.assign(
        n=frame["n"].astype("int32"),
        day=frame["day"].astype("datetime64[ms]"),
        s=frame["s"].astype(object),
    )

    assert frame_digest(load_frame("groups.parquet", base=tmp_path)) == wanted
    assert frame_digest(other) == wanted
    assert frame_digest(frame.assign(s=frame["s"].astype("category"))) == wanted
    assert frame_digest(frame.set_index(np.arange(5, 15))) == wanted


@pytest.mark.parametrize(
    "change",
    [
        lambda f: f.assign(x=f["x"].replace(7.0, 7.000000001)),
        lambda f: f.assign(s=f["s"].replace("i", "j")),
        lambda f: f.assign(s=f["s"].fillna("")),
        lambda f: f.assign(n=f["n"].astype(float)),
        lambda f: f.assign(day=f["day"].dt.tz_localize("UTC")),
        lambda f: f.rename(columns={"x": "y"}),
        lambda f: f[["n", "day", "x", "s"]],
        lambda f: f.iloc[::-1],
        lambda f: f.iloc[:-1],
    ],
)
def test_the_digest_sees_every_change(frame, change):
    """A last value, a null, a kind, a name, an order: each gives another digest."""
    assert frame_digest(change(frame)) != frame_digest(frame)


def test_text_is_not_run_together():
    """Two texts do not digest like the same letters cut elsewhere."""
    left, right = pd.DataFrame({"s": ["ab", "c"]}), pd.DataFrame({"s": ["a", "bc"]})

    assert frame_digest(left) != frame_digest(right)


def test_a_snapshot_names_rows_and_time(frame):
    """A snapshot holds the digest, the columns and the range of its time column."""
    snapshot = snapshot_of(frame, "data/rows.parquet", "day")

    assert snapshot.rows == 10
    assert snapshot.columns == ("day", "n", "x", "s")
    assert (snapshot.time_start, snapshot.time_end) == (
        "2026-01-01T00:00:00",
        "2026-04-01T00:00:00",
    )
    assert snapshot.dtypes["n"] == "int64"


def test_text_without_unicode_and_mixed_objects_have_a_digest():
    """Half a surrogate pair, bytes, lists beside numbers: each value counts."""
    odd = [["a", "\ud800"], [b"a", "a"], [[1], 2], [None, None]]
    digests = {frame_digest(pd.DataFrame({"s": pd.Series(v, dtype=object)})) for v in odd}
    assert len(digests) == len(odd)
    assert frame_digest(pd.DataFrame({"s": pd.Series([None, None], dtype="str")})) in digests


def test_a_slice_digests_like_its_own_copy(frame):
    """Rows that share their memory with others: only theirs are read."""
    for dtype in ("str", object, "category", pd.ArrowDtype(pa.string())):
        whole = frame.assign(s=frame["s"].astype(dtype))
        part = whole.iloc[3:7]
        copy = pd.DataFrame({n: part[n].tolist() for n in part}).astype({"s": "str"})
        assert frame_digest(part) == frame_digest(copy), dtype


def test_what_changed_is_told(frame):
    """Nothing for the same rows; else the first thing that is another."""
    snapshot = snapshot_of(frame, "rows.parquet")
    assert changed_since(snapshot, frame.copy()) == ""
    assert "it had 10" in changed_since(snapshot, frame.iloc[:3])
    assert "values differ" in changed_since(snapshot, frame.assign(n=range(1, 11)))
    assert "another order" in changed_since(snapshot, frame[["n", "day", "x", "s"]])


def test_files_that_values_name_are_sources(tmp_path):
    """A path among parameters is hashed; other texts, folders and numbers are none."""
    (tmp_path / "a.csv").write_text("x")
    named = {"data": "a.csv", "folder": ".", "text": "no file", "n": 3, "empty": "", "nul": "a\0b"}
    assert source_hashes(named, tmp_path) == {"a.csv": sha256("x")}
