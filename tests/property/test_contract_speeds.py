"""One contract, three ways to judge: pandera itself, single rows, whole columns; one verdict."""

from __future__ import annotations

import math
import string
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pandera.errors
import pandera.pandas as pa
from hypothesis import given, note, settings
from hypothesis import strategies as st

from nbprod.data.column_faults import faults_of
from nbprod.data.contract import CustomChecks, RowValidator
from nbprod.data.contract_reading import read_part
from nbprod.records import ColumnRule

MANY = settings(max_examples=150, deadline=None)

# ---------------------------------------------------------------- pandera, as a person writes it

# No line feed and only ASCII digits: there pandas' Arrow engine and Python's re part ways.
TEXTS = st.text(alphabet=string.ascii_letters + string.digits + " _é日😀", max_size=4)
SMALL = st.integers(-5, 5)
MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2050, 1, 1))


def _number_checks(bound):
    return st.one_of(
        st.builds(pa.Check.ge, bound),
        st.builds(pa.Check.gt, bound),
        st.builds(pa.Check.le, bound),
        st.builds(pa.Check.lt, bound),
        st.builds(pa.Check.eq, bound),
        st.builds(pa.Check.ne, bound),
        st.builds(pa.Check.isin, st.lists(bound, min_size=1, max_size=4)),
        st.builds(pa.Check.notin, st.lists(bound, min_size=1, max_size=3)),
        st.tuples(bound, bound, st.booleans(), st.booleans()).map(
            lambda b: pa.Check.in_range(min(b[:2]), max(b[:2]) + 1, b[2], b[3])
        ),
        st.just(pa.Check(lambda values: values % 2 == 0, name="even")),
        st.just(pa.Check(lambda value: value != 3, element_wise=True, name="not three")),
    )


TEXT_CHECKS = st.one_of(
    st.builds(pa.Check.isin, st.lists(TEXTS, min_size=1, max_size=4)),
    st.builds(pa.Check.notin, st.lists(TEXTS, min_size=1, max_size=3)),
    st.builds(pa.Check.eq, TEXTS),
    st.sampled_from(["^[0-9]+$", "[a-z]", "^$", "^(a|b)*$", "(?i)A", "a|b"]).map(
        pa.Check.str_matches
    ),
    st.sampled_from(["[0-9]", "a"]).map(pa.Check.str_contains),
    st.sampled_from(["a", "", ".", "é"]).map(pa.Check.str_startswith),
    st.sampled_from(["a", "", ".", "é"]).map(pa.Check.str_endswith),
    st.builds(pa.Check.str_length, st.integers(0, 2), st.integers(2, 4)),
    st.just(pa.Check(lambda text: len(text) != 2, element_wise=True, name="not two")),
)
CHECKS = {
    "int": _number_checks(SMALL | st.sampled_from([2**53 + 1, -(2**62)]) | st.just(1.5)),
    "float": _number_checks(st.floats(-5, 5).map(lambda x: round(x, 1))),
    "str": TEXT_CHECKS,
    "bool": st.just(pa.Check(lambda values: values, name="true")),
    "datetime": st.one_of(
        st.builds(pa.Check.ge, MOMENTS.map(pd.Timestamp)),
        st.builds(pa.Check.le, MOMENTS.map(pd.Timestamp)),
        st.builds(pa.Check.gt, MOMENTS.map(pd.Timestamp)),
    ),
}
DTYPES = {
    ("int", False): "int64",
    ("int", True): "Int64",
    ("float", False): "float64",
    ("float", True): "float64",
    ("bool", False): "bool",
    ("bool", True): "boolean",
    ("str", False): str,
    ("str", True): str,
    ("datetime", False): "datetime64[ns]",
    ("datetime", True): "datetime64[ns]",
}
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    SMALL,
    SMALL.map(float),
    st.sampled_from([2**53, 2**53 + 1, 2**62, 2**63 - 1, 2**63, -(2**63), 10**400]),
    st.floats(-6, 6).map(lambda x: round(x, 1)),
    st.sampled_from([math.nan, math.inf, -math.inf, -0.0, 1e308]),
    TEXTS,
    st.sampled_from(["3", "3.0", "true", "", "a", "ab", "12", "2020-01-01"]),
    MOMENTS,
    st.just([1]),
    st.just({"a": 1}),
)
NATURAL = {
    "int": SMALL,
    "float": st.floats(-6, 6).map(lambda x: round(x, 1)) | SMALL,
    "str": TEXTS,
    "bool": st.booleans(),
    "datetime": MOMENTS,
}


