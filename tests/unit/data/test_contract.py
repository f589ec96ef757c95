"""The data contract: inferred, written, read back, and judged by frame and by row."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbprod.data.contract import (
    RowValidator,
    check_frame,
    frame_of,
    infer_contract,
    load_contract,
    read_contract,
    render_schemas,
    save_contract,
)
from nbprod.data.contract_inference import loosened
from nbprod.errors import DataError
from nbprod.records import ColumnRule, DataContract

ROWS = 1200


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    hours = pd.date_range("2026-01-01", periods=ROWS, freq="h")
    return pd.DataFrame(
        {
            "carrier": rng.choice(["AA", "B6", 'quo"te'], ROWS),
            "distance": rng.uniform(17, 4983, ROWS),
            "month": rng.integers(1, 13, ROWS),
            "year": rng.integers(2012, 2014, ROWS),
            "delay": np.where(rng.random(ROWS) < 0.1, np.nan, rng.normal(5, 50, ROWS)),
            "at": hours,
            "in new york": hours.tz_localize("UTC").tz_convert("America/New_York"),
            "tail": [f"N{number}" for number in range(ROWS)],
            "class": rng.integers(0, 2, ROWS).astype(bool),
            "when": [f"2026-01-{n % 28 + 1:02d}T05:00:{n % 60:02d}" for n in range(ROWS)],
            "gate": pd.array([None, 7, 12, 3] * (ROWS // 4), dtype="Int64"),
            "flag": pd.Series([True, None, False, True] * (ROWS // 4), dtype=object),
            "late": rng.integers(0, 2, ROWS),
        }
    )


@pytest.fixture(scope="module")
def contract(raw) -> DataContract:
    features = raw[["distance", "month", "delay"]]
    output = pd.DataFrame({"late": np.linspace(0.01, 0.97, 50)})
    return infer_contract(
        raw,
        features,
        output,
        package="flights",
        key=["tail"],
        time="at",
        not_inputs={"late"},
        used_columns=[name for name in raw.columns if name not in ("late", "tail", "at")],
    )


def rule(contract: DataContract, name: str) -> ColumnRule:
    return next(item for item in contract.input if item.name == name)


def test_the_label_is_no_input_and_the_key_is_optional(contract):
    """Inputs are what the transform reads; key and time travel along without being required."""
    names = [item.name for item in contract.input]

    assert "late" not in names
    assert not rule(contract, "tail").required
    assert not rule(contract, "at").required
    assert rule(contract, "carrier").required


def test_ranges_are_loosened_and_scales_are_closed(contract):
    """A distance may be longer than any seen, never zero; months stay 1 to 12; a year goes on."""
    distance, month, year = (rule(contract, name) for name in ("distance", "month", "year"))

    assert 0 < distance.minimum < 17
    assert distance.maximum > 4983
    assert (month.minimum, month.maximum) == (1, 12)
    assert year.maximum >= 2014


def test_categories_nulls_times_and_patterns(contract):
    """Few texts are categories, many are none; nulls only where seen; no moment is too late."""
    assert rule(contract, "carrier").categories == ("AA", "B6", 'quo"te')
    assert rule(contract, "tail").categories is None
    assert rule(contract, "delay").nullable
    assert not rule(contract, "distance").nullable
    assert rule(contract, "at").earliest == "2026-01-01T00:00:00"
    assert rule(contract, "at").latest is None
    assert rule(contract, "in new york").unit.endswith("America/New_York")
    assert rule(contract, "when").pattern
    assert (rule(contract, "gate").dtype, rule(contract, "flag").dtype) == ("int", "bool")


def test_outputs_between_zero_and_one_are_shares(contract):
    """A probability gets its bounds; features get none."""
    assert (contract.output[0].minimum, contract.output[0].maximum) == (0.0, 1.0)
    assert all(item.minimum is None for item in contract.features)


@pytest.mark.parametrize(
    ("low", "high"), [(17.0, 4983.0), (0.0, 3.0), (-43.0, 1301.0), (5.0, 5.0), (-9.0, -2.0), (0, 0)]
)
def test_loosening_keeps_the_sign(low, high):
    """Bounds lie around what was seen; positive stays positive, not negative stays so."""
    minimum, maximum = loosened(low, high)

    assert minimum <= low <= high <= maximum
    assert (minimum >= 0) is (low >= 0)
    assert (minimum > 0) is (low > 0)
    assert (maximum < 0) is (high < 0)


def test_a_used_label_is_told(raw):
    """A transform that reads the label gets a contract without it, and a finding."""
    made = infer_contract(
        raw[["distance", "late"]],
        raw[["distance"]],
        raw[["late"]],
        package="p",
        key=(),
        time="",
        not_inputs={"late"},
        used_columns=["distance", "late"],
    )

    assert [finding.code for finding in made.findings] == ["NBC003"]


def test_what_no_contract_can_describe_is_named():
    """A column of lists is an error that names it."""
    frame = pd.DataFrame({"boxes": [[1], [2]]})

    with pytest.raises(DataError, match="boxes"):
        infer_contract(frame, frame, frame, package="p", key=(), time="", not_inputs=())


# ---------------------------------------------------------------- the file


def test_what_is_written_is_read_back(contract, tmp_path):
    """load(render(contract)) is the contract, up to its id and the moment it was made."""
    path = tmp_path / "schemas.py"
    path.write_text(render_schemas(contract))

    loaded = load_contract(path, package="flights", key=("tail",))

    same = {"id": "", "created_at": ""}
    assert loaded.to_json() | same == contract.to_json() | same


def test_the_file_is_readable_python(contract):
    """The file has comments on where bounds come from, and no line is too long."""
    text = render_schemas(contract)

    ast.parse(text)
    assert "half a span wider" in text
    assert "seen 17" in text
    assert max(map(len, text.splitlines())) <= 120
    assert text == render_schemas(contract)


EDITED = """
import pandera.pandas as pa
from pandera.typing import Series
from .lib import LARGEST

