"""Any state built of the kinds the codec knows comes back the same."""

from __future__ import annotations

import datetime as dt
import tempfile
import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from hypothesis.extra import pandas as hpd

from nbprod.predictor import fingerprint, load_state, save_state


@dataclass(frozen=True)
class State:
    value: Any


ZONES = st.sampled_from([None, dt.UTC, zoneinfo.ZoneInfo("America/New_York")])
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
HASHABLE = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | TEXT
    | st.binary(max_size=4)
    | st.dates()
    | st.datetimes(timezones=ZONES)
    | st.timedeltas()
)
SCALARS = (
    HASHABLE
    | st.floats()
    | st.complex_numbers(allow_nan=False)
    | hnp.from_dtype(np.dtype("float32"))
    | hnp.from_dtype(np.dtype("int8"))
    | hnp.from_dtype(np.dtype("M8[us]"))
    | st.just(pd.NaT)
)
PLAIN = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.tuples(inner, inner)
        | st.dictionaries(HASHABLE, inner, max_size=4)
        | st.sets(HASHABLE, max_size=4)
        | st.frozensets(HASHABLE, max_size=4)
    ),
    max_leaves=12,
)
ARRAYS = hnp.arrays(
    st.sampled_from(["float64", "float32", "int64", "uint8", "bool", "U3", "M8[ns]", "m8[s]"]),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3),
)
FRAMES = hpd.data_frames(
    [
        hpd.column("f", dtype="float64"),
        hpd.column("i", dtype="int32"),
        hpd.column("t", elements=TEXT | st.none(), dtype=object),
        hpd.column("when", dtype="M8[ns]"),
    ],
    index=hpd.range_indexes(max_size=4) | hpd.indexes(dtype="int64", max_size=4),
)
# What a division of zero by zero leaves on most processors: a NaN with its sign set.
ZERO_BY_ZERO = pd.DataFrame(
    {"f": np.full(2, -np.nan), "i": np.zeros(2, "int32"), "t": ["", ""], "when": pd.NaT}
)


def _same(value: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_state(State(value), Path(folder))
        back = load_state(State, Path(folder)).value
    assert type(value) is type(back)
    assert fingerprint(value) == fingerprint(back)
    assert repr(value) == repr(back) or isinstance(value, set | frozenset | dict | list | tuple)


@settings(max_examples=150, deadline=None)
@given(PLAIN)
def test_plain_values_round_trip(value):
    """Scalars of every kind, nested in lists, tuples, sets and dicts with any key."""
    _same(value)


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(TEXT, ARRAYS | PLAIN, max_size=3))
def test_arrays_round_trip(value):
    """Arrays of any shape and dtype, among plain values."""
    _same(value)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@example(ZERO_BY_ZERO)
@given(FRAMES)
def test_frames_round_trip(frame):
    """Tables with numbers, text, nulls, moments and any integer index; also each column."""
    _same(frame)
    _same([frame["t"], frame["when"], frame.index])
