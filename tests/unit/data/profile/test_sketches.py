"""Profiles: the same column looks the same whichever way it came."""

from __future__ import annotations

import os
import resource
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from nbprod.data.profile import Profile
from nbprod.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


def frame(rows: int = 1000) -> pd.DataFrame:
    source = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "carrier": source.choice(["UA", "AA", "DL"], rows, p=[0.5, 0.3, 0.2]),
            "distance": source.normal(1000, 100, rows),
            "hour": source.integers(0, 24, rows),
            "late": source.random(rows) < 0.2,
            "at": pd.date_range("2026-01-01", periods=rows, freq="min", tz="UTC"),
            "nothing": [None] * rows,
        }
    )


def test_numbers_without_a_finite_square_leave_mean_and_spread_alone() -> None:
    """One caller's 1e308 would make an hour's mean infinite, and every merge with it nan."""
    profile = Profile.empty().track(pd.DataFrame({"x": [1.0, 3.0, 1.7e308, -1e200]}))
    found = profile.merge(profile).distribution("x")
    assert (found.rows, found.nulls, found.numbers, found.mean) == (8, 4, 4, 2.0)


def test_columns_are_known_by_what_they_hold() -> None:
    """Numbers have quantiles, text and booleans have frequent items, datetimes only counts."""
    rows = frame()
    profile = Profile.empty().track(rows, part="input")
    assert profile.rows == 1000
    assert profile.columns() == tuple(sorted(f"input.{name}" for name in rows))
    kinds = {name: profile.distribution(f"input.{name}").kind for name in rows}
    assert kinds == {
        "carrier": "category", "distance": "number", "hour": "number", "late": "category",
        "at": "moment", "nothing": "empty",
    }  # fmt: skip
    carrier = profile.distribution("input.carrier")
    assert carrier.items() == rows["carrier"].value_counts().to_dict()
    assert profile.distribution("input.late").items()["True"] == int(rows["late"].sum())
    distance = profile.distribution("input.distance")
    assert distance.mean == pytest.approx(rows["distance"].mean())
    for fraction, found in zip((0.1, 0.5), distance.quantiles([0.1, 0.5]), strict=True):
        assert (rows["distance"] < found).mean() == pytest.approx(fraction, abs=0.01)
    assert distance.below([1000])[0] == pytest.approx((rows["distance"] < 1000).mean(), abs=0.01)
    assert profile.distribution("input.nothing").nulls == 1000


@pytest.mark.parametrize(
    "column",
    [
        pd.Series([7, None, 9, 7], dtype="float64"),
        pd.Series([7, None, 9, 7], dtype="Int64"),
        pd.Series([7, None, 9, 7], dtype="Float64"),
        pd.Series([7, None, 9, 7], dtype=object),
        pd.Series([7.0, pd.NA, 9, 7], dtype=object),
        pd.Series([7, None, 9, 7]).astype("category"),
        pd.Series([7, np.inf, 9, 7], dtype="float64"),
        pd.Series([7, None, 9, 7], dtype="float32"),
    ],
    ids=lambda column: f"{column.dtype}",
)
def test_numbers_look_the_same_in_every_dtype(column: pd.Series) -> None:
    """Whether a number came as integer, float, object or category makes no difference."""
    found = Profile.empty().track(pd.DataFrame({"x": column})).distribution("x")
    assert (found.kind, found.rows, found.nulls, found.numbers) == ("number", 4, 1, 3)
    assert found.items() == {"7.0": 2, "9.0": 1}


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["a", None, "b", "a"], dtype=object),
        pd.Series(["a", None, "b", "a"], dtype="str"),
        pd.Series(["a", None, "b", "a"], dtype="string"),
        pd.Series(["a", None, "b", "a"]).astype("category"),
    ],
    ids=lambda column: f"{column.dtype}",
)
def test_text_looks_the_same_in_every_dtype(column: pd.Series) -> None:
    """Whether text came as object, string or category makes no difference."""
    found = Profile.empty().track(pd.DataFrame({"x": column})).distribution("x")
    assert (found.kind, found.rows, found.nulls) == ("category", 4, 1)
    assert found.items() == {"a": 2, "b": 1}


