"""Age, units, keys, dtypes of every kind, and what field pain 13 lost without a word."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest

from nbprod.data.contract import (
    RowValidator,
    check_frame,
    frame_of,
    infer_contract,
    load_contract,
    render_schemas,
)
from nbprod.data.sources import load_frame
from nbprod.errors import DataError
from nbprod.records import ColumnRule, DataContract

ROWS = 60
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
OUTPUT = pd.DataFrame({"y": np.linspace(0.1, 0.9, ROWS)})


def inferred(frame, *, features=None, **options) -> DataContract:
    given = {"package": "p", "key": (), "time": "", "not_inputs": ()} | options
    return infer_contract(frame, frame if features is None else features, OUTPUT, **given)


def of(*rules: ColumnRule, **fields) -> DataContract:
    return DataContract(package="p", source_digest="", input=rules, **fields)


# ---------------------------------------------------------------- age

AT = ColumnRule(name="at", dtype="datetime", unit="us, UTC", freshness="1h")


@pytest.mark.parametrize(("age_min", "found"), [(5, []), (60, []), (61, ["freshness"]), (-5, [])])
def test_rows_too_old_to_serve_are_refused(age_min, found):
    """A row older than its freshness is refused when served, and not when the past is judged."""
    row = {"at": (NOW - timedelta(minutes=age_min)).isoformat()}
    validator = RowValidator((AT,))

    assert [v.rule for v in validator.check([row], as_of=NOW)[1]] == found
    assert validator.check([row])[1] == []


def test_a_frame_is_asked_its_age_only_as_of_a_moment():
    """check --as-of counts the stale rows; without it the report says that none was asked."""
    frame = pd.DataFrame({"at": pd.to_datetime(["2026-03-01 11:30", "2026-03-01 09:00"], utc=True)})

    assert check_frame(of(AT), "input", frame, as_of=NOW).failures == {"at: freshness": 1}
    report = check_frame(of(AT), "input", frame)
    assert report.passed
    assert [finding.code for finding in report.findings] == ["NBC006"]


@pytest.mark.parametrize(
    ("last", "zone", "kept"), [("now", "UTC", "1h"), ("2013-12-31", "UTC", ""), ("now", None, "")]
)
def test_freshness_is_written_for_live_rows_only(last, zone, kept, tmp_path):
    """Rows of 2013, or of an unknown zone, would all be refused: then it is told instead."""
    end = pd.Timestamp.now(tz="UTC").tz_localize(None) if last == "now" else pd.Timestamp(last)
    frame = pd.DataFrame({"at": pd.date_range(end=end, periods=ROWS, freq="h", tz=zone)})

    made = inferred(frame, time="at", freshness="1h")

    assert made.input[0].freshness == kept
    assert [finding.code for finding in made.findings] == ([] if kept else ["NBC006"])
    path = tmp_path / "schemas.py"
    path.write_text(render_schemas(made))
    assert load_contract(path, package="p").input[0].freshness == kept


# ---------------------------------------------------------------- units, keys


def test_a_unit_is_read_written_and_held_against(tmp_path):
    """The unit that a file declares goes into the contract; another one is a failure."""
    field = pa.field("distance", pa.float64(), metadata={"unit": "km"})
    table = pa.table({"distance": np.linspace(1, 9, ROWS)}, schema=pa.schema([field]))
    pa.parquet.write_table(table, tmp_path / "rows.parquet")
    frame = load_frame("rows.parquet", base=tmp_path)
    path = tmp_path / "schemas.py"
    path.write_text(render_schemas(inferred(frame)))

    loaded = load_contract(path, package="p")

    assert loaded.input[0].unit == "km"
    assert check_frame(loaded, "input", frame).passed
    frame.attrs["units"] = {"distance": "mi"}
    assert check_frame(loaded, "input", frame).failures == {"distance: unit": 1}


@pytest.mark.parametrize("key", [["id"], ["shop", "day"]])
def test_a_key_that_names_each_row_stays_unique(key, tmp_path):
    """Uniqueness is written as pandera code, read back, and every repeated row is counted."""
    frame = pd.DataFrame(
        {"id": range(ROWS), "shop": ["a", "b"] * 30, "day": np.repeat(range(30), 2)}
    )
    path = tmp_path / "schemas.py"
    path.write_text(render_schemas(inferred(frame, key=key)))

    loaded = load_contract(path, package="p", key=tuple(key))

    assert loaded.unique == (tuple(key),)
    assert check_frame(loaded, "input", frame).passed
    twice = pd.concat([frame, frame.head(2)])
    assert check_frame(loaded, "input", twice).failures == {f"{', '.join(key)}: unique": 4}


def test_a_key_that_repeats_is_told():
    """Outcomes by such a key would reach several predictions."""
    made = inferred(pd.DataFrame({"id": [1, 1] * 30}), key=["id"])

    assert made.unique == ()
    assert [finding.code for finding in made.findings] == ["NBC005"]


# ---------------------------------------------------------------- frames of every kind

FRAMES = {
    "nothing": [None] * ROWS,
    "integers": pd.array([1, None, 3] * 20, dtype="Int64"),
    "huge": [2**62 + n for n in range(ROWS)],
    "flags": pd.array([True, None, False] * 20, dtype="boolean"),
    "texts": pd.array(["a", None, "é"] * 20, dtype="string"),
    "numbers by category": pd.Categorical([1, 2, 3] * 20),
    "texts by category": pd.Categorical(["a", "b", None] * 20, categories=["b", "a", "unseen"]),
    "moments": pd.date_range("2020", periods=ROWS, freq="h", unit="s"),
    "elsewhere": pd.date_range("2020", periods=ROWS, freq="h", tz="Asia/Kolkata"),
    "offset": pd.date_range("2020", periods=ROWS, freq="h", tz="+05:30"),
    "far": np.array(["0001-01-01", "9999-12-31"] * 30, dtype="datetime64[s]"),
    "extremes": [1.7e308, -1.7e308] * 30,
    "zero": [-0.0] * ROWS,
    "arrow": pd.array([1, None] * 30, dtype="int64[pyarrow]"),
    "class": [1, 2] * 30,
    "to_schema": [1, 2] * 30,
    'q"\\': ['a"b\\', "{x}\n"] * 30,
    "": [1, 2] * 30,
    "日本": ["😀", "x"] * 30,
    "Series": [1, 2] * 30,
}


def test_a_contract_of_every_dtype_and_name_is_read_back_and_kept(tmp_path):
    """The file imports, says the same rules, and the rows it came from keep them, as JSON too."""
    frame = pd.DataFrame(FRAMES)
    made = inferred(frame)
    path = tmp_path / "schemas.py"
    path.write_text(render_schemas(made), encoding="utf-8")

    loaded = load_contract(path, package="p")

    assert loaded.input == made.input
    assert check_frame(loaded, "input", frame, schemas_path=path).passed
    rows = [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in frame.astype(object).to_dict("records")
    ]
    good, violations = RowValidator(loaded.input).check(
        json.loads(json.dumps(rows, default=lambda value: value.isoformat()))
    )
    assert violations == []
    assert check_frame(loaded, "input", frame_of(good, loaded.input)).passed


@pytest.mark.parametrize(
    "values",
    [
        [1, "a"],
        [True, 2],
        [b"a"],
        [[1]],
        [{"a": 1}],
        [2**70],
        [1j],
        [pd.Timestamp("2020", tz="UTC"), pd.Timestamp("2020")],
        [pd.Timedelta("1h")],
        [pd.Period("2020")],
        [datetime(2020, 1, 1).date()],
        ["\ud800"],
    ],
    ids=str,
)
def test_what_no_caller_can_send_is_named_with_a_way_out(values):
    """Such a column is an error that names it and says what to do."""
    frame = pd.DataFrame({"odd": pd.Series((values * ROWS)[:ROWS], dtype=object)})

    with pytest.raises(DataError, match="'odd'") as caught:
        inferred(frame, features=pd.DataFrame({"a": [1.0]}))

    assert caught.value.hint


def test_one_value_bounds_nothing_and_no_row_is_no_contract():
    """A column that was always 0 may be 1 tomorrow; without a row nothing can be said."""
    (rule,) = inferred(pd.DataFrame({"a": [0.0] * ROWS})).input

    assert (rule.minimum, rule.maximum) == (None, None)
    with pytest.raises(DataError, match="no row"):
        inferred(pd.DataFrame({"a": []}))


def test_names_that_are_no_text_or_there_twice_are_refused():
    """A caller's row has each column once, by a name in text."""
    with pytest.raises(DataError, match="0"):
        inferred(pd.DataFrame(np.ones((ROWS, 1))), features=OUTPUT)
    with pytest.raises(DataError, match="'a'"):
        inferred(pd.DataFrame(np.ones((ROWS, 2)), columns=["a", "a"]), features=OUTPUT)


