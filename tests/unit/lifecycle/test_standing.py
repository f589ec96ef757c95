"""Where a project stands, told from what lies in its store: each stage's state and next step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from server_projects import write_project

from nbprod import Project
from nbprod.lifecycle.standing import Stage
from nbprod.records import (
    Approval,
    Candidate,
    Deployment,
    Finding,
    GateResult,
    Health,
    ParityReport,
    Release,
    Snapshot,
    TrafficState,
    TrainingRun,
)

CANDIDATE = Candidate(
    name="m", number=3, digest="d" * 64, module_version="", contract_digest="c" * 64
)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose module is extracted, and nothing else."""
    found = Project.load(write_project(tmp_path / "project"))
    found.extract()
    return found


def stage(project: Project, name: str) -> Stage:
    return next(item for item in project.standing().stages if item.name == name)


def trained(project: Project) -> TrainingRun:
    """A candidate of the module on disk."""
    candidate = replace(CANDIDATE, module_version=project.standing().module_version)
    snapshot = Snapshot(uri="rows", digest="s", rows=3, columns=("km",))
    run = TrainingRun(mlflow_run_id="r", candidate=candidate, snapshot=snapshot)
    project.store.save("runs", run, as_folder=True)
    return run


def judged(project: Project, *, passed: bool) -> GateResult:
    """A verdict on that candidate."""
    findings = () if passed else (Finding(code="NBG001", severity="error", message="auc fell"),)
    gate = GateResult(
        candidate_digest=CANDIDATE.digest,
        verdict="passed" if passed else "failed",
        passed=passed,
        gate_digest="g",
        data_digest="h",
        findings=findings,
    )
    project.store.save("gates", gate, as_folder=True)
    return gate


def test_what_comes_next_is_the_first_stage_that_wants_doing(project: Project) -> None:
    """Extracted: the contract is next; what needs a candidate is blocked, and says by what."""
    told = project.standing()
    assert told.next_stage == "contract"
    states = {item.name: item.state for item in told.stages}
    assert (states["extract"], states["contract"], states["gate"]) == ("done", "todo", "blocked")
    assert "train" in stage(project, "gate").missing
    assert states["approve"] == "optional"


def test_an_edit_on_either_side_makes_the_module_stale(project: Project) -> None:
    """A changed notebook wants extracting, an edited module wants syncing; a broken cell fails."""
    notebook = project.settings.path("train.ipynb")
    text = notebook.read_text()
    notebook.write_text(text.replace("[['km']] * 2", "[['km']] * 3"))
    assert (stage(project, "extract").state, stage(project, "extract").verb) == ("stale", "extract")
    notebook.write_text(text.replace("[['km']] * 2", "[['km']] * FACTOR"))
    broken = stage(project, "extract")
    assert broken.state in ("failed", "damaged")
    assert "FACTOR" in broken.detail + broken.missing
    notebook.write_text(text)
    features = project.settings.package_path / "features.py"
    features.write_text(features.read_text().replace("* 2", "* 4"))
    assert (stage(project, "extract").state, stage(project, "extract").verb) == ("stale", "sync")


def test_a_report_counts_for_the_module_that_it_judged(project: Project) -> None:
    """Passed, failed with the first finding, and stale once the module is another one."""
    version = project.standing().module_version
    plain = {"scope": "module", "rows": 3, "subject": version}
    project.store.save("parity", ParityReport(**plain, passed=True))
    assert stage(project, "parity").state == "done"
    finding = Finding(code="NBP002", severity="error", message="depends on the batch")
    project.store.save("parity", ParityReport(**plain, passed=False, findings=(finding,)))
    failed = stage(project, "parity")
    assert (failed.state, failed.missing) == ("failed", "NBP002 depends on the batch")
    assert failed.record is not None
    assert failed.record.report is True
    project.store.save("parity", ParityReport(**{**plain, "subject": "other"}, passed=True))
    assert stage(project, "parity").state == "stale"


def test_the_gate_opens_the_way_to_the_release(project: Project) -> None:
    """Todo, failed, passed; a person's no; a release, and one that is behind its candidate."""
    run = trained(project)
    assert stage(project, "train").state == "done"
    assert (stage(project, "gate").state, stage(project, "release").state) == ("todo", "blocked")
    judged(project, passed=False)
    assert (stage(project, "gate").state, stage(project, "release").state) == ("failed", "blocked")
    judged(project, passed=True)
    assert (stage(project, "gate").state, stage(project, "release").state) == ("done", "todo")
    refused = Approval(candidate_digest=CANDIDATE.digest, approved=False, by="me", reason="no")
    project.store.save("approvals", refused)
    assert stage(project, "approve").state == "failed"
    release = Release(name="m", version=3, candidate=run.candidate)
    project.store.save("release-records", release, name="3")
    assert (stage(project, "release").state, stage(project, "deploy").state) == ("done", "todo")
    older = Release(name="m", version=2, candidate=replace(CANDIDATE, digest="e" * 64))
    project.store.save("release-records", older, name="2")
    assert stage(project, "release").record.id == "3"


def test_a_rollout_tells_what_can_be_done_with_it(project: Project) -> None:
    """Verbs follow the traffic; a release that is newer than the champion says so."""
    release = Release(name="m", version=3, candidate=CANDIDATE)
    project.store.save("release-records", release, name="3")
    served = Deployment(
        name="m",
        url="http://127.0.0.1:1",
        engine_id="e",
        address="a",
        traffic=TrafficState(roles={"champion": 3}),
    )
    project.store.save("deployments", served, name="m")
    told = project.standing()
    assert (told.verbs, told.traffic) == (("undeploy",), {"champion": 3})
    assert stage(project, "deploy").state == "done"
    roles = {"champion": 2, "canary": 3, "previous": 1}
    canary = replace(served, traffic=TrafficState(roles=roles, paused=True))
    project.store.save("deployments", canary, name="m")
    assert project.standing().verbs == (
        *("promote", "resume", "advance", "abort", "rollback", "undeploy"),
    )
    assert stage(project, "deploy").missing == "release 3 is newer"
    shadowed = replace(served, traffic=TrafficState(roles={"champion": 2}, shadows=(3,)))
    project.store.save("deployments", shadowed, name="m")
    assert project.standing().verbs == ("shadow", "abort", "undeploy")
    ended = replace(served, status="ended", traffic=TrafficState())
    project.store.save("deployments", ended, name="m")
    assert (project.standing().verbs, stage(project, "deploy").state) == ((), "todo")


def test_health_is_the_last_windows(project: Project) -> None:
    """Failed with the finding that failed it; the board shows the same window."""
    assert stage(project, "health").state == "blocked"
    finding = Finding(code="NBM001", severity="warning", message="temp drifted")
    plain = {"deployment": "m", "start": "2026-01-01", "end": "2026-01-02"}
    health = Health(**plain, requests=9, errors=0, passed=False, findings=(finding,))
    project.store.save("health", health)
    told = stage(project, "health")
    assert (told.state, told.missing) == ("failed", "NBM001 temp drifted")
    board = project.board()
    assert (board.health, [window.requests for window in board.windows]) == (health, [9])