class Input(pa.DataFrameModel):
    a: Series[int] = pa.Field(gt=0, lt=LARGEST)
    b: Series[float] = pa.Field(in_range={"min_value": 0, "max_value": 1})
    c: Series[str] = pa.Field(str_matches=r"^[A-Z]+$", unique=True)
    d: Series[int] = pa.Field(isin=[1, 2, 3])
    e: Series[int] = pa.Field(isin=[1, 5])

    @pa.check("b")
    def rises(cls, values):
        return values.diff().fillna(0) >= 0

    @pa.dataframe_check
    def ordered(cls, frame):
        return frame["a"] >= frame["b"]

    class Config:
        strict = True
"""


@pytest.fixture
def edited(tmp_path: Path) -> Path:
    (tmp_path / "lib.py").write_text("LARGEST = 10\n")
    (tmp_path / "schemas.py").write_text(EDITED)
    return tmp_path / "schemas.py"


def test_a_user_s_checks_are_compiled_or_named(edited):
    """Bounds in any form are compiled; what only pandera can run is marked and told."""
    loaded = load_contract(edited, package="p")
    rules = {item.name: item for item in loaded.input}

    assert (rules["a"].minimum, rules["a"].maximum) == (1, 9)
    assert (rules["b"].minimum, rules["b"].maximum) == (0, 1)
    assert rules["c"].pattern == "^[A-Z]+$"
    assert (rules["d"].minimum, rules["d"].maximum) == (1, 3)
    assert {name: item.compiled for name, item in rules.items()} == {
        "a": True,
        "b": False,
        "c": True,
        "d": True,
        "e": False,
    }
    assert loaded.unique == (("c",),)
    assert {finding.code for finding in loaded.findings} == {"NBC002"}
    assert loaded.whole == ("input",)
    assert any("ordered" in finding.message for finding in loaded.findings)


def test_hand_written_checks_run_on_frames(edited):
    """With the file at hand a frame is judged by its custom checks too; without, they are told."""
    loaded = load_contract(edited, package="p")
    frame = pd.DataFrame({"a": [2, 2], "b": [0.5, 0.1], "c": ["A", "A"], "d": [1, 2], "e": [1, 5]})

    without = check_frame(loaded, "input", frame)
    judged = check_frame(loaded, "input", frame, schemas_path=edited)

    assert without.failures == {"c: unique": 2}
    assert [finding.code for finding in without.findings] == ["NBC002", "NBC001"]
    assert not judged.passed
    assert judged.failures["b: check"] == 1


@pytest.mark.parametrize(
    "text", ["x = 1", "raise RuntimeError", "import pandera.pandas as pa\nInput = 3 +", ""]
)
def test_a_file_that_is_no_contract_is_refused(tmp_path, text):
    """No Input, a crash, bad syntax: an error of ours that names the file."""
    (tmp_path / "schemas.py").write_text(text)

    with pytest.raises(DataError, match=r"schemas\.py"):
        load_contract(tmp_path / "schemas.py", package="p")


def test_a_missing_file_says_how_to_write_one(tmp_path):
    """Without a schemas.py the hint names the command that infers it."""
    with pytest.raises(DataError) as caught:
        load_contract(tmp_path / "schemas.py", package="p")

    assert "contract infer" in caught.value.hint


def test_json_round_trip(contract, tmp_path):
    """A contract saved as JSON is the same one; a damaged file is a data error."""
    path = save_contract(contract, tmp_path / "contract.json")

    assert read_contract(path) == contract
    path.write_text("{")
    with pytest.raises(DataError):
        read_contract(path)


# ---------------------------------------------------------------- frames


def test_the_training_rows_keep_their_contract(raw, contract):
    """What a contract was inferred from passes it, but for columns a caller does not send."""
    assert check_frame(contract, "input", raw, strict=False).passed
    assert check_frame(contract, "input", raw).failures == {"late: extra": 1}


def test_every_failure_is_counted_and_redacted_values_stay_hidden(raw, contract):
    """Failures are counted by column and rule; samples never show a redacted column's value."""
    bad = raw.drop(columns=["late", "month"])
    bad.loc[[3, 4], "distance"] = -5.0
    bad.loc[5, "distance"] = np.inf
    bad.loc[4, "carrier"] = "SECRET"
    bad["class"] = bad["class"].astype(object)
    bad.loc[7, "class"] = "yes"
    bad.loc[2, "year"] = None

    report = check_frame(contract, "input", bad, redact=("carrier",))

    assert report.failures == {
        "distance: range": 3,
        "carrier: category": 1,
        "class: type": 1,
        "year: null": 1,
        "month: missing": 1,
    }
    assert not report.passed
    assert "SECRET" not in str(report.to_json())
    assert {finding.code for finding in report.findings} == {"NBC001"}


