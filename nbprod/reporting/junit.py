"""A gate result as JUnit XML: one test case per check, for the CI that shows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree import ElementTree

if TYPE_CHECKING:
    from nbprod.records import Finding, GateCheck, GateResult

# XML 1.0 has no place for these characters, not even escaped.
_FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(gate: GateResult) -> str:
    """The gate as JUnit XML; an inconclusive or void check is a failure, a finding about the
    gate itself an error, and a gate without any check has one failing case.
    """
    suite = ElementTree.Element("testsuite", name="nbprod gate", timestamp=gate.created_at[:19])
    cases = [_case(check) for check in gate.checks]
    cases += [_finding_case(item) for item in gate.findings if _is_about_the_gate(item)]
    if gate.parity is not None:
        cases.append(_parity_case(gate))
    if not gate.passed and not any(len(case) for case in cases):
        case = ElementTree.Element("testcase", classname="gate", name="verdict")
        ElementTree.SubElement(case, "failure", message=f"the verdict is {gate.verdict}")
        cases.append(case)
    suite.extend(cases)
    suite.set("tests", str(len(cases)))
    suite.set("failures", str(sum(case.find("failure") is not None for case in cases)))
    suite.set("errors", str(sum(case.find("error") is not None for case in cases)))
    properties = ElementTree.Element("properties")
    for name in ("id", "verdict", "candidate_digest", "gate_digest", "data_digest"):
        ElementTree.SubElement(properties, "property", name=name, value=str(getattr(gate, name)))
    suite.insert(0, properties)
    root = ElementTree.Element("testsuites", {k: suite.attrib[k] for k in ("tests", "failures")})
    root.append(suite)
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, "unicode") + "\n"


def check_title(check: GateCheck) -> str:
    """A check's name and slice: ``auc[origin=JFK]``."""
    inner = ", ".join(f"{column}={value}" for column, value in check.slice.items())
    return f"{check.name}[{inner}]" if inner else check.name


def _case(check: GateCheck) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=_clean(check.notebook or "gate"), name=_clean(check_title(check))
    )
    message = f"{check.value:.6g}, required {check.threshold}"
    if check.low is not None or check.high is not None:
        message += f", interval [{check.low}, {check.high}]"
    if check.verdict != "passed":
        more = f"; about {check.rows_needed} more rows would tell" if check.rows_needed else ""
        ElementTree.SubElement(
            case, "failure", type=check.verdict, message=_clean(f"{check.verdict}: {message}{more}")
        )
    elif check.sabotage_caught is not True:
        state = "passes" if check.sabotage_caught is False else "was not tried under"
        ElementTree.SubElement(
            case,
            "failure",
            type="void",
            message=_clean(f"void: it {state} its sabotage, {check.sabotage or 'none named'}"),
        )
    ElementTree.SubElement(case, "system-out").text = _clean(message)
    return case


def _is_about_the_gate(item: Finding) -> bool:
    # NBG004 to NBG006 are said by the case of their check.
    return item.severity == "error" and item.code not in ("NBG004", "NBG005", "NBG006")


def _finding_case(item: Finding) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase", classname=_clean(item.notebook or "gate"), name=f"{item.code}"
    )
    error = ElementTree.SubElement(case, "error", type=item.code, message=_clean(item.message))
    error.text = _clean(item.hint)
    return case


def _parity_case(gate: GateResult) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname="gate", name="parity")
    if gate.parity is not None and not gate.parity.passed:
        first = next((f for f in gate.parity.findings if f.severity == "error"), None)
        message = f"{first.code} {first.message}" if first else "parity did not pass"
        ElementTree.SubElement(case, "failure", type="parity", message=_clean(message))
    return case


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("�", text)
