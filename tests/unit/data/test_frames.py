"""Frames: read, write, digest, and the cut between training and holdout rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbprod.data.frames import (
    frame_digest,
    load_frame,
    save_frame,
    snapshot_of,
    split_holdout,
    write_text,
)
from nbprod.errors import DataError


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


def test_a_saved_frame_comes_back(frame, tmp_path):
    """What is saved is what is loaded, by a path relative to the base, and nothing lies beside."""
    save_frame(frame, tmp_path / "deep" / "rows.parquet")

    pd.testing.assert_frame_equal(load_frame("deep/rows.parquet", base=tmp_path), frame)
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["rows.parquet"]


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


def test_the_last_days_are_held_out(frame):
    """`last` cuts by time before the latest moment, in whatever order the rows stand."""
    shuffled = frame.sample(frac=1.0, random_state=1)

    train, held = split_holdout(shuffled, time="day", holdout={"last": "20d"})

    assert sorted(held["n"]) == [8, 9]
    assert len(train) == 8
    assert held["day"].min() > train["day"].max()


def test_a_fraction_is_the_latest_part(frame):
    """`fraction` takes the last rows by time, or as they stand, and never splits a moment."""
    shuffled = frame.sample(frac=1.0, random_state=1)
    ties = frame.assign(day=pd.to_datetime(["2026-01-01"] * 7 + ["2026-01-02"] * 3))

    assert sorted(split_holdout(shuffled, time="day", holdout={"fraction": 0.2})[1]["n"]) == [8, 9]
    assert split_holdout(frame, time="", holdout={"fraction": 0.25})[1]["n"].tolist() == [7, 8, 9]
    assert len(split_holdout(ties, time="day", holdout={"fraction": 0.1})[1]) == 3


@pytest.mark.parametrize(
    ("time", "holdout"),
    [
        ("", {"last": "30d"}),
        ("day", {"last": "9000d"}),
        ("day", {"last": "0s"}),
        ("nope", {"last": "3d"}),
        ("n", {"last": "3d"}),
        ("s", {"last": "3d"}),
        ("day", {"fraction": 1.5}),
        ("day", {"random": 0.2}),
    ],
)
def test_a_cut_that_makes_no_sense_is_refused(frame, time, holdout):
    """No time column, no rows on one side, no dates, another key: each is an error with a hint."""
    with pytest.raises(DataError) as caught:
        split_holdout(frame, time=time, holdout=holdout)

    assert caught.value.hint


def test_rows_without_a_time_are_not_sorted_silently(frame):
    """A null in the time column is an error: the row is neither before nor after."""
    holes = frame.assign(day=frame["day"].where(frame["n"] != 4))

    with pytest.raises(DataError, match="1 rows have no 'day'"):
        split_holdout(holes, time="day", holdout={"last": "20d"})


def test_text_is_written_whole(tmp_path):
    """`write_text` replaces a file at once and leaves nothing beside it."""
    write_text(tmp_path / "a.py", "x = 1\n")
    write_text(tmp_path / "a.py", "x = 2\n")

    assert (tmp_path / "a.py").read_text() == "x = 2\n"
    assert len(list(tmp_path.iterdir())) == 1