@st.composite
def written(draw):
    """A column as a person writes it, and a value that a caller may send for it."""
    kind = draw(st.sampled_from(list(CHECKS)))
    nullable = draw(st.booleans())
    column = pa.Column(
        DTYPES[kind, nullable],
        checks=draw(st.lists(CHECKS[kind], max_size=3)),
        nullable=nullable,
        required=draw(st.booleans()),
    )
    value = draw(st.one_of(NATURAL[kind], NATURAL[kind], VALUES))
    if kind != "datetime" and isinstance(value, datetime):
        value = value.isoformat()  # JSON has text for it, and text is what a text column takes
    return kind, nullable, column, value


def held(kind, nullable, value):
    """The value in a column of one row, in the type that JSON's one kind of number allows."""
    null = value is None or (isinstance(value, float) and math.isnan(value))
    dtype = DTYPES[kind, nullable]
    if null:
        whole = kind in ("int", "bool") and not nullable
        return pd.Series([None], dtype=object if whole else dtype)
    if kind == "int" and isinstance(value, float) and value.is_integer():
        value = int(value)
    if kind == "float" and type(value) is int and abs(value) < 10**300:
        value = float(value)
    fits = {
        "int": type(value) is int and -(2**63) <= value < 2**63,
        "float": type(value) is float,
        "str": type(value) is str,
        "bool": type(value) is bool,
        "datetime": isinstance(value, datetime),
    }[kind]
    return pd.Series([value], dtype=dtype if fits else object)


def refused_by_pandera(schema, frame):
    try:
        schema.validate(frame, lazy=True)
    except pandera.errors.SchemaErrors as errors:
        return {
            str(error.failure_cases)
            if error.reason_code.name.startswith("COLUMN_NOT_IN")
            else str(getattr(error.schema, "name", ""))
            for error in errors.schema_errors
        }
    return set()


@MANY
@given(
    x=written(),
    y=written(),
    strict=st.booleans(),
    sent=st.sets(st.sampled_from("xy"), min_size=1),
    extra=st.booleans(),
)
def test_a_row_is_refused_where_pandera_refuses_it(x, y, strict, sent, extra):
    """Any schema, any row: pandera and the compiled validator name the same columns.

    The one thing that rows know better: no caller can send an infinity.
    """
    columns = {"x": x, "y": y}
    schema = pa.DataFrameSchema(
        {name: column[2] for name, column in columns.items()}, strict=strict
    )
    part = read_part("Input", schema)
    row = {name: columns[name][3] for name in sorted(sent)}
    frame = pd.DataFrame({name: held(*columns[name][:2], value) for name, value in row.items()})
    if extra:
        row["extra"] = 1
        frame["extra"] = 1
    asked = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in row.items()}
    wanted = {
        name for name in sent if columns[name][0] == "float" and row[name] in (math.inf, -math.inf)
    }

    _, violations = RowValidator(part.rules, part.strict, CustomChecks(part)).check([asked])

    broken = {violation.column for violation in violations}
    # hand-written checks are asked of rows that keep everything else
    custom = {finding.column for finding in part.findings if finding.code == "NBC002"}
    refused = refused_by_pandera(schema, frame) | wanted
    note(f"{row} under {schema.columns}: pandera refuses {refused}, the rules {broken}")
    assert bool(broken) == bool(refused)
    assert broken <= refused
    assert refused - broken <= custom


# ---------------------------------------------------------------- columns of every dtype