@pytest.mark.parametrize("dtype", ["bool", "boolean", object])
def test_booleans_are_categories(dtype: object) -> None:
    """A boolean is a category in every dtype."""
    column = pd.Series([True, False, True], dtype=dtype)  # type: ignore[call-overload]
    assert Profile.empty().track(pd.DataFrame({"x": column})).distribution("x").items() == {
        "True": 2,
        "False": 1,
    }


def test_odd_values_are_text() -> None:
    """Lists, mixed types and long text are tracked as text, and nothing raises."""
    odd = pd.DataFrame({"x": [[1], "a", 2, {"y": 1}], "long": ["z" * 1000] * 4})
    profile = Profile.empty().track(odd)
    assert profile.distribution("x").items().keys() == {"[1]", "a", "2", "{'y': 1}"}
    assert profile.distribution("long").rows == 4


def test_redacted_columns_leave_no_trace(tmp_path: Path) -> None:
    """A redacted column is not in the profile, nor any of its values in the file."""
    rows = pd.DataFrame({"tailnum": ["SECRET"] * 50, "x": range(50)})
    profile = Profile.empty().track(rows, part="input", redact=["tailnum"])
    profile.save(tmp_path / "p.bin")
    assert profile.columns() == ("input.x",)
    assert b"SECRET" not in (tmp_path / "p.bin").read_bytes()


def test_saved_profile_comes_back(tmp_path: Path) -> None:
    """A profile read from its file knows what the one that was saved knew."""
    profile = Profile.empty().track(frame(), part="input")
    path = tmp_path / "deep" / "p.bin"
    profile.save(path)
    loaded = Profile.load(path)
    assert loaded.rows == profile.rows
    for name in profile.columns():
        saved, found = profile.distribution(name), loaded.distribution(name)
        assert (saved.kind, saved.nulls, saved.items()) == (found.kind, found.nulls, found.items())
        assert saved.quantiles([0.5]) == found.quantiles([0.5])
    assert [item.name for item in path.parent.iterdir()] == ["p.bin"]


def test_unreadable_profile_is_an_error(tmp_path: Path) -> None:
    """A missing, empty or cut file is a StoreError with a hint."""
    path = tmp_path / "p.bin"
    with pytest.raises(StoreError, match="not a readable profile"):
        Profile.load(path)
    Profile.empty().track(frame()).save(path)
    content = path.read_bytes()
    for cut in (b"", content[:3], content[:100], content[:-100], b"x" + content):
        path.write_bytes(cut)
        with pytest.raises(StoreError, match="not a readable profile") as caught:
            Profile.load(path)
        assert caught.value.hint


def test_full_disk_leaves_the_old_profile(tmp_path: Path) -> None:
    """A profile that does not fit is a StoreError, and the file before it stays whole."""
    path = tmp_path / "p.bin"
    small = Profile.empty().track(pd.DataFrame({"x": [1]}))
    small.save(path)
    large = Profile.empty().track(frame())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size, hard))
    try:
        with pytest.raises(StoreError, match="cannot be written"):
            large.save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert Profile.load(path).rows == 1
    assert os.listdir(tmp_path) == ["p.bin"]


def test_empty_frames_and_profiles() -> None:
    """No rows and no columns are a profile of nothing, which merges with any other."""
    empty = Profile.empty().track(pd.DataFrame({"x": []})).track(pd.DataFrame(index=[1, 2]))
    assert (empty.rows, empty.columns()) == (0, ())
    assert empty.distribution("x").kind == "empty"
    full = Profile.empty().track(frame())
    assert empty.merge(full).columns() == full.merge(empty).columns() == full.columns()


def test_merge_changes_neither() -> None:
    """Merging makes a new profile and leaves both as they were."""
    one, two = (Profile.empty().track(frame(rows)) for rows in (100, 50))
    assert one.merge(two).rows == 150
    assert (one.rows, two.rows) == (100, 50)
    assert one.distribution("carrier").rows == 100


def test_telemetry_is_off() -> None:
    """Profiling switches whylogs's call home off before it is imported."""
    Profile.empty()
    assert os.environ["WHYLOGS_NO_ANALYTICS"] == "1"
