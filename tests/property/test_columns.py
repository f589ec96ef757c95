"""A law of the contract: columns at once and rows one by one are judged alike."""

from __future__ import annotations

import datetime as dt
import importlib.util
import itertools
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprod.data.row_columns import ColumnValidator
from nbprod.data.row_frames import frame_of, frame_of_columns
from nbprod.data.row_validation import RowValidator
from nbprod.data.row_values import Broken, judge_of
from nbprod.records import ColumnRule

_SPEC = importlib.util.spec_from_file_location(
    "contract_laws", Path(__file__).with_name("test_contract.py")
)
LAWS = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(LAWS)


def _good(rule, values):
    """The values that keep the rule, as JSON would carry them."""
    kept = []
    for value in values:
        try:
            judge_of(rule)(value)
        except Broken:
            continue
        kept.append(value.isoformat() if hasattr(value, "isoformat") else value)
    return kept


@given(st.data())
@settings(max_examples=150, deadline=None)
def test_columns_accept_only_what_rows_accept_and_make_the_same_frame(data) -> None:
    """Whatever the columns say yes to, the rows say yes to, and the frames are equal."""
    rules = tuple(data.draw(LAWS.rules(name=name)) for name in "abc")
    pools = [_good(rule, data.draw(st.lists(LAWS.VALUES, max_size=8))) for rule in rules]
    any_value = data.draw(LAWS.VALUES)
    rows = []
    for number in range(data.draw(st.integers(4, 9))):
        row = {
            rule.name: pool[number % len(pool)] if pool else any_value
            for rule, pool in zip(rules, pools, strict=True)
        }
        rows.append(row)
    for rule in rules:
        if not rule.required and data.draw(st.booleans()):
            for row in rows:
                del row[rule.name]
    if data.draw(st.booleans()):
        data.draw(st.sampled_from(rows))[data.draw(st.sampled_from(["a", "b", "c", "d"]))] = (
            any_value
        )
    strict = data.draw(st.booleans())
    columns = ColumnValidator(rules, strict).columns(rows)
    checked, violations = RowValidator(rules, strict).check(rows)
    if columns is None:
        return
    assert violations == []
    pd.testing.assert_frame_equal(
        frame_of_columns(columns, rules, len(rows)), frame_of(checked, rules)
    )


def test_ordinary_rows_take_the_short_way() -> None:
    """Good rows of every kind, nulls included, are judged as columns: the fast path is taken."""
    rules = (
        ColumnRule(name="n", dtype="int", minimum=0),
        ColumnRule(name="x", dtype="float", nullable=True, maximum=10.0),
        ColumnRule(name="s", dtype="str", categories=("a", "b")),
        ColumnRule(name="t", dtype="datetime", unit="us, UTC"),
        ColumnRule(name="may", dtype="str", required=False),
    )
    moment = "2026-01-31T12:00:00Z"
    rows = [
        {"n": i, "x": None if i == 2 else i / 2, "s": "ab"[i % 2], "t": moment} for i in range(6)
    ]
    columns = ColumnValidator(rules).columns(rows)
    assert columns is not None
    assert columns["may"] == [None] * 6
    assert ColumnValidator(rules).columns([row | {"may": "é"} for row in rows]) is not None
    assert ColumnValidator(rules).columns([*rows, rows[0] | {"may": "x"}]) is None
    assert columns["x"] == [0.0, 0.5, None, 1.5, 2.0, 2.5]
    assert ColumnValidator(rules).columns([*rows, rows[0] | {"x": 11.0}]) is None
    assert ColumnValidator(rules).columns([*rows, rows[0] | {"x": float("nan")}]) is None


_MOMENTS = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat() + "Z"),
    st.datetimes(timezones=st.just(dt.timezone(dt.timedelta(hours=5, minutes=30)))).map(
        dt.datetime.isoformat
    ),
    st.sampled_from(["2026-01-31", "2026-01-31 12:00:00Z", "2026-01-31T24:00:00Z", "2026-02-30"]),
    st.sampled_from(["2026-01-31T12:00:00.1234567Z", "2026-01-31T12:00:00,5+01:00", "\n", ""]),
)


@given(st.lists(_MOMENTS, min_size=4, max_size=8), st.sampled_from(["us, UTC", "ns, Asia/Tokyo"]))
@settings(max_examples=200, deadline=None)
def test_moments_read_at_once_are_those_read_one_by_one(texts: list[str], unit: str) -> None:
    """However moments are written, a column of them has the values that pandas gives each one."""
    rule = ColumnRule(name="t", dtype="datetime", unit=unit, earliest="1900-01-01T00:00:00Z")
    columns = ColumnValidator((rule,)).columns([{"t": text} for text in texts])
    if columns is None:
        with pytest.raises(Broken):
            [judge_of(rule)(text) for text in texts]
        return
    assert columns["t"] == [judge_of(rule)(text) for text in texts]
    made = frame_of_columns(columns, (rule,), len(texts))["t"]
    resolution = unit[:2]
    assert made.tolist() == [pd.Timestamp(text).as_unit(resolution) for text in texts]
    assert str(made.dtype) == f"datetime64[{unit}]"


def test_few_choices_of_optional_columns_are_remembered() -> None:
    """Callers can leave out columns in millions of ways; each is judged, a hundred are kept."""
    names = [f"c{number}" for number in range(8)]
    rules = tuple(ColumnRule(name=name, dtype="int", required=False) for name in names)
    validator = ColumnValidator(rules)
    for chosen in itertools.product((0, 1), repeat=8):
        row = dict(zip(names, chosen, strict=True))
        sent = [{name: 1 for name, there in row.items() if there}] * 4
        assert validator.columns(sent) is None or any(chosen)
    assert len(validator._getters) <= 100
