"""Run -> release: each verb loads what its stage needs, runs it, and saves the record.

A verb refuses when a record or artifact that it builds on is not the one that was written.
"""

from __future__ import annotations

import dataclasses
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import NotFoundError, ReleaseError, StoreError, TamperedRecordError
from nbprod.lifecycle.isolation import run_isolated
from nbprod.lifecycle.judged import limitations_page, require_current
from nbprod.lifecycle.lineage import (
    FOLDERS,
    checked_artifacts,
    checked_inputs,
    gate_of,
    hash_seed,
    inputs_of,
    new_folder,
    person,
    require_registered,
    resolve_run,
)
from nbprod.lifecycle.notebook_run import executed_notebook, notebook_findings
from nbprod.lifecycle.workbench import (
    contract,
    current_extraction,
    infer_contract,
    schemas_path,
)
from nbprod.records import (
    Approval,
    DataContract,
    Extraction,
    Finding,
    GateResult,
    ParityReport,
    Release,
    TrainingRun,
    Verification,
    new_id,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.lifecycle.project import Project

_RELEASE_RECORDS = "release-records"


# ---------------------------------------------------------------- run


def train(
    project: Project, parameters: Mapping[str, Any], *, seed: int, notebook: bool
) -> TrainingRun:
    """See `Project.train`."""
    project.store.check_clock(FOLDERS[TrainingRun])
    extraction = current_extraction(project)
    if schemas_path(project).exists():
        rules = contract(project)
    else:
        project.progress("no data contract yet: inferring one (see `nbprod contract show`)", None)
        rules = infer_contract(project, force=False)
    run_id = new_id()
    with ExitStack() as stack:
        out = stack.enter_context(new_folder(project, FOLDERS[TrainingRun], run_id))
        executed = (
            stack.enter_context(executed_notebook(project, parameters, seed=seed, out=out))
            if notebook
            else None
        )
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
            environ={"PYTHONHASHSEED": hash_seed(seed)},
        )
        compared = executed.compared(out / "data") if executed else ()
        record = dataclasses.replace(
            record,
            id=run_id,
            inputs=inputs_of(extraction, rules),
            trained_by=person(),
            notebook=compared,
            findings=(*record.findings, *notebook_findings(compared, extraction.notebook)),
        )
        project.store.save(FOLDERS[TrainingRun], record, as_folder=True)
    return record


# ---------------------------------------------------------------- release


def release(project: Project, candidate: TrainingRun | str | None) -> Release:
    """See `Project.release`."""
    from nbprod.releases import build_release

    run = resolve_run(project, candidate)
    project.store.check_clock(FOLDERS[GateResult])
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
    require_current(project, verdict)
    folder = checked_artifacts(project, run)
    try:
        require_registered(project, run)
    except StoreError as error:  # a dead server stops no release: the store is the truth
        project.progress(f"the registry was not asked: {error.message}", None)
    parents = checked_inputs(project, run)
    with project.store.locked(FOLDERS[Release]):
        for abandoned in releases_path(project).glob(f".{run.candidate.number}.*.partial"):
            shutil.rmtree(abandoned, ignore_errors=True)  # a release that was killed
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
            previous=next(reversed(_others(project, run.candidate.number)), None),
            limitations=limitations_page(project, verdict),
        )
        # A second copy, outside: whoever rewrites files and hashes together is found by it.
        project.store.save(_RELEASE_RECORDS, record, name=str(record.version))
    return record


def verify(project: Project, which: Release | int | str | None) -> Verification:
    """See `Project.verify`."""
    from nbprod.predictor.signature import public_keys
    from nbprod.releases import read_release, verify_release

    path = release_path(project, which)
    known = path.name in project.store.ids(_RELEASE_RECORDS)
    kept = project.store.load(Release, _RELEASE_RECORDS, path.name) if known else None
    settings = project.settings
    record = verify_release(
        path,
        digest=kept.digest if kept else None,
        trusted_keys=public_keys(settings.store.trusted_keys, Path(settings.project_path)),
        others=_others(project, int(path.name)),
    )
    looked, findings = _kept_records(project, read_release(path))
    findings = (*record.findings, *findings)
    return dataclasses.replace(
        record, records=looked, findings=findings, passed=record.passed and not findings
    )


def _kept_records(project: Project, release: Release) -> tuple[int, tuple[Finding, ...]]:
    """The store's own copies of the records a release rests on: how many, and what is wrong.

    One that is gone is no finding: the release holds it, and another machine never had it.
    """
    from nbprod.predictor.bundle import EVIDENCE

    looked, findings = 0, []
    for record_id, digest in release.inputs.items():
        try:
            present = project.store.digest_of(record_id)
            message = f"record {record_id} in the store is not the one that was released"
        except TamperedRecordError as error:
            present, message = "", error.message
        looked += present is not None
        if present is not None and present != digest:
            findings.append(
                Finding(
                    code="NBS015",
                    severity="error",
                    message=message,
                    hint=f"restore it from the copy in the release's {EVIDENCE}/",
                )
            )
    return looked, tuple(findings)


def _others(project: Project, version: int) -> list[Release]:
    """The other releases that can be read, the one made last at the end."""
    found = (_release_at(project, number) for number in _versions(project) if number != version)
    return sorted((item for item in found if item is not None), key=lambda item: item.created_at)


def _release_at(project: Project, version: int) -> Release | None:
    from nbprod.releases import read_release

    try:
        return read_release(releases_path(project) / str(version))
    except ReleaseError:
        return None  # its own verification says so


# ---------------------------------------------------------------- what the verbs share


def _versions(project: Project) -> list[int]:
    """The versions of all releases, in order."""
    return sorted(int(p.name) for p in releases_path(project).glob("*") if p.name.isdigit())


def releases_path(project: Project) -> Path:
    """The folder that holds a folder for each release."""
    return project.store.root / FOLDERS[Release]


def release_path(project: Project, which: Release | int | str | None) -> Path:
    """The folder of a release: by record, by version, or the newest one."""
    folder, known = releases_path(project), _versions(project)
    if not known:
        raise NotFoundError("there is no release yet", hint="run `nbprod release`")
    if which is None:
        return folder / str(known[-1])
    version = str(which.version if isinstance(which, Release) else which).removeprefix("v")
    if not version.isdigit() or int(version) not in known:
        raise NotFoundError(
            f"there is no release {version}",
            hint=f"known: {', '.join(map(str, known))}; `nbprod release` makes one of a candidate",
        )
    return folder / version


def _parity_of(project: Project, verdict: GateResult) -> ParityReport:
    for record in checked_inputs(project, verdict):
        if isinstance(record, ParityReport):
            return record
    raise StoreError(f"gate {verdict.id} names no parity report", hint="run `nbprod gate` again")
