"""Contracts that people write by hand: compiled, run by pandera, or told; never silently off."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from nbprod.data.contract import CustomChecks, RowValidator, check_frame, load_contract
from nbprod.errors import DataError

HEAD = "import pandas as pd\nimport pandera.pandas as pa\nfrom pandera.typing import Series\n\n"


@pytest.fixture
def write(tmp_path: Path):
    """Write a schemas.py; its path and its contract."""

    def written(text: str):
        path = tmp_path / "schemas.py"
        path.write_text(HEAD + text, encoding="utf-8")
        return path, load_contract(path, package="p")

    return written


def judged(path, contract, *rows):
    """(row, column, rule) of every violation, as a service would find it."""
    custom = CustomChecks.load(path, "input")
    _, violations = RowValidator(contract.input, contract.strict, custom).check(rows)
    return [(v.row, v.column, v.rule) for v in violations]


CUSTOM = """
class Base(pa.DataFrameModel):
    a: Series[int] = pa.Field(ge=0)

    @pa.check("a", name="even")
    def even(cls, values):
        return values % 2 == 0


class Input(Base):
    b: Series[float]

    @pa.dataframe_check(name="ordered")
    def ordered(cls, frame):
        return frame["a"] <= frame["b"]

    @pa.check("b", name="mean")
    def mean(cls, values):
        return bool(values.mean() < 100)

    class Config:
        strict = "filter"
"""


def test_a_request_is_judged_by_hand_written_checks(write):
    """Inherited, column and whole-row checks refuse exactly the rows that break them."""
    path, contract = write(CUSTOM)

    found = judged(
        path, contract, {"a": 2, "b": 3.0}, {"a": 3, "b": 9}, {"a": 4, "b": 1}, {"a": -2, "b": 1}
    )

    assert found == [(1, "a", "check"), (2, "", "check"), (3, "a", "range")]
    assert judged(path, contract, {"a": 2, "b": 3, "more": 1}) == []  # strict = "filter"
    assert judged(path, contract, {"a": 2, "b": 1000.0}) == []  # a mean is no verdict on a row


def test_a_row_is_not_refused_for_its_neighbours(write):
    """A check that looks along the batch refuses a row only where it fails alone, too."""
    path, contract = write(
        "class Input(pa.DataFrameModel):\n    a: Series[int]\n\n"
        "    @pa.check('a')\n    def rises(cls, values):\n"
        "        return values.diff().fillna(0) >= 0\n"
    )

    assert judged(path, contract, {"a": 5}, {"a": 1}) == []
    report = check_frame(contract, "input", pd.DataFrame({"a": [5, 1]}), schemas_path=path)
    assert report.failures == {"a: check": 1}


def test_a_check_that_raises_refuses_and_tells_no_value(write):
    """An exception in a check is a failure; its words, which quote a value, are not passed on."""
    path, contract = write(
        "class Input(pa.DataFrameModel):\n    a: Series[str]\n\n"
        "    @pa.check('a', element_wise=True)\n    def bad(cls, value):\n"
        "        if value == 'SECRET':\n            raise ValueError(value)\n"
        "        return True\n"
    )

    assert judged(path, contract, {"a": "x"}, {"a": "SECRET"}) == [(1, "a", "check")]
    report = check_frame(
        contract, "input", pd.DataFrame({"a": ["x", "SECRET"]}), schemas_path=path, redact=["a"]
    )
    assert report.failures == {"a: check": 1}
    assert "SECRET" not in str(report.to_json())


SWITCHES = """
class Input(pa.DataFrameModel):
    a: Series[int] = pa.Field(ge=0, coerce=True)
    b: Series[int] = pa.Field(ne=3, n_failure_cases=1)
    c: Series[int] = pa.Field(ne=3, raise_warning=True)
    d: Series[int] = pa.Field(isin=[1, 1000000000000])

    class Config:
        drop_invalid_rows = True
        add_missing_columns = True
