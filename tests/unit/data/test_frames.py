"""Frames: written whole, and the cut between training and holdout rows."""

from __future__ import annotations

import pandas as pd
import pytest

from nbprod.data.frames import save_frame, split_holdout, write_text
from nbprod.data.sources import load_frame
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
