"""Records with hostile names in them, for every report."""

from __future__ import annotations

from typing import Any

import pytest

from nbprod.records import (
    Approval,
    Candidate,
    CellSummary,
    ColumnDistance,
    ColumnDrift,
    DriftReport,
    Explanation,
    Finding,
    GateCheck,
    GateResult,
    Health,
    Inspection,
    Outcome,
    ParityReport,
    Prediction,
    RelationResult,
    Snapshot,
    TrainingRun,
)

EVIL = "<script src='https://evil.example/x.js'></script>[red]&\"`|\x07"


def check(verdict: str = "passed", caught: bool | None = True, **changes: Any) -> GateCheck:
    """One check of a gate."""
    values: dict[str, Any] = {
        "name": "auc",
        "value": 0.9,
        "threshold": ">= 0.7",
        "low": 0.88,
        "high": 0.92,
        "rows": 1200,
        "notebook": "gates/a.ipynb",
        "sabotage": "shuffled_labels",
    }
    return GateCheck(verdict=verdict, sabotage_caught=caught, **{**values, **changes})


def gate(*checks: GateCheck, verdict: str = "passed", **changes: Any) -> GateResult:
    """A gate's result over some checks."""
    values: dict[str, Any] = {
        "candidate_digest": "c" * 64,
        "gate_digest": "g" * 64,
        "data_digest": "d" * 64,
        "parity": PARITY,
        "notebooks": {"gates/a.ipynb": "notebooks/gates__a.ipynb"},
    }
    return GateResult(
        passed=verdict == "passed", verdict=verdict, checks=checks, **{**values, **changes}
    )


PARITY = ParityReport(
    passed=True,
    scope="candidate",
    subject="c" * 64,
    rows=1000,
    relations=(
        RelationResult(name="batch", passed=True, rows=1000, duration_s=0.4),
        RelationResult(name="environment", passed=True, checked=False, reason=EVIL),
    ),
    distances=(ColumnDistance(column=EVIL, tolerance="exact", max_distance=0.0, rows=1000),),
)
RUN = TrainingRun(
    mlflow_run_id="m",
    candidate=Candidate(
        name=EVIL, number=3, digest="c" * 64, module_version="a" * 64, contract_digest="b" * 64
    ),
    snapshot=Snapshot(uri=EVIL, digest="d" * 64, rows=10, columns=("x",)),
    metrics={"auc": 0.9},
    git_commit="f" * 40,
)
PREDICTION = Prediction(
    id="0" * 24,
    at="2026-01-01T00:00:00+00:00",
    deployment="tiny",
    release="3",
    role="champion",
    request_id=EVIL,
    inputs={EVIL: EVIL},
    features={"x": 1.5},
    output={"late": 0.25},
    latency_ms=3.5,
)
HEALTH = Health(
    passed=False,
    deployment=EVIL,
    start="2026-01-01T00:00:00+00:00",
    end="2026-01-02T00:00:00+00:00",
    requests=12345,
    errors=2,
    latency_p50_ms=3.0,
    latency_p99_ms=9.0,
    predictions_by_release={"3": 12345},
    labelled=100,
    quality={"auc": 0.81},
    drift=(
        DriftReport(
            passed=False,
            deployment="tiny",
            release="3",
            start="a",
            end="b",
            rows=100,
            columns=(
                ColumnDrift(
                    column=EVIL,
                    part="input",
                    distance=0.5,
                    threshold=0.2,
                    drifted=True,
                    reference_rows=100,
                    rows=100,
                    reference={EVIL: 0.4, "b": 0.6},
                    window={EVIL: 0.9, "c": 0.1},
                ),
            ),
        ),
    ),
    findings=(Finding(code="NBM001", severity="warning", message=EVIL, hint=EVIL, column=EVIL),),
)
INSPECTION = Inspection(
    notebook=EVIL,
    cells=(
        CellSummary(cell_id="a", index=0, kind="code", role="lib", first_line=EVIL),
        CellSummary(cell_id="b", index=1, kind="markdown", role="", first_line="text"),
        CellSummary(cell_id="c", index=2, kind="code", role="", first_line="y = x"),
    ),
    flow={"c": {EVIL: "a", "gone": "nowhere"}},
)
EXPLANATION = Explanation(
    prediction=PREDICTION,
    outcome=Outcome(outcome=1, name="late"),
    run=RUN,
    approvals=(Approval(candidate_digest="c" * 64, approved=True, by=EVIL, reason=EVIL),),
)


@pytest.fixture
def evil() -> str:
    """A text that is a script, markup and a control character at once."""
    return EVIL


@pytest.fixture
def make_check():
    """`check`."""
    return check


@pytest.fixture
def make_gate():
    """`gate`."""
    return gate


@pytest.fixture
def samples() -> dict[str, Any]:
    """One record of many kinds, by name."""
    return {
        "parity": PARITY,
        "run": RUN,
        "prediction": PREDICTION,
        "health": HEALTH,
        "inspection": INSPECTION,
        "explanation": EXPLANATION,
        "gate": gate(
            check(),
            check("failed", name=EVIL, value=float("nan"), low=None, high=None),
            check("inconclusive", slice={EVIL: EVIL}),
            check(caught=False, name="void", threshold=""),
            verdict="failed",
            findings=(Finding(code="NBG006", severity="error", message=EVIL, hint=EVIL),),
        ),
    }
