"""Groups of rows, small ones pooled where one sees it."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from nbprod.errors import DataError
from nbprod.gates import slices


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "carrier": ["UA"] * 5 + ["AA"] * 4 + ["OO"] + ["HA"] * 2 + [None],
            "n": range(13),
        },
        index=[7] * 13,
    )


def test_every_row_is_in_exactly_one_slice(frame) -> None:
    """Large groups stand alone, the rest is pooled by name, nothing is left out."""
    parts = list(slices(frame, "carrier", min_rows=3))
    assert [part.where["carrier"] for part in parts] == ["UA", "AA", "(pooled)"]
    assert sorted(parts[-1].pooled) == ["(missing)", "HA", "OO"]
    assert sorted(n for part in parts for n in part.frame["n"]) == list(range(13))


def test_without_a_least_size_every_value_stands_alone(frame) -> None:
    """No pooling outside a gate; a missing value is a group of its own."""
    assert [part.where["carrier"] for part in slices(frame, "carrier")] == [
        "UA",
        "AA",
        "HA",
        "OO",
        "(missing)",
    ]


def test_inside_a_gate_the_projects_least_size_holds(frame, monkeypatch) -> None:
    """[gate] min_slice reaches the notebook without being named there."""
    monkeypatch.setenv("NBPROD_GATE_RULES", json.dumps({"min_slice": 5}))
    assert [part.rows for part in slices(frame, "carrier")] == [5, 8]


def test_several_columns_slice_together() -> None:
    """A slice by two columns names both; an unknown column is a DataError."""
    frame = pd.DataFrame({"a": [1, 1, 2], "b": ["x", "x", "y"]})
    assert [part.where for part in slices(frame, ["a", "b"])] == [
        {"a": "1", "b": "x"},
        {"a": "2", "b": "y"},
    ]
    with pytest.raises(DataError, match="no column 'c'"):
        list(slices(frame, "c"))


def test_a_frame_without_rows_is_an_error(frame) -> None:
    """Nothing to look at is no proof: not an empty loop that passes."""
    with pytest.raises(DataError, match="no row to slice by carrier"):
        list(slices(frame.head(0), "carrier"))


@pytest.mark.parametrize(("name", "words"), [("ZZ", "no row has"), ("OO", "has 1 rows, fewer")])
def test_whoever_is_named_must_be_judged_alone(frame, name, words) -> None:
    """A named slice that is missing, or would be lost in the pool, is an error."""
    with pytest.raises(DataError, match=words):
        list(slices(frame, "carrier", min_rows=3, named=[name]))
    assert list(slices(frame, "carrier", min_rows=3, named=["UA"]))


def test_a_slices_interval_is_wide_enough_for_their_number(frame) -> None:
    """Three slices: each at 1 - 0.05 / 3."""
    levels = {part.confidence for part in slices(frame, "carrier", min_rows=3)}
    assert sorted(levels) == [pytest.approx(1 - 0.05 / 3)]
