"""Where a project stands on the road: each stage's state, last record, what is missing, next verb.

Read from the store and the disk alone; nothing runs, and no engine is asked.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nbprod.errors import NbprodError
from nbprod.lifecycle.catalogue import RecordSummary, latest, summary_of
from nbprod.lifecycle.lineage import FOLDERS, file_digest, gate_of
from nbprod.lifecycle.workbench import schemas_path
from nbprod.records import (
    Approval,
    DataContract,
    Deployment,
    Finding,
    Health,
    ParityReport,
    Release,
    TrainingRun,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.lifecycle.project import Project

# done · failed: judged and not passed · stale: made of an older notebook or candidate ·
# todo: can be done now · blocked: something before it is missing · optional: not needed here ·
# damaged: a record or the module is not what was written
StageState = Literal["done", "failed", "stale", "todo", "blocked", "optional", "damaged"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of the road."""

    name: str  # extract | contract | parity | train | gate | approve | release | deploy | health
    state: StageState
    detail: str = ""  # what came of it last
    missing: str = ""  # what stands in its way, and the next step; "" when nothing does
    verb: str = ""  # the command that does it: "parity"
    record: RecordSummary | None = None


@dataclass(frozen=True, kw_only=True)
class Standing:
    """A project at a glance."""

    name: str
    owner: str
    task: str
    risk: str
    decision: str
    notebook: str  # the training notebook, relative to the project
    package: str
    module_version: str  # of the module on disk; "" without one
    stages: tuple[Stage, ...] = ()
    next_stage: str = ""  # the first one that wants doing
    traffic: dict[str, int] = dataclasses.field(default_factory=dict)  # role -> release
    verbs: tuple[str, ...] = ()  # of a rollout, that can be done now
    findings: tuple[Finding, ...] = ()


def standing(project: Project) -> Standing:
    """Where the project stands now; a damaged stage says so and hides no other."""
    settings = project.settings
    version = _module_version(project)
    stages = tuple(_safely(name, project, version, look) for name, look in _STAGES.items())
    current = _deployment(project)
    return Standing(
        name=settings.model.name,
        owner=settings.model.owner,
        task=settings.model.task,
        risk=settings.model.risk,
        decision=settings.model.decision,
        notebook=settings.notebooks.train,
        package=settings.package,
        module_version=version,
        stages=stages,
        next_stage=next((s.name for s in stages if s.state not in ("done", "optional")), ""),
        traffic=dict(current.traffic.roles) if current else {},
        verbs=_rollout_verbs(current),
    )


def _safely(
    name: str, project: Project, version: str, look: Callable[[Project, str], Stage]
) -> Stage:
    try:
        return look(project, version)
    except NbprodError as error:
        told = f"{error.message}. {error.hint}"
        return Stage(name=name, state="damaged", verb=_VERBS[name], missing=told)


def _module_version(project: Project) -> str:
    from nbprod.extraction import module_state

    try:
        return str(module_state(project.settings.package_path)["version"])
    except NbprodError:
        return ""


# ---------------------------------------------------------------- stages


def _extract(project: Project, version: str) -> Stage:
    from nbprod.extraction import module_state

    if not version:
        return Stage(
            name="extract",
            state="todo",
            verb="extract",
            missing=f"no module was extracted from {project.settings.notebooks.train} yet",
        )
    edited = module_state(project.settings.package_path)["edited"]
    if edited:
        return Stage(
            name="extract",
            state="stale",
            verb="sync",
            detail=f"edited by hand: {', '.join(edited)}",
            missing="sync brings the edits into the notebook's cells",
            record=latest(project, "extractions"),
        )
    now = project.extract(check=True)
    wrong = [item for item in now.findings if item.severity == "error"]
    if wrong:
        return Stage(
            name="extract",
            state="failed",
            verb="extract",
            detail=f"{wrong[0].code} {wrong[0].message}",
            missing=wrong[0].hint,
            record=latest(project, "extractions"),
        )
    if now.changed:
        return Stage(
            name="extract",
            state="stale",
            verb="extract",
            detail=f"{len(now.changed)} files differ",
            missing="the notebook has changed since the module was extracted",
            record=latest(project, "extractions"),
        )
    return Stage(
        name="extract",
        state="done",
        verb="extract",
        detail=f"{len(now.files)} files, version {version[:12]}",
        record=latest(project, "extractions"),
    )


def _contract(project: Project, version: str) -> Stage:
    schemas = schemas_path(project)
    if not schemas.exists():
        return _wanting("contract", "contract infer", bool(version), "no data contract yet")
    known = project.store.latest(DataContract, FOLDERS[DataContract])
    if known is None or known.source_digest != file_digest(schemas):
        return Stage(
            name="contract",
            state="stale",
            verb="contract show",
            detail="schemas.py was edited since it was last read",
            record=latest(project, "contracts"),
        )
    record = latest(project, "contracts")
    detail = record.summary if record else ""
    return Stage(name="contract", state="done", verb="contract infer", detail=detail, record=record)


def _parity(project: Project, version: str) -> Stage:
    folder = FOLDERS[ParityReport]
    for record_id in reversed(project.store.ids(folder)):
        report = project.store.load(ParityReport, folder, record_id)
        if report.scope != "module":
            continue
        record = summary_of(project, "parity-reports", record_id)
        if report.subject != version:
            return Stage(
                name="parity",
                state="stale",
                verb="parity",
                detail=record.summary,
                missing="the module has changed since",
                record=record,
            )
        return _judged("parity", "parity", record, report.findings)
    return _wanting("parity", "parity", bool(version), "not checked yet")