WIDE = st.integers(-(2**50), 2**50)
BY_KIND = {
    "int": [st.integers(-3, 3), WIDE, st.integers(-3, 3).map(float)],
    "float": [st.floats(allow_nan=False), st.integers(-3, 3)],
    "str": [st.text(max_size=3), st.sampled_from(["a", "b", "12"])],
    "bool": [st.booleans()],
    "datetime": [MOMENTS, MOMENTS.map(lambda m: m.replace(tzinfo=UTC))],
}
AS = {
    "int": [None, object, "Int64", "category", "int64[pyarrow]"],
    "float": [None, object, "Float64", "category", "double[pyarrow]"],
    "str": [None, object, "string", "category", "string[python]"],
    "bool": [None, object, "boolean", "category", "bool[pyarrow]"],
    "datetime": [None, object, "category"],
}


@st.composite
def column_rules(draw):
    """A rule that says something about its type."""
    kind = draw(st.sampled_from(list(BY_KIND)))
    facts: dict = {"nullable": draw(st.booleans())}
    if kind in ("int", "float") and draw(st.booleans()):
        facts |= {"minimum": draw(st.sampled_from([-1.0, 0.5, -(2.0**70)]))}
        facts |= {"maximum": draw(st.sampled_from([2.0, 2.5, 2.0**70]))}
    if kind == "str":
        facts |= draw(st.sampled_from([{}, {"categories": ("a", "b")}, {"pattern": "^[0-9]+$"}]))
    if kind == "datetime":
        facts["unit"] = draw(st.sampled_from(["us", "ns", "us, UTC", "ns, Europe/Berlin"]))
        facts |= draw(st.sampled_from([{}, {"earliest": "2020-01-01T00:00:00"}]))
    return ColumnRule(name="x", dtype=kind, **facts)


@MANY
@given(rule=column_rules(), data=st.data())
def test_a_column_is_judged_as_its_values_are(rule, data):
    """Whatever dtype a column has: each of its rows breaks what its value alone breaks."""
    kind = data.draw(st.sampled_from([rule.dtype, rule.dtype, *BY_KIND]))
    values = data.draw(st.lists(st.one_of(*BY_KIND[kind], st.none()), min_size=1, max_size=6))
    dtype = data.draw(st.sampled_from(AS[kind]))
    if kind == "datetime" and dtype is not object and len({m.tzinfo for m in values if m}) > 1:
        dtype = object
    try:
        column = pd.Series(values, dtype=dtype)
    except (TypeError, ValueError, OverflowError):
        return  # this dtype cannot hold these values
    text = rule.dtype == "datetime" and kind == "str"

    judged = [None] * len(values)
    for fault in faults_of(column, rule):
        for row in np.flatnonzero(fault.rows):
            assert judged[row] is None
            judged[row] = fault.rule
    alone = []
    for value in values:
        _, violations = RowValidator((rule,)).check([{"x": value}])
        alone.append(violations[0].rule if violations else None)
    if text:  # a caller sends moments as text, a frame holds them
        assert all(
            found in ("type", "null")
            for value, found in zip(values, judged, strict=True)
            if value is not None
        )
    else:
        assert judged == alone


# ---------------------------------------------------------------- moments as text


@MANY
@given(
    moment=MOMENTS,
    separator=st.sampled_from(["T", " ", "t", "x", ""]),
    cut=st.sampled_from(["hours", "minutes", "seconds", "milliseconds", "microseconds"]),
    zone=st.sampled_from(["", "Z", "+01:00", "-0530", "+01", "z", " UTC", "[Europe/Berlin]"]),
    want=st.sampled_from(["", "UTC", "Europe/Berlin"]),
)
def test_a_moment_in_text_is_what_pandas_reads_or_refused(moment, separator, cut, zone, want):
    """Dates in many forms: read as pandas reads them, or refused; never read as another moment."""
    text = moment.isoformat(sep="T", timespec=cut).replace("T", separator, 1) + zone
    rule = ColumnRule(name="t", dtype="datetime", unit=f"us, {want}" if want else "us")

    (row,), violations = RowValidator((rule,)).check([{"t": text}])

    if violations:
        assert [violation.rule for violation in violations] == ["type"]
        ordinary = separator in "T " and separator and zone in ("", "Z", "+01:00")
        assert not (ordinary and bool(zone) == bool(want))
    else:
        assert pd.Timestamp(row["t"]) == pd.Timestamp(text)
