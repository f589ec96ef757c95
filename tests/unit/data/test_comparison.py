"""Two frames compared value by value, within a tolerance per column."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from nbprod.data.comparison import (
    DEFAULT,
    UNMEASURABLE,
    compare,
    tolerance_of,
)
from nbprod.errors import ConfigError


def one(values, **options) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values, **options)})


@pytest.mark.parametrize(
    ("tolerance", "value", "within"),
    [
        ("exact", 1.0, True),
        ("exact", np.nextafter(1.0, 2.0), False),
        ("ulp:1", np.nextafter(1.0, 2.0), True),
        ("ulp:1", 1.0 + 3e-16 * 3, False),
        ("abs:0.1", 1.09, True),
        ("abs:0.1", 1.11, False),
        ("rel:1e-9", 1.0 + 1e-10, True),
        ("rel:1e-9", 1.0 + 1e-8, False),
    ],
)
def test_floats_within_their_tolerance(tolerance, value, within):
    """exact, abs, rel and ulp each draw their own line."""
    found = compare(one([1.0]), one([value]), {"*": tolerance})

    assert (not found.differences) is within


def test_a_pass_reports_its_distance_too():
    """The largest distance is told even where it is allowed."""
    (distance,) = compare(one([1.0, 2.0]), one([1.0, 2.5]), {"x": "abs:1"}).distances

    assert (distance.max_distance, distance.tolerance, distance.rows) == (0.5, "abs:1", 2)


def test_nulls_equal_nulls_and_nothing_else():
    """NaN equals NaN and None; against a value the distance cannot be measured."""
    assert not compare(one([np.nan, 1.0]), one([np.nan, 1.0])).differences
    assert not compare(one(["a", None]), one(["a", np.nan], dtype=object)).differences
    (difference,) = compare(one([np.nan]), one([0.0])).differences[:1] or (None,)
    assert difference.distance == UNMEASURABLE


def test_infinities_equal_themselves():
    """inf equals inf, not -inf."""
    assert not compare(one([np.inf]), one([np.inf])).differences
    assert compare(one([np.inf]), one([-np.inf]), {"*": "rel:1e-3"}).differences


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ([1, 2], [1.0, 2.0]),
        ([1, 0], [True, False]),
        (["1", "2"], [1, 2]),
        (pd.date_range("2026", periods=2), pd.date_range("2026", periods=2, tz="UTC")),
        (pd.Categorical(["a", "b"]), pd.Categorical(["a", "b"], categories=["b", "a"])),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
    ],
)
def test_another_kind_is_a_difference(left, right):
    """int and float, text and number, naive and aware, other categories: equal or not, they differ."""
    (difference,) = compare(one(left), one(right)).differences

    assert difference.kind == "dtype"


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (np.array([1, 2], dtype="int32"), np.array([1, 2], dtype="int64")),
        (np.array([0.5, 2], dtype="float32"), np.array([0.5, 2], dtype="float64")),
        (np.array(["a", "b"], dtype=object), pd.array(["a", "b"], dtype="string")),
        (
            pd.date_range("2026", periods=2).as_unit("ns"),
            pd.date_range("2026", periods=2).as_unit("s"),
        ),
        ([None, None], [np.nan, np.nan]),
    ],
)
def test_another_width_is_none(left, right):
    """Widths, resolutions and forms of text do not count; nulls alone have every type."""
    assert not compare(one(left), one(right)).differences


def test_other_values_count_before_another_kind():
    """Where ints and floats hold other numbers, the numbers are what differs."""
    (difference,) = compare(one([1, 2]), one([1.0, 2.5])).differences

    assert (difference.kind, difference.row, difference.actual) == ("value", 1, 2.5)


def test_columns_are_compared_by_name_and_order():
    """A missing, an added and a moved column are differences of their own."""
    frame = pd.DataFrame({"a": [1], "b": [2]})

    assert [d.kind for d in compare(frame, frame[["a"]]).differences] == ["missing"]
    assert [d.kind for d in compare(frame[["a"]], frame).differences] == ["extra"]
    assert [d.kind for d in compare(frame, frame[["b", "a"]]).differences] == ["order"]
    assert [d.kind for d in compare(frame, frame.iloc[:0]).differences] == ["rows"]


def test_the_first_difference_is_a_place_and_two_values():
    """Column, row, expected, actual; None where nothing differs."""
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})

    first = compare(frame, frame.assign(b=["x", "z"])).differences[0]
    assert (first.column, first.row, first.expected, first.actual) == ("b", 1, "y", "z")
    assert compare(frame, frame.copy()).differences == ()


def test_moments_have_a_distance_in_seconds():
    """Moments are apart by seconds, and `abs` allows some."""
    left = one(pd.date_range("2026", periods=2))
    right = one(pd.date_range("2026", periods=2) + pd.Timedelta("2s"))

    assert compare(left, right).differences[0].distance == 2.0
    assert not compare(left, right, {"*": "abs:2"}).differences


def test_arrays_in_cells_are_compared_by_element():
    """A column of vectors is compared number by number."""
    left = one([np.array([1.0, np.nan]), np.array([3.0])])

    assert not compare(left, one([np.array([1.0, np.nan]), np.array([3.0])])).differences
    assert compare(left, one([np.array([1.0, 2.0]), np.array([3.0])])).differences


def test_large_whole_numbers_are_compared_exactly():
    """Two ints that one float cannot tell apart differ, under rel and ulp too."""
    assert compare(one([2**62]), one([2**62 + 1]), {"*": "rel:0.1"}).differences


def test_the_column_s_own_tolerance_wins():
    """A column has its own tolerance, else that of *, else the default; nonsense is refused."""
    assert tolerance_of("x", {"*": "abs:1", "x": "ulp:2"}) == "ulp:2"
    assert tolerance_of("y", {"*": "abs:1", "x": "ulp:2"}) == "abs:1"
    assert tolerance_of("y", {}) == DEFAULT
    with pytest.raises(ConfigError):
        tolerance_of("y", {"y": "about"})


# ---------------------------------------------------------------- where no tolerance is named

TERMS = np.random.default_rng(0).normal(size=4000)


def _sums(order):
    """The same 4,000 terms, added up from one end and in another order."""
    return float(np.cumsum(TERMS[order])[-1])


def test_a_sum_in_another_order_is_no_difference_by_default():
    """The last bits of a long sum depend on the order of its terms: noise, not skew."""
    forward, back = _sums(np.arange(4000)), _sums(np.arange(4000)[::-1])
    assert forward != back

    assert not compare(one([forward]), one([back])).differences
    assert compare(one([forward]), one([back]), {"*": "exact"}).differences


def test_a_sum_that_cancels_is_measured_by_the_size_of_the_column():
    """1e-17 beside ordinary values is a zero with noise; without them it would be far from 2e-17."""
    assert not compare(one([1.5, 1e-17]), one([1.5, -2e-17])).differences
    assert not compare(one([1e-17]), one([-2e-17]), scales={"x": 1.5}).differences
    assert compare(one([1e-17]), one([-2e-17])).differences


def test_float32_has_the_noise_of_float32():
    """Two float32 results a few units apart are the same, also after a cast to float64."""
    value = np.float32(0.1)
    near = np.nextafter(np.nextafter(value, np.float32(1)), np.float32(1))

    assert not compare(one([value]), one([near])).differences
    assert not compare(one([float(value)]), one([float(near)])).differences
    assert compare(one([0.1]), one([0.1 + 1e-9])).differences


def test_a_narrower_float_on_one_side_is_a_difference():
    """0.1 as float32 and as float64 are two values: one path lost seven digits."""
    assert compare(one([np.float32(0.1)]), one([0.1])).differences


def test_counts_held_in_floats_are_exact_by_default():
    """Whole numbers have no noise, however large: one passenger more is another value."""
    assert compare(one([3e7, 5.0]), one([3e7 + 1, 5.0])).differences


@pytest.mark.parametrize("factor", [1 + 1e-12, 1.001, -1.0])
def test_a_real_difference_is_one_by_default(factor):
    """Anything past the noise is told."""
    assert compare(one([0.1, 2.7]), one([0.1, 2.7 * factor])).differences