def test_classes_that_a_sample_did_not_predict_may_be_answered():
    """The output's categories are the label's, not those of a few predictions."""
    label = pd.Series(["a", "b", "rare"] * 20)
    output = pd.DataFrame({"y": ["a", "b"] * 30})
    frame = pd.DataFrame({"x": range(ROWS)})

    made = infer_contract(
        frame, frame, output, package="p", key=(), time="", not_inputs=(), label=label
    )

    assert made.output[0].categories == ("a", "b", "rare")


def test_a_measured_quantity_is_no_share():
    """A regression whose sample lies between 0 and 1 may predict 1.2."""
    frame = pd.DataFrame({"x": range(ROWS)})
    given = {"package": "p", "key": (), "time": "", "not_inputs": ()}

    measured = infer_contract(frame, frame, OUTPUT, label=OUTPUT["y"], **given)
    classes = infer_contract(frame, frame, OUTPUT, label=pd.Series([0, 1] * 30), **given)

    assert measured.output[0].maximum is None
    assert classes.output[0].maximum == 1.0


# ---------------------------------------------------------------- field pain 13


def test_a_nullable_int_stays_an_int_with_its_null():
    """mlflow#3798: an int column with a null comes back as Int64, not as floats, every digit kept."""
    rules = (ColumnRule(name="n", dtype="int", nullable=True),)
    good, violations = RowValidator(rules).check([{"n": 2**53 + 1}, {"n": None}])

    frame = frame_of(good, rules)

    assert violations == []
    assert str(frame["n"].dtype) == "Int64"
    assert frame["n"].iloc[0] == 2**53 + 1
    assert frame["n"].isna().tolist() == [False, True]


