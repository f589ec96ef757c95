"""JUnit XML that a CI reads rightly."""

from __future__ import annotations

import dataclasses
from xml.etree import ElementTree

from nbprod.records import Finding
from nbprod.reporting.junit import junit


def suite(gate) -> ElementTree.Element:
    return ElementTree.fromstring(junit(gate)).find("testsuite")


def test_one_case_for_each_check_and_one_for_parity(make_gate, make_check) -> None:
    """A passed gate has no failure and no error."""
    made = suite(make_gate(make_check(), make_check(slice={"origin": "JFK"})))
    names = [case.get("name") for case in made.findall("testcase")]
    assert names == ["auc", "auc[origin=JFK]", "parity"]
    assert (made.get("tests"), made.get("failures"), made.get("errors")) == ("3", "0", "0")


def test_everything_but_a_proved_pass_is_a_failure(make_gate, make_check) -> None:
    """Failed, inconclusive, void and untried checks fail; findings about the gate are errors."""
    gate = make_gate(
        make_check("failed"),
        make_check("inconclusive", rows_needed=300),
        make_check(caught=False),
        make_check(caught=None),
        verdict="failed",
        findings=(
            Finding(code="NBG002", severity="error", message="raised", notebook="gates/b.ipynb"),
            Finding(code="NBG006", severity="error", message="said by its check"),
            Finding(code="NBG015", severity="info", message="no champion"),
        ),
    )
    made = suite(gate)
    types = [case.find("failure").get("type") for case in made.findall("testcase")[:4]]
    assert types == ["failed", "inconclusive", "void", "void"]
    assert "300 more rows" in ElementTree.tostring(made, "unicode")
    errors = [
        case.get("name") for case in made.findall("testcase") if case.find("error") is not None
    ]
    assert errors == ["NBG002"]
    assert (made.get("failures"), made.get("errors")) == ("4", "1")


def test_a_gate_without_anything_still_fails(make_gate) -> None:
    """A failed gate that checked nothing is not an empty, green suite."""
    made = suite(make_gate(verdict="failed", parity=None))
    assert (made.get("tests"), made.get("failures")) == ("1", "1")


def test_failed_parity_is_a_failure(make_gate, make_check, samples) -> None:
    """Parity's first finding is the message."""
    finding = Finding(code="NBP002", severity="error", message="depends on the batch")
    bad = dataclasses.replace(samples["parity"], passed=False, findings=(finding,))
    made = suite(make_gate(make_check(), verdict="failed", parity=bad))
    assert "NBP002" in made.find("testcase[@name='parity']/failure").get("message")


def test_any_text_is_valid_xml(samples, evil) -> None:
    """Control characters and markup in names do not break the file."""
    text = junit(samples["gate"])
    ElementTree.fromstring(text)
    assert "\x07" not in text
