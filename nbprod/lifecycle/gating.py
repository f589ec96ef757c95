"""The gate's verbs: judge a candidate, and a person's decision about it."""

from __future__ import annotations

import dataclasses
import sys
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod import __version__ as nbprod_version
from nbprod.errors import ConfigError, ReleaseError, StoreError
from nbprod.lifecycle.isolation import run_isolated, run_job
from nbprod.lifecycle.judged import write_limitations
from nbprod.lifecycle.lineage import (
    FOLDERS,
    checked_artifacts,
    checked_inputs,
    file_digest,
    gate_of,
    inputs_of,
    new_folder,
    person,
    require_registered,
    resolve_run,
)
from nbprod.lifecycle.promotion import releases_path
from nbprod.lifecycle.verdicts import newest_verdict
from nbprod.predictor.model import ALLOW_PICKLE
from nbprod.records import (
    Approval,
    Finding,
    GateResult,
    ParityReport,
    TrainingRun,
    canonical_json,
    new_id,
    sha256,
)

if TYPE_CHECKING:
    from nbprod.lifecycle.project import Project

_CHAIN = "gates"  # the lock under which a verdict is put behind the one before it


def gate(project: Project, candidate: TrainingRun | str | None) -> GateResult:
    """See `Project.gate`: candidate-scope parity first, then the validation notebooks."""
    run = resolve_run(project, candidate)
    for kind in (TrainingRun, GateResult):  # after one of the future "the newest" is another
        project.store.check_clock(FOLDERS[kind])
    checked_inputs(project, run)
    folder = checked_artifacts(project, run)
    require_registered(project, run)
    parity = _candidate_parity(project, run, folder)
    gate_id = new_id()
    with new_folder(project, FOLDERS[GateResult], gate_id) as out:
        record = run_isolated(
            "gate",
            {
                "settings": project.settings.to_json(),
                "run": run.to_json(),
                "bundle": str(folder / "bundle"),
                "holdout": str(folder / "data" / "holdout.parquet"),
                "training": str(folder / "data" / "sample.parquet"),
                "baseline": _baseline(project, run),
                "parity": parity.to_json(),
                "out": str(out),
                # a sabotage judges the checks, not the candidate: tried once per gate and data
                "cache": str(project.store.root / "cache"),
                "gate_id": gate_id,
            },
            GateResult,
            cwd=Path(project.settings.project_path),
            progress=project.progress,
        )
        record = dataclasses.replace(record, inputs=inputs_of(run, parity))
        record = _with_tracked_evidence(project, run, record, out)
        with project.store.locked(_CHAIN):
            record = dataclasses.replace(record, previous=newest_verdict(project))
            project.store.save(FOLDERS[GateResult], record, as_folder=True)
    project.progress(f"the report of it: {out / 'report.html'}", None)
    if record.passed:
        _what_follows(project, run, record)
    return record


def _what_follows(project: Project, run: TrainingRun, verdict: GateResult) -> None:
    """Write what belongs to a passed gate, and say what it is and what comes next."""
    if limitations := write_limitations(project, verdict):
        project.progress(f"what the gate did not show: {limitations}, yours to complete", None)
    if project.settings.model.risk == "high":
        page = review_page(project, run)
        project.progress(f"look at {page}, then `nbprod approve` or `nbprod reject`", None)
    else:
        project.progress("next: `nbprod release`", None)


def _candidate_parity(project: Project, run: TrainingRun, folder: Path) -> ParityReport:
    """The parity report of this very candidate; what passed before, asked the same, is not redone.

    The same bundle, rows, settings and libraries give the same answer: only the gate's notebooks
    change from one gate to the next.
    """
    asked = _question(project, run)
    if known := _answered(project, asked, inputs_of(run)):
        project.progress("parity of the candidate: as it passed before", None)
        return known
    project.progress("parity of the candidate", None)
    parity = run_isolated(
        "candidate_parity",
        {
            "settings": project.settings.to_json(),
            "bundle": str(folder / "bundle"),
            "data": str(folder / "data"),
            "digest": run.candidate.digest,
        },
        ParityReport,
        cwd=Path(project.settings.project_path),
        progress=project.progress,
    )
    parity = dataclasses.replace(parity, inputs=inputs_of(run), asked=asked)
    project.store.save(FOLDERS[ParityReport], parity)
    return parity


