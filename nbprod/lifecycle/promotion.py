"""Run -> release: each verb loads what its stage needs, runs it, and saves the record.

A verb refuses when a record or artifact that it builds on is not the one that was written.
"""

from __future__ import annotations

import dataclasses
import shutil
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import (
    ConfigError,
    ReleaseError,
    StoreError,
    TamperedReleaseError,
)
from nbprod.lifecycle.isolation import run_isolated, run_job
from nbprod.lifecycle.lineage import (
    FOLDERS,
    checked_inputs,
    file_digest,
    inputs_of,
    person,
    resolve_run,
)
from nbprod.lifecycle.workbench import (
    contract,
    current_extraction,
    infer_contract,
    schemas_path,
    training_notebook,
)
from nbprod.records import (
    Approval,
    DataContract,
    Extraction,
    GateResult,
    ParityReport,
    Release,
    TrainingRun,
    Verification,
    new_id,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbprod.lifecycle.project import Project

_RELEASE_RECORDS = "release-records"


# ---------------------------------------------------------------- run


def train(
    project: Project, parameters: Mapping[str, Any], *, seed: int, notebook: bool
) -> TrainingRun:
    """See `Project.train`."""
    extraction = current_extraction(project)
    if schemas_path(project).exists():
        rules = contract(project)
    else:
        project.progress("no data contract yet: inferring one (see `nbprod contract show`)", None)
        rules = infer_contract(project, force=False)
    run_id = new_id()
    with _new_folder(project, FOLDERS[TrainingRun], run_id) as out:
        record = run_isolated(
            "train",
            {
                "settings": project.settings.to_json(),
                "contract": rules.to_json(),
                "out": str(out),
                "parameters": dict(parameters),
                "seed": seed,
            },
            TrainingRun,
            cwd=Path(project.settings.project_path),
            progress=project.progress,
        )
        if notebook:
            _execute_notebook(project, parameters, out)
        record = dataclasses.replace(record, id=run_id, inputs=inputs_of(extraction, rules))
        project.store.save(FOLDERS[TrainingRun], record, as_folder=True)
    return record


def _execute_notebook(project: Project, parameters: Mapping[str, Any], out: Path) -> None:
    """Execute the training notebook with the run's parameters and keep it with the run.

    Thin: the executed copy is kept, its values are not yet compared with the module's.
    """
    from nbprod.notebook.execution import execute_notebook

    path = training_notebook(project)
    project.progress(f"executing {path.name} with the same parameters", None)
    execute_notebook(
        path,
        out / path.name,
        parameters=dict(parameters),
        cwd=Path(project.settings.project_path),
        progress=project.progress,
    )


# ---------------------------------------------------------------- gate, approval, release


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
    with _new_folder(project, FOLDERS[GateResult], gate_id) as out:
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


def release(project: Project, candidate: TrainingRun | str | None) -> Release:
    """See `Project.release`."""
    from nbprod.releases import build_release

    run = resolve_run(project, candidate)
    verdict = gate_of(project, run)
    if verdict is None:
        raise ReleaseError(
            f"candidate {run.candidate.number} has not been judged", hint="run `nbprod gate`"
        )
    approvals = tuple(
        item
        for item in project.store.list(Approval, FOLDERS[Approval])
        if item.candidate_digest == run.candidate.digest
    )
    for record in (verdict, *approvals):
        checked_inputs(project, record)
    folder = checked_artifacts(project, run)
    parents = checked_inputs(project, run)
    record = build_release(
        folder / "bundle",
        releases_path(project) / str(run.candidate.number),
        settings=project.settings,
        run=run,
        gate=verdict,
        parity=_parity_of(project, verdict),
        contract=next(item for item in parents if isinstance(item, DataContract)),
        extraction=next(item for item in parents if isinstance(item, Extraction)),
        approvals=approvals,
    )
    # A second copy, outside the release: whoever rewrites files and hashes together is found by it.
    project.store.save(_RELEASE_RECORDS, record, name=str(record.version))
    return record


def verify(project: Project, which: Release | int | str | None) -> Verification:
    """See `Project.verify`."""
    from nbprod.releases import verify_release

    path = release_path(project, which)
    known = path.name in project.store.ids(_RELEASE_RECORDS)
    kept = project.store.load(Release, _RELEASE_RECORDS, path.name) if known else None
    return verify_release(path, digest=kept.digest if kept else None)


# ---------------------------------------------------------------- what the verbs share


def releases_path(project: Project) -> Path:
    """The folder that holds a folder for each release."""
    return project.store.root / FOLDERS[Release]


def release_path(project: Project, which: Release | int | str | None) -> Path:
    """The folder of a release: by record, by version, or the newest one."""
    folder = releases_path(project)
    known = sorted(int(p.name) for p in folder.glob("*") if p.name.isdigit())
    if not known:
        raise ReleaseError("there is no release yet", hint="run `nbprod release`")
    if which is None:
        return folder / str(known[-1])
    version = str(which.version if isinstance(which, Release) else which).removeprefix("v")
    if not version.isdigit() or int(version) not in known:
        raise ReleaseError(
            f"there is no release {version}", hint=f"known: {', '.join(map(str, known))}"
        )
    return folder / version


def gate_of(project: Project, run: TrainingRun) -> GateResult | None:
    """The newest gate result that judged exactly this candidate."""
    # Newest first, and no further than needed: a damaged older result is shadowed by a new one.
    for gate_id in reversed(project.store.ids(FOLDERS[GateResult])):
        result = project.store.load(GateResult, FOLDERS[GateResult], gate_id)
        if result.candidate_digest == run.candidate.digest:
            return result
    return None


def _parity_of(project: Project, verdict: GateResult) -> ParityReport:
    for record in checked_inputs(project, verdict):
        if isinstance(record, ParityReport):
            return record
    raise StoreError(f"gate {verdict.id} names no parity report", hint="run `nbprod gate` again")


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


def checked_artifacts(project: Project, run: TrainingRun) -> Path:
    """The run's folder; refuses when a file of its bundle or data is not the one that was made."""
    from nbprod.predictor.bundle import read_bundle, verify_bundle

    folder = project.store.folder_of(FOLDERS[TrainingRun], run.id)
    for name, digest in run.artifacts.items():
        if file_digest(folder / name) != digest:
            raise TamperedReleaseError(
                f"{folder / name} is not the file that run {run.id} wrote",
                hint="train again: `nbprod train`",
            )
    findings = verify_bundle(folder / "bundle")
    if findings or read_bundle(folder / "bundle").digest != run.candidate.digest:
        what = findings[0].message if findings else "its digest is another one"
        raise TamperedReleaseError(
            f"the candidate of run {run.id} was changed: {what}",
            hint="train again: `nbprod train`",
        )
    return folder


@contextmanager
def _new_folder(project: Project, kind: str, record_id: str) -> Iterator[Path]:
    """A folder that is there only when the block ends well: nothing half-written remains."""
    folder = project.store.folder_of(kind, record_id)
    folder.mkdir(parents=True)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