def test_widths_do_not_matter_but_types_do(raw, contract):
    """Narrow numbers, categories and other resolutions pass; numbers in text do not."""
    narrow = raw.drop(columns="late").assign(
        month=raw["month"].astype("int8"),
        distance=raw["distance"].astype("float32"),
        carrier=raw["carrier"].astype("category"),
        at=raw["at"].astype("datetime64[s]"),
    )

    assert check_frame(contract, "input", narrow).passed
    text = narrow.assign(month=raw["month"].astype(str))
    assert check_frame(contract, "input", text).failures == {"month: type": ROWS}


def test_two_columns_of_one_name_are_refused(contract):
    """A frame with a column twice cannot be judged."""
    frame = pd.DataFrame([[1.0, 2.0]], columns=["distance", "distance"])

    with pytest.raises(DataError, match="distance"):
        check_frame(contract, "features", frame)


# ---------------------------------------------------------------- rows

RULES = (
    ColumnRule(name="n", dtype="int", minimum=0, maximum=10),
    ColumnRule(name="x", dtype="float", nullable=True, minimum=-1.0),
    ColumnRule(name="s", dtype="str", categories=("a", "b")),
    ColumnRule(name="p", dtype="str", pattern="^[0-9]+$"),
    ColumnRule(name="f", dtype="bool"),
    ColumnRule(name="t", dtype="datetime", unit="us", earliest="2020-01-01T00:00:00"),
    ColumnRule(name="z", dtype="datetime", unit="us, America/New_York"),
    ColumnRule(name="k", dtype="str", required=False),
)
GOOD = {
    "n": 3,
    "x": 0.5,
    "s": "a",
    "p": "12",
    "f": True,
    "t": "2026-01-01T05:00:00",
    "z": "2026-01-01T05:00:00Z",
    "k": "id",
}


