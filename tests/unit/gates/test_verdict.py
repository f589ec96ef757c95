"""The laws of the verdict, one by one, on plain values."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.errors import ExecutionError
from nbprod.gates.notebook_gate import NotebookRun
from nbprod.gates.rules import finding
from nbprod.gates.thresholds import GateRules, Measurement
from nbprod.gates.verdict import (
    caught_by,
    decide,
    judge_parity,
    judge_runs,
    missing_metrics,
    with_controls,
)
from nbprod.records import GateCheck, RelationResult

ERROR = ExecutionError("stopped", hint="look", cell_id="c1", line=2)


def run(*measured: Measurement, sabotage: str = "", error=None, raised: bool = False):
    return NotebookRun("n", sabotage, Path("o"), measured, error, raised)


def measured(value: float = 0.9, **changes) -> Measurement:
    return Measurement(
        **{"name": "auc", "value": value, "threshold": ">= 0.7", "notebook": "n"} | changes
    )


def check(verdict: str = "passed", caught: bool | None = True, **changes) -> GateCheck:
    values = {"name": "auc", "value": 0.9, "threshold": ">= 0.7", "sabotage": "constant"}
    return GateCheck(verdict=verdict, sabotage_caught=caught, **values, **changes)


def test_no_check_is_a_failed_gate() -> None:
    """A gate that checked nothing did not pass."""
    assert decide([], []) == "failed"


@pytest.mark.parametrize(
    ("checks", "findings", "expected"),
    [
        ([check()], [], "passed"),
        ([check()], [finding("NBG015", "no champion")], "passed"),
        ([check(), check("inconclusive")], [finding("NBG005", "few rows")], "inconclusive"),
        ([check("inconclusive"), check("failed")], [], "failed"),
        ([check(caught=False)], [], "failed"),
        ([check(caught=None)], [], "failed"),
        ([check("inconclusive", caught=None)], [], "failed"),
        ([check()], [finding("NBG011", "no parity")], "failed"),
    ],
)
def test_one_failure_fails_and_one_doubt_leaves_it_open(checks, findings, expected) -> None:
    """Failed before inconclusive before passed; a void or untried check counts as failed."""
    assert decide(checks, findings) == expected


def test_a_failed_or_silent_notebook_is_an_error() -> None:
    """A notebook that stopped keeps its checks and has a finding with its place."""
    checks, findings = judge_runs([run(measured(), error=ERROR), run()], GateRules())
    assert len(checks) == 1
    assert [(item.code, item.cell_id, item.line) for item in findings] == [
        ("NBG002", "c1", 2),
        ("NBG003", None, None),
    ]


def test_a_check_that_names_no_sabotage_is_an_error() -> None:
    """Nothing was said that could fail it."""
    checks, findings = judge_runs([run(measured(sabotage=""))], GateRules())
    assert [item.code for item in findings] == ["NBG007"]
    assert decide(checks, findings) == "failed"


def test_an_unreadable_threshold_fails_its_check_only() -> None:
    """A notebook's typo is a failed check with a finding, not a crash of the gate."""
    checks, findings = judge_runs(
        [run(measured(threshold="0.7"), measured(name="other"))], GateRules()
    )
    assert [c.verdict for c in checks] == ["failed", "passed"]
    assert checks[0].value == 0.9
    assert [item.code for item in findings] == ["NBG010"]


@pytest.mark.parametrize(
    ("under", "expected", "code"),
    [
        (run(measured(0.5), sabotage="shuffled_labels"), True, []),
        (run(measured(0.9), sabotage="shuffled_labels"), False, ["NBG006"]),
        (run(measured(0.5), measured(0.9), sabotage="shuffled_labels"), False, ["NBG006"]),
        (run(measured(0.9), measured(0.5), sabotage="shuffled_labels"), False, ["NBG006"]),
        (run(sabotage="shuffled_labels"), False, ["NBG006"]),
        (run(sabotage="shuffled_labels", error=ERROR, raised=True), True, []),
        (run(sabotage="shuffled_labels", error=ERROR), None, ["NBG007"]),
        (
            run(measured(0.9), sabotage="shuffled_labels", error=ERROR, raised=True),
            False,
            ["NBG006"],
        ),
    ],
)
def test_what_counts_as_caught(under, expected, code) -> None:
    """Not passing and raising count; passing, vanishing, hanging and passing once do not."""
    checks, _ = judge_runs([run(measured())], GateRules())
    known, findings = with_controls(checks, [under], caught_by([under], GateRules()))
    assert known[0].sabotage_caught is expected
    assert [item.code for item in findings] == code


def test_another_slices_control_is_no_control() -> None:
    """Each slice must be caught itself."""
    jfk = measured(slice={"origin": "JFK"}, rows=9)
    lga = measured(slice={"origin": "LGA"}, rows=9)
    checks, _ = judge_runs([run(jfk, lga)], GateRules())
    broken = measured(0.5, slice={"origin": "JFK"}, rows=9)
    under = run(broken, lga, sabotage="shuffled_labels")
    known, _ = with_controls(checks, [under], caught_by([under], GateRules()))
    assert [item.sabotage_caught for item in known] == [True, False]


def test_thresholds_must_be_measured_completely() -> None:
    """Missing metrics and slices are found; pooled, binned and complete ones are not."""
    rules = GateRules(thresholds={"auc": ">= 0.7", "auc[origin]": ">= 0.6"})
    values = {"origin": frozenset({"JFK", "LGA"})}

    def missing(*slices: dict[str, str]) -> list[str]:
        made = [check(slice=where) for where in slices]
        return [item.message for item in missing_metrics(made, rules, values)]

    assert len(missing()) == 2
    assert missing({}, {"origin": "JFK"})[0].endswith("values: LGA")
    assert missing({}, {"origin": "JFK"}, {"origin": "LGA"}) == []
    assert missing({}, {"origin": "JFK"}, {"origin": "(pooled)"}) == []
    assert missing({}, {"origin": "(0, 10]"}) == []
    assert missing({}, {"dest": "JFK"}) == ["no notebook measured 'auc[origin]'"]


def test_parity_must_be_proof_for_this_candidate(parity_of) -> None:
    """Missing, failed, foreign, empty or module-scope parity is an error."""
    assert judge_parity(parity_of("d"), "d") == []
    unchecked = RelationResult(name="batch", passed=True, checked=False)
    for report in (
        None,
        parity_of("another"),
        parity_of("d", passed=False),
        parity_of("d", scope="module"),
        parity_of("d", relations=()),
        parity_of("d", relations=(unchecked,)),
        parity_of("d", rows=0),
    ):
        assert [item.code for item in judge_parity(report, "d")] == ["NBG011"]