def _answered(project: Project, asked: str, inputs: dict[str, str]) -> ParityReport | None:
    """The newest passed report to the same question; a damaged one is asked again."""
    folder = FOLDERS[ParityReport]
    for parity_id in reversed(project.store.ids(folder)):
        try:
            known = project.store.load(ParityReport, folder, parity_id)
        except StoreError:
            continue
        if known.passed and known.asked == asked and known.inputs == inputs:
            return known
    return None


def _question(project: Project, run: TrainingRun) -> str:
    """A digest over all that the answer of candidate-scope parity depends on."""
    settings = project.settings
    libraries = {name: version(name) for name in ("numpy", "pandas", "pyarrow", "scikit-learn")}
    return sha256(
        canonical_json(
            [
                run.candidate.digest,
                {name: run.artifacts[name] for name in sorted(run.artifacts)},
                settings.parity.tolerance,
                [settings.data.label, settings.data.time, sorted(settings.not_inputs)],
                list(settings.redacted),
                [sys.version, nbprod_version, libraries],
            ]
        )
    )


def _with_tracked_evidence(
    project: Project, run: TrainingRun, record: GateResult, out: Path
) -> GateResult:
    """The record after its evidence went to MLflow; that it could not is a warning in it."""
    from nbprod import tracking

    tags = {
        "nbprod.gate": record.verdict,
        "nbprod.gate_id": record.id,
        "nbprod.gate_digest": record.gate_digest,
        "nbprod.gate_checks": str(len(record.checks)),
    }
    try:
        tracking.log_evidence(
            project.settings.tracking_uri,
            run.candidate.name,
            run.candidate.number,
            run.mlflow_run_id,
            folder=out,
            place=f"gate/{record.id}",
            tags=tags,
        )
    except StoreError as error:
        note = Finding(
            code="NBG018",
            severity="warning",
            message=f"the evidence is not in MLflow: {error.message}",
            hint="the verdict holds; run `nbprod gate` again when the tracking server answers",
        )
        return dataclasses.replace(record, findings=(*record.findings, note))
    return record


def decide(
    project: Project,
    candidate: TrainingRun | str | None,
    *,
    approved: bool,
    reason: str,
    by: str,
) -> Approval:
    """See `Project.approve` and `Project.reject`."""
    run = resolve_run(project, candidate)
    verdict = gate_of(project, run)
    if approved and (verdict is None or not verdict.passed):
        raise ReleaseError(
            f"candidate {run.candidate.number} has no passed gate to approve",
            hint="run `nbprod gate` and look at its report first",
        )
    if not reason.strip():
        raise ConfigError("an approval needs a reason", hint="--reason TEXT")
    who = by or person()
    allowed = project.settings.gate.approvers
    if approved and allowed and who not in allowed:
        raise ReleaseError(
            f"{who} may not approve this model",
            hint=f"[gate] approvers in nbprod.toml: {', '.join(allowed)}; name yourself with --by",
        )
    record = Approval(
        candidate_digest=run.candidate.digest,
        approved=approved,
        by=who,
        reason=reason,
        review_digest=file_digest(_review_path(project, run)),
        inputs=inputs_of(run, *([verdict] if verdict else [])),
    )
    project.store.save(FOLDERS[Approval], record)
    return record


def review_page(project: Project, candidate: TrainingRun | str | None, *, rows: int = 40) -> Path:
    """Write the page of sample predictions that a reviewer looks at; returns its path."""
    from nbprod.reporting.review_page import approval_page

    run = resolve_run(project, candidate)
    folder = checked_artifacts(project, run)
    samples = run_job(
        "sample_predictions",
        {
            "bundle": str(folder / "bundle"),
            "holdout": str(folder / "data" / "holdout.parquet"),
            "label": project.settings.data.label,
            "redact": list(project.settings.redacted),
            "rows": rows,
        },
        cwd=Path(project.settings.project_path),
        progress=project.progress,
        environ={ALLOW_PICKLE: ",".join(project.settings.model.allow_pickle)},
    )
    path = _review_path(project, run)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(approval_page(run, gate_of(project, run), samples), encoding="utf-8")
    return path


def _review_path(project: Project, run: TrainingRun) -> Path:
    return project.store.folder_of("reviews", run.id) / "review.html"


def _baseline(project: Project, run: TrainingRun) -> str:
    """The champion's release folder, where there is one and it is not this candidate."""
    from nbprod import tracking

    name = str(project.settings.gate.baseline.get("alias", "champion"))
    settings = project.settings
    version = tracking.alias(settings.tracking_uri, settings.model.name, name)
    folder = releases_path(project) / str(version)
    if version is None or version == run.candidate.number or not folder.exists():
        return ""
    return str(folder)
