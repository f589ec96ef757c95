"""Laws of the contract: rows and frames are judged alike, and what is written is read back."""

from __future__ import annotations

import math
from datetime import datetime

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbprod.data.contract import (
    RowValidator,
    check_frame,
    frame_of,
    load_contract,
    render_schemas,
)
from nbprod.data.row_values import Broken, judge_of
from nbprod.records import ColumnRule, DataContract

NUMBERS = st.floats(min_value=-1e9, max_value=1e9)
NAMES = st.text(min_size=1, max_size=8).filter(lambda name: name.strip() == name)
MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)).map(
    lambda moment: moment.replace(microsecond=0)
)
TEXTS = st.text(max_size=5)


@st.composite
def rules(draw, name="x") -> ColumnRule:
    """Any rule of one column."""
    dtype = draw(st.sampled_from(["int", "float", "str", "bool", "datetime"]))
    options: dict = {"nullable": draw(st.booleans()), "required": draw(st.booleans())}
    if dtype in ("int", "float") and draw(st.booleans()):
        bounds = sorted([draw(NUMBERS), draw(NUMBERS)])
        if dtype == "int":
            bounds = [float(math.floor(bounds[0])), float(math.ceil(bounds[1]))]
        options |= {"minimum": bounds[0], "maximum": draw(st.sampled_from([bounds[1], None]))}
    if dtype == "str" and draw(st.booleans()):
        options["categories"] = tuple(draw(st.lists(TEXTS, min_size=1, max_size=4, unique=True)))
    elif dtype == "str" and draw(st.booleans()):
        options["pattern"] = draw(st.sampled_from(["^[0-9]+$", "[a-z]", "^$"]))
    if dtype == "datetime":
        resolution = draw(st.sampled_from(["ns", "us"]))
        zone = draw(st.sampled_from(["", "UTC", "America/New_York"]))
        options["unit"] = f"{resolution}, {zone}" if zone else resolution
        if draw(st.booleans()):
            offset = "+00:00" if zone else ""
            options["earliest"] = draw(MOMENTS).isoformat() + offset
    if draw(st.booleans()):
        options["description"] = draw(st.text(alphabet="ab'\"\\ né", max_size=9))
    return ColumnRule(name=name, dtype=dtype, **options)


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.integers(-20, 20),
    st.floats(),
    st.integers(-20, 20).map(float),
    TEXTS,
    st.sampled_from(["12", "a"]),
    MOMENTS,
    MOMENTS.map(lambda moment: pd.Timestamp(moment, tz="UTC").to_pydatetime()),
)


def contract_of(*columns: ColumnRule) -> DataContract:
    return DataContract(package="p", source_digest="", input=columns)


def said(value):
    """A value as JSON gives it."""
    return value.isoformat() if isinstance(value, datetime) else value


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(rule=rules(), other=rules("y"), data=st.data())
def test_rows_and_frames_are_judged_alike(rule, other, data):
    """A row that the validator refuses is refused by pandera, at the same column, and no other."""
    row = {}
    for column in (rule, other):
        values = [VALUES]
        if column.categories:
            values.append(st.sampled_from(column.categories))
        if data.draw(st.integers(0, 9)) > 0:
            row[column.name] = data.draw(st.one_of(values))
    if data.draw(st.integers(0, 9)) == 0:
        row["extra"] = 1

    _, violations = RowValidator((rule, other)).check(
        [{name: said(value) for name, value in row.items()}]
    )
    moments = {column.name for column in (rule, other) if column.dtype == "datetime"}
    held = {name: value if name in moments else said(value) for name, value in row.items()}
    frame = pd.DataFrame(
        {name: pd.Series([value], dtype=object) for name, value in held.items()}, index=[0]
    )
    report = check_frame(contract_of(rule, other), "input", frame)

    by_row = {v.column: v.rule for v in violations}
    by_frame = {key.rpartition(": ")[0]: key.rpartition(": ")[2] for key in report.failures}
    assert by_row == by_frame
    assert report.passed is (not violations)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(rule=rules(), value=VALUES)
def test_the_fast_way_is_the_slow_way(rule, value):
    """What the validator recognises at once is what the rule means."""
    good, violations = RowValidator((rule,)).check([{"x": value}])
    wanted, refused = None, []
    try:
        wanted = judge_of(rule)(value)
    except Broken as broken:
        refused = [broken.rule]

    assert [violation.rule for violation in violations] == refused
    if not refused:
        assert good == [{"x": wanted}]
        assert type(good[0]["x"]) is type(wanted)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(rule=rules(), values=st.lists(VALUES, max_size=5))
def test_accepted_rows_always_make_a_frame(rule, values):
    """Rows that pass have a frame, with one row each, which passes the frame's check in turn."""
    good, _ = RowValidator((rule,)).check([{"x": said(value)} for value in values])
    accepted = [row for row in good if row is not None]

    frame = frame_of(accepted, (rule,))

    assert len(frame) == len(accepted)
    assert check_frame(contract_of(rule), "input", frame).passed


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(
    columns=st.lists(NAMES, min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.tuples(*(rules(name) for name in names))
    ),
    strict=st.booleans(),
)
def test_what_is_written_is_read_back(tmp_path_factory, columns, strict):
    """load(render(contract)) has the same rules, whatever the columns are called."""
    contract = DataContract(
        package="p", source_digest="", input=columns, output=columns[:1], strict=strict
    )
    path = tmp_path_factory.mktemp("written") / "schemas.py"
    path.write_text(render_schemas(contract), encoding="utf-8")

    loaded = load_contract(path, package="p")

    assert [_same(rule) for rule in loaded.input] == [_same(rule) for rule in columns]
    assert loaded.output == loaded.input[:1]
    assert loaded.strict is strict
    assert not loaded.findings


def _same(rule: ColumnRule) -> dict:
    """A rule as data; "ns" without a zone is what an unsaid resolution means."""
    plain = rule.to_json()
    return {**plain, "unit": "" if plain["unit"] == "ns" else plain["unit"]}


@pytest.mark.parametrize("name", ["class", "Config", "validate", "a b", "1", "é", "__x", "pa"])
def test_no_column_name_breaks_the_file(name, tmp_path):
    """Keywords, pandera's own names, spaces and digits are columns like any other."""
    contract = contract_of(ColumnRule(name=name, dtype="int"), ColumnRule(name="pd", dtype="str"))
    path = tmp_path / "schemas.py"
    path.write_text(render_schemas(contract), encoding="utf-8")

    assert load_contract(path, package="p").input == contract.input