def _train(project: Project, version: str) -> Stage:
    run = project.store.latest(TrainingRun, FOLDERS[TrainingRun])
    if run is None:
        return _wanting("train", "train", bool(version), "no candidate yet")
    record = summary_of(project, "runs", run.id)
    if run.candidate.module_version != version:
        return Stage(
            name="train",
            state="stale",
            verb="train",
            detail=record.summary,
            missing="the module has changed since this candidate was trained",
            record=record,
        )
    return Stage(name="train", state="done", verb="train", detail=record.summary, record=record)


def _gate(project: Project, _version: str) -> Stage:
    run = project.store.latest(TrainingRun, FOLDERS[TrainingRun])
    if run is None:
        return _wanting("gate", "gate", False, "no candidate to judge: train first")
    verdict = gate_of(project, run)
    if verdict is None:
        return _wanting("gate", "gate", True, f"candidate {run.candidate.number} is not judged yet")
    return _judged(
        "gate", "gate", summary_of(project, "gate-results", verdict.id), verdict.findings
    )


def _approve(project: Project, _version: str) -> Stage:
    run = project.store.latest(TrainingRun, FOLDERS[TrainingRun])
    needed = project.settings.model.risk == "high"
    digest = run.candidate.digest if run else ""
    decisions = [
        record
        for record in project.store.list(Approval, FOLDERS[Approval])
        if record.candidate_digest == digest
    ]
    if decisions:
        record = summary_of(project, "approvals", decisions[-1].id)
        state: StageState = "done" if decisions[-1].approved else "failed"
        return Stage(
            name="approve", state=state, verb="approve", detail=record.summary, record=record
        )
    if not needed:
        return Stage(
            name="approve", state="optional", verb="approve", detail="low risk: not required"
        )
    verdict = gate_of(project, run) if run else None
    return _wanting(
        "approve",
        "approve",
        verdict is not None and verdict.passed,
        "high risk: a person looks at the gate's report and sample predictions first",
    )


def _release(project: Project, _version: str) -> Stage:
    record = latest(project, "releases")
    run = project.store.latest(TrainingRun, FOLDERS[TrainingRun])
    if record is not None and not record.damaged:
        frozen = project.store.load(Release, "release-records", record.id)
        if run is None or frozen.candidate.digest == run.candidate.digest:
            return Stage(
                name="release", state="done", verb="release", detail=record.summary, record=record
            )
        return Stage(
            name="release",
            state="stale",
            verb="release",
            detail=record.summary,
            missing=f"candidate {run.candidate.number} is newer and not released",
            record=record,
        )
    verdict = gate_of(project, run) if run else None
    ready = verdict is not None and verdict.passed
    return _wanting("release", "release", ready, "nothing is frozen yet")


def _deploy(project: Project, _version: str) -> Stage:
    current = _deployment(project)
    newest = latest(project, "releases")
    if current is None or current.status != "running":
        return _wanting("deploy", "deploy", newest is not None, "no release is being served")
    champion = current.traffic.roles.get("champion")
    told = ", ".join(f"{role} {release}" for role, release in current.traffic.roles.items())
    record = summary_of(project, "deployments", current.name)
    behind = newest is not None and str(champion) != newest.id
    return Stage(
        name="deploy",
        state="stale" if behind else "done",
        verb="deploy",
        detail=told,
        missing=f"release {newest.id} is newer" if behind and newest else "",
        record=record,
    )


def _health(project: Project, _version: str) -> Stage:
    record = latest(project, "health")
    current = _deployment(project)
    served = current is not None and current.status == "running"
    if record is None:
        return _wanting("health", "monitor", served, "no window was judged yet")
    found = project.store.load(Health, FOLDERS[Health], record.id).findings
    return _judged("health", "monitor", record, found)


# ---------------------------------------------------------------- what stages share


def _wanting(name: str, verb: str, ready: bool, missing: str) -> Stage:
    return Stage(name=name, state="todo" if ready else "blocked", verb=verb, missing=missing)


def _judged(name: str, verb: str, record: RecordSummary, findings: tuple[Finding, ...]) -> Stage:
    if record.passed:
        return Stage(name=name, state="done", verb=verb, detail=record.summary, record=record)
    first = next((item for item in findings if item.severity == "error"), None)
    first = first or next(iter(findings), None)
    return Stage(
        name=name,
        state="failed",
        verb=verb,
        detail=record.summary,
        missing=f"{first.code} {first.message}" if first else "",
        record=record,
    )


def _deployment(project: Project) -> Deployment | None:
    from nbprod.lifecycle import deployments

    try:
        return deployments.load(project)
    except NbprodError:
        return None


def _rollout_verbs(current: Deployment | None) -> tuple[str, ...]:
    """The verbs of a rollout that the traffic, as it was last seen, lets one do."""
    if current is None or current.status != "running":
        return ()
    traffic = current.traffic
    verbs = []
    if "canary" in traffic.roles:
        verbs += ["promote", "resume" if traffic.paused else "pause", "advance"]
    if traffic.shadows:
        verbs.append("shadow")
    if "canary" in traffic.roles or traffic.shadows:
        verbs.append("abort")
    if "previous" in traffic.roles:
        verbs.append("rollback")
    return (*verbs, "undeploy")


_STAGES: dict[str, Callable[[Project, str], Stage]] = {
    "extract": _extract,
    "contract": _contract,
    "parity": _parity,
    "train": _train,
    "gate": _gate,
    "approve": _approve,
    "release": _release,
    "deploy": _deploy,
    "health": _health,
}
_VERBS = {
    **{name: name for name in _STAGES},
    "contract": "contract infer",
    "health": "monitor",
}