def broken(**changes) -> list[tuple[str, str]]:
    row = {**GOOD, **changes}
    row = {name: value for name, value in row.items() if value is not ...}
    _, violations = RowValidator(RULES).check([row])
    return [(violation.column, violation.rule) for violation in violations]


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({}, []),
        ({"k": ...}, []),
        ({"n": 3.0}, []),
        ({"x": 3}, []),
        ({"x": None}, []),
        ({"x": float("nan")}, []),
        ({"t": "2026-01-01"}, []),
        ({"z": "2026-01-01T00:00:00-05:00"}, []),
        ({"n": 3.5}, [("n", "type")]),
        ({"n": "3"}, [("n", "type")]),
        ({"n": True}, [("n", "type")]),
        ({"n": None}, [("n", "null")]),
        ({"n": ...}, [("n", "missing")]),
        ({"n": 11}, [("n", "range")]),
        ({"n": 10**30}, [("n", "range")]),
        ({"n": [3]}, [("n", "type")]),
        ({"x": "0.5"}, [("x", "type")]),
        ({"x": False}, [("x", "type")]),
        ({"x": float("inf")}, [("x", "range")]),
        ({"x": -2}, [("x", "range")]),
        ({"x": 10**400}, [("x", "range")]),
        ({"s": "c"}, [("s", "category")]),
        ({"s": ""}, [("s", "category")]),
        ({"s": 1}, [("s", "type")]),
        ({"p": "x"}, [("p", "pattern")]),
        ({"k": "\ud800"}, [("k", "type")]),
        ({"k": None}, [("k", "null")]),
        ({"f": 1}, [("f", "type")]),
        ({"f": "true"}, [("f", "type")]),
        ({"t": "yesterday"}, [("t", "type")]),
        ({"t": 1767225600}, [("t", "type")]),
        ({"t": "2026-01-01T05:00:00Z"}, [("t", "type")]),
        ({"t": "2019-12-31T23:59:59"}, [("t", "range")]),
        ({"z": "2026-01-01T05:00:00"}, [("z", "type")]),
        ({"z": "2026-13-01T05:00:00Z"}, [("z", "type")]),
        ({"other": 1}, [("other", "extra")]),
    ],
)
def test_a_single_row_is_judged_value_by_value(change, found):
    """Each way in which a JSON value can be wrong is refused by column and rule."""
    assert broken(**change) == found


def test_a_number_in_quotes_gets_a_plain_answer():
    """The message tells the caller what to send."""
    _, (violation,) = RowValidator(RULES).check([{**GOOD, "n": "3"}])

    assert "without quotes" in violation.message
    assert violation.value == "3"


def test_every_violation_of_every_row_is_named():
    """Bad rows are None, good ones are coerced, rows keep their places."""
    good, violations = RowValidator(RULES).check(
        [GOOD, {**GOOD, "n": None, "s": "z"}, 7, {**GOOD, "x": 2}]
    )

    assert [row is None for row in good] == [False, True, True, False]
    assert [(v.row, v.rule) for v in violations] == [(1, "null"), (1, "category"), (2, "type")]
    assert type(good[3]["x"]) is float


def test_an_extra_column_may_be_dropped():
    """Without strictness the extra column is left out of the row."""
    good, violations = RowValidator(RULES, strict=False).check([{**GOOD, "other": 1}])

    assert not violations
    assert "other" not in good[0]


def test_rows_become_a_frame_with_the_contract_s_types():
    """The frame has the contract's columns, order and dtypes, also for one row of nulls."""
    good, _ = RowValidator(RULES).check([GOOD, {**GOOD, "x": None, "k": ...}][:1])
    frame = frame_of([good[0], {**good[0], "x": None, "k": None}], RULES)

    assert list(frame.columns) == [item.name for item in RULES]
    assert [getattr(dtype, "kind", "O") for dtype in frame.dtypes[["n", "x", "f"]]] == list("ifb")
    assert frame["x"].isna().tolist() == [False, True]
    assert str(frame["t"].dtype) == "datetime64[us]"
    assert str(frame["z"].dtype) == "datetime64[us, America/New_York]"
    assert frame["z"].iloc[0].hour == 0
    assert frame["s"].dtype == pd.Series(["a"]).dtype


@pytest.mark.parametrize("resolution", ["ns", "us", "ms", "s"])
def test_moments_keep_the_resolution_of_training(resolution):
    """Seconds since the epoch come out the same as in the frame the contract was read from."""
    rules = (ColumnRule(name="t", dtype="datetime", unit=resolution),)
    frame = frame_of([{"t": "2026-01-01T05:00:00"}], rules)

    assert str(frame["t"].dtype) == f"datetime64[{resolution}]"


def test_nanoseconds_are_not_cut():
    """A text with nine digits of a second keeps them where the column has them."""
    rules = (ColumnRule(name="t", dtype="datetime", unit="ns"),)
    good, _ = RowValidator(rules).check([{"t": "2026-01-01T05:00:00.123456789"}])

    assert frame_of(good, rules)["t"].iloc[0].nanosecond == 789


def test_no_row_and_no_rule_make_a_frame():
    """No rows keep the columns and their types; no rules give a frame without columns."""
    assert frame_of([], RULES).dtypes["x"] == np.float64
    assert frame_of([{}], ()).shape == (1, 0)


def test_a_value_of_another_type_makes_no_frame():
    """Text in a number's column is refused, never converted."""
    with pytest.raises(DataError, match="'x'"):
        frame_of([{"x": "0.5"}], (ColumnRule(name="x", dtype="float"),))
