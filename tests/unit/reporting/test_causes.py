"""What a finding shows of its cause."""

from __future__ import annotations

from nbprod.records import Finding
from nbprod.reporting.causes import cause_lines


def finding(**details) -> Finding:
    return Finding(code="NBP002", severity="error", message="m", details=details)


def test_the_statement_and_the_smallest_input_are_shown():
    """The line that made the feature, and the rows, the first columns of the first two."""
    step = {"function": "transform", "line": 3, "source": 'X["a"] = rank(b)'}
    rows = [{"a": 1, "b": None}, {"a": 2, "b": "x"}, {"a": 3, "b": "y"}]

    lines = dict(cause_lines(finding(step=step, rows=rows, smallest_rows=3)))

    assert lines["made by"] == 'X["a"] = rank(b)  (transform(), line 3)'
    assert lines["shown by"] == "a=1, b=None  |  a=2, b='x'  … 3 rows in all"


def test_a_finding_without_a_cause_shows_none():
    """Nothing is made up."""
    assert cause_lines(finding()) == []
