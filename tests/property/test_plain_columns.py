"""A law of columns: they are the rows they were made of."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod.data.plain_columns import PlainColumns
from nbprod.data.row_columns import ColumnValidator
from nbprod.records import ColumnRule

_VALUES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=3))
_ALIKE = st.lists(st.sampled_from("abcd"), min_size=1, unique=True).flatmap(
    lambda names: st.lists(st.fixed_dictionaries(dict.fromkeys(names, _VALUES)), min_size=1)
)


@given(_ALIKE, st.data())
def test_columns_are_a_sequence_of_their_rows(rows, data) -> None:
    """Each row, each part and each choice of rows is that of the list they were made of."""
    columns = PlainColumns.of(rows)
    assert columns is not None
    assert columns == rows
    assert list(columns) == columns.rows() == rows
    assert len(columns) == len(rows)
    assert columns[-1] == rows[-1]
    start, end = data.draw(st.integers(0, len(rows))), data.draw(st.integers(0, len(rows)))
    assert columns[start:end] == rows[start:end]
    assert len(columns[start:end]) == len(rows[start:end])
    places = data.draw(st.lists(st.integers(0, len(rows) - 1)))
    assert columns.at(places) == [rows[place] for place in places]
    with pytest.raises(IndexError):
        columns[len(rows)]


@given(_ALIKE, st.sampled_from("abcde"), _VALUES)
def test_rows_of_other_names_are_no_columns(rows, name, value) -> None:
    """One row that has a name more, less or another instead makes columns impossible."""
    more = {**rows[0], "another": value}
    less = dict(list(rows[0].items())[1:])
    other = {**less, "another": value}
    for odd in (more, less, other):
        assert PlainColumns.of([*rows, odd]) is None
    assert PlainColumns.of([]) is None
    assert PlainColumns.of([{}]) is None


def test_columns_are_accepted_as_their_rows_are() -> None:
    """A column too many, one too few and a value out of bounds are not accepted."""
    rules = (ColumnRule(name="p", dtype="float", maximum=1.0), ColumnRule(name="n", dtype="int"))
    judge = ColumnValidator(rules)
    assert judge.accepts(PlainColumns({"p": [0.5], "n": [1]}, 1))
    assert judge.accepts(PlainColumns({"n": [], "p": []}, 0))
    for columns in (
        {"p": [0.5]},
        {"p": [0.5], "n": [1], "more": [1]},
        {"p": [1.5], "n": [1]},
        {"p": [float("nan")], "n": [1]},
        {"p": [0.5], "n": ["1"]},
    ):
        assert not judge.accepts(PlainColumns(columns, 1)), columns