def test_an_int_that_lost_its_type_through_json_gets_it_back_or_is_refused():
    """mlflow#5525: 3.0 for an int is 3, 3 for a float is 3.0; 3.5, "3" and true are refused."""
    rules = (ColumnRule(name="n", dtype="int"), ColumnRule(name="x", dtype="float"))
    sent = json.loads('[{"n": 3.0, "x": 3}, {"n": 3.5, "x": "3"}, {"n": true, "x": false}]')

    good, violations = RowValidator(rules).check(sent)

    assert {name: type(value) for name, value in good[0].items()} == {"n": int, "x": float}
    assert [(v.row, v.column, v.rule) for v in violations] == [
        (1, "n", "type"),
        (1, "x", "type"),
        (2, "n", "type"),
        (2, "x", "type"),
    ]


def test_no_check_is_off_without_a_word(tmp_path):
    """mlflow#25593: what cannot be compiled is run or told; a contract never quietly asks less."""
    path = tmp_path / "schemas.py"
    path.write_text(
        "import pandera.pandas as pa\nfrom pandera.typing import Series\n\n"
        "class Input(pa.DataFrameModel):\n    a: Series[int] = pa.Field(ne=3, unique=True)\n"
    )
    contract = load_contract(path, package="p")
    frame = pd.DataFrame({"a": [3, 4, 4]})

    assert [finding.code for finding in contract.findings] == ["NBC002"]
    told = check_frame(contract, "input", frame)
    run = check_frame(contract, "input", frame, schemas_path=path)
    assert (told.failures, told.findings[0].code) == ({"a: unique": 2}, "NBC002")
    assert run.failures == {"a: unique": 2, "a: check": 1}
