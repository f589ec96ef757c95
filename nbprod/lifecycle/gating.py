"""The gate's verbs: judge a candidate, and a person's decision about it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import ConfigError, ReleaseError
from nbprod.lifecycle.isolation import run_isolated, run_job
from nbprod.lifecycle.lineage import (
    FOLDERS,
    checked_artifacts,
    checked_inputs,
    gate_of,
    inputs_of,
    new_folder,
    person,
    resolve_run,
)
from nbprod.lifecycle.promotion import releases_path
from nbprod.records import Approval, GateResult, ParityReport, TrainingRun, new_id

if TYPE_CHECKING:
    from nbprod.lifecycle.project import Project


def gate(project: Project, candidate: TrainingRun | str | None) -> GateResult:
    """See `Project.gate`: candidate-scope parity first, then the validation notebooks."""
    run = resolve_run(project, candidate)
    checked_inputs(project, run)
    folder = checked_artifacts(project, run)
    settings = project.settings.to_json()
    project.progress("parity of the candidate", None)
    parity = run_isolated(
        "candidate_parity",
        {
            "settings": settings,
            "bundle": str(folder / "bundle"),
            "data": str(folder / "data"),
            "digest": run.candidate.digest,
        },
        ParityReport,
        cwd=Path(project.settings.project_path),
        progress=project.progress,
    )
    parity = dataclasses.replace(parity, inputs=inputs_of(run))
    project.store.save(FOLDERS[ParityReport], parity)
    gate_id = new_id()
    with new_folder(project, FOLDERS[GateResult], gate_id) as out:
        record = run_isolated(
            "gate",
            {
                "settings": settings,
                "run": run.to_json(),
                "bundle": str(folder / "bundle"),
                "holdout": str(folder / "data" / "holdout.parquet"),
                "baseline": _baseline(project, run),
                "parity": parity.to_json(),
                "out": str(out),
                # a sabotage judges the checks, not the candidate: tried once per gate and data
                "cache": str(project.store.root / "cache"),
            },
            GateResult,
            cwd=Path(project.settings.project_path),
            progress=project.progress,
        )
        record = dataclasses.replace(record, id=gate_id, inputs=inputs_of(run, parity))
        project.store.save(FOLDERS[GateResult], record, as_folder=True)
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
        inputs=inputs_of(run, *([verdict] if verdict else [])),
    )
    project.store.save(FOLDERS[Approval], record)
    return record


def review_page(project: Project, candidate: TrainingRun | str | None, *, rows: int = 40) -> Path:
    """Write the page of sample predictions that a reviewer looks at; returns its path."""
    from nbprod.reporting.html import approval_page

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
    )
    path = project.store.folder_of("reviews", run.id) / "review.html"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(approval_page(run, gate_of(project, run), samples), encoding="utf-8")
    return path


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