"""


def test_what_would_switch_a_check_off_does_not(write):
    """Dropped rows, capped failure cases, coercion: told, not done; a warning stays a warning."""
    path, contract = write(SWITCHES)
    frame = pd.DataFrame({"a": [0, 0, -1], "b": [3, 3, 3], "c": [3, 1, 1], "d": [1, 5, 1]})

    report = check_frame(contract, "input", frame, schemas_path=path)

    # the third row has no types to look at: it is judged by its rules alone
    assert report.failures == {"a: range": 1, "b: check": 2, "d: check": 1}
    assert [finding.severity for finding in report.findings if finding.column == "c"] == ["warning"]
    told = " ".join(finding.message for finding in contract.findings if finding.code == "NBC004")
    assert all(word in told for word in ("coerce", "drop_invalid_rows", "add_missing_columns"))
    assert judged(path, contract, {"a": "1", "b": 1, "c": 3, "d": 1}) == [(0, "a", "type")]


def test_a_schema_object_is_a_contract_like_a_model(write):
    """DataFrameSchema says the same as DataFrameModel; categories and narrow widths count."""
    _, contract = write(
        "Input = pa.DataFrameSchema({\n"
        "    'kind': pa.Column(pd.CategoricalDtype(['a', 'b'])),\n"
        "    'small': pa.Column('uint8', pa.Check.gt(1)),\n"
        "    'code': pa.Column(str, [pa.Check.str_length(2, 3), pa.Check.str_startswith('N')]),\n"
        "}, strict=True, unique=['kind', 'small'])\n"
    )
    validator = RowValidator(contract.input, contract.strict)

    def rules(**row):
        return [v.rule for v in validator.check([row])[1]]

    assert contract.unique == (("kind", "small"),)
    assert rules(kind="a", small=255, code="N12") == []
    assert rules(kind="c", small=256, code="N123") == ["category", "range", "pattern"]
    assert rules(kind="a", small=1, code="M1") == ["range", "pattern"]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("Input = 3\n", "int"),
        ("Input = pa.SeriesSchema(int)\n", "SeriesSchema"),
        ("Input = pa.DataFrameSchema({'a': pa.Column()})\n", "no type"),
        ("Input = pa.DataFrameSchema({'a': pa.Column(pa.Timedelta)})\n", "timedelta"),
        ("Input = pa.DataFrameSchema({3: pa.Column(int)})\n", "3"),
        ("Input = pa.DataFrameSchema({'a.*': pa.Column(int, regex=True)})\n", "a.*"),
        ("import sys\nsys.exit(0)\n", "SystemExit"),
        (
            "class Input(pa.DataFrameModel):\n"
            "    t: Series[pa.DateTime] = pa.Field(metadata={'freshness': 'soon'})\n",
            "soon",
        ),
        (
            "class Input(pa.DataFrameModel):\n"
            "    t: Series[int] = pa.Field(metadata={'freshness': '1h'})\n",
            "freshness",
        ),
    ],
)
def test_what_is_no_contract_is_a_clear_error(write, text, word):
    """Each is refused with a word on what it is and a hint."""
    with pytest.raises(DataError) as caught:
        write(text)

    assert word in str(caught.value)
    assert caught.value.hint


def test_a_wide_isin_is_not_counted_out(write):
    """Two numbers far apart are no interval, and asking costs no memory."""
    path, contract = write(SWITCHES)

    assert not {rule.name: rule for rule in contract.input}["d"].compiled
    assert judged(path, contract, {"a": 1, "b": 1, "c": 1, "d": 2}) == [(0, "d", "check")]


def test_a_bound_that_a_float_cannot_hold_stays_exact(write):
    """2**53 + 1 is not 2**53: such a bound is pandera's to judge."""
    path, contract = write(
        "class Input(pa.DataFrameModel):\n    a: Series[int] = pa.Field(ge=2**53 + 1)\n"
    )

    assert judged(path, contract, {"a": 2**53}) == [(0, "a", "check")]
    assert judged(path, contract, {"a": 2**53 + 1}) == []


def test_without_the_file_hand_written_checks_are_told(write):
    """A frame judged without schemas.py passes with a warning that names what was not run."""
    _, contract = write(CUSTOM)

    report = check_frame(contract, "input", pd.DataFrame({"a": [1], "b": [0.0]}))

    assert report.passed
    (told,) = (finding for finding in report.findings if finding.code == "NBC002")
    assert told.severity == "warning"
    assert all(word in told.message for word in ("a", "b", "whole rows"))
