"""A finished run in MLflow: everything that decided it, what came of it, and the candidate."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import tracking
from nbprod.data.snapshots import source_hashes
from nbprod.masking import mask, mask_values
from nbprod.records import Candidate, Json, TrainingRun, sha256
from nbprod.reporting.runs import run_page
from nbprod.training.environment import this_machine

if TYPE_CHECKING:
    from datetime import datetime

    from nbprod.config import Settings
    from nbprod.predictor import LoadedModule
    from nbprod.training.artifacts import Facts, Made
    from nbprod.training.fitting import Fitted
    from nbprod.training.preparation import Prepared

RUN_FILE = "run.json"  # beside the bundle in MLflow: what tags and params are too short for
PAGE = "plots/run.html"


def register_run(
    tracked: Path,
    package: LoadedModule,
    facts: Facts,
    prepared: Prepared,
    fitted: Fitted,
    made: Made,
    started_at: datetime,
) -> TrainingRun:
    """Logs the run and registers its candidate; the record, which is not saved here.

    tracked: the folder whose files go to MLflow. Raises StoreError when MLflow does not answer.
    """
    run = _record(facts, prepared, fitted, made)
    notebook = _notebook(package, facts.settings)
    _write(tracked, run, notebook, prepared, fitted)
    uri, name = facts.settings.tracking_uri, facts.settings.model.name
    run_id = tracking.log_run(
        uri,
        name,
        parameters={**facts.parameters, "nbprod.seed": facts.seed},
        metrics={
            **fitted.metrics,
            **{f"seconds.{step}": value for step, value in run.durations_s.items()},
        },
        tags=_tags(run, notebook, made),
        artifacts=tracked,
        started_at=started_at,
        snapshot=made.snapshot,
    )
    number = tracking.register(uri, name, run_id)
    candidate = Candidate(**{**run.candidate.to_json(), "number": number})
    return TrainingRun(**{**_fields(run), "mlflow_run_id": run_id, "candidate": candidate})


def training_settings(settings: Settings) -> Json:
    """The sections of nbprod.toml that decide a training, as a run keeps them; secrets masked."""
    plain = settings.to_json()
    kept: Json = mask_values({"data": plain["data"], "model": {"task": settings.model.task}})
    return kept


def _record(facts: Facts, prepared: Prepared, fitted: Fitted, made: Made) -> TrainingRun:
    settings, bundle = facts.settings, made.bundle
    return TrainingRun(
        mlflow_run_id="",
        candidate=Candidate(
            name=settings.model.name,
            number=0,
            digest=bundle.digest,
            module_version=bundle.module_version,
            contract_digest=facts.contract.digest,
        ),
        snapshot=made.snapshot,
        parameters=facts.parameters,
        seed=facts.seed,
        metrics=fitted.metrics,
        train_rows=len(prepared.train),
        holdout_rows=len(prepared.holdout),
        git_commit=made.code.commit,
        git_dirty=made.code.dirty,
        lock_digest=sha256(made.lock),
        artifacts=made.artifacts,
        durations_s=prepared.durations_s,
        settings=training_settings(settings),
        machine=this_machine(),
        findings=fitted.findings,
    )


def _fields(run: TrainingRun) -> dict[str, Any]:
    return {name: getattr(run, name) for name in run.to_json()}


def _notebook(package: LoadedModule, settings: Settings) -> Json:
    """The notebook the module came from: its path, its file's hash, the cells that went in."""
    path = settings.notebooks.train
    hashes = source_hashes({"train": path}, Path(settings.project_path))
    return {
        "path": str(package.manifest.get("notebook", path)),
        "sha256": hashes.get(path, ""),
        "cells": list(package.manifest.get("cells", {})),
    }


def _tags(run: TrainingRun, notebook: Json, made: Made) -> dict[str, str]:
    machine, snapshot = run.machine, run.snapshot
    tags = {
        "nbprod.digest": run.candidate.digest,
        "nbprod.module_version": run.candidate.module_version,
        "nbprod.contract_digest": run.candidate.contract_digest,
        "nbprod.notebook": notebook["path"],
        "nbprod.notebook_sha256": notebook["sha256"],
        "nbprod.cells": ",".join(notebook["cells"]),
        "nbprod.snapshot": snapshot.digest,
        "nbprod.snapshot_rows": str(snapshot.rows),
        "nbprod.snapshot_time": f"{snapshot.time_start}/{snapshot.time_end}".strip("/"),
        "nbprod.lock_sha256": run.lock_digest,
        "nbprod.python": machine.python,
        "nbprod.system": machine.system,
        "nbprod.processor": f"{machine.processor}, {machine.cores} cores",
        "nbprod.accelerators": ", ".join(machine.accelerators),
        "nbprod.git_dirty": str(made.code.dirty).lower() if made.code.commit else "",
        "mlflow.source.git.commit": made.code.commit,
    }
    return {name: mask(value) for name, value in tags.items() if value}


def _write(
    tracked: Path, run: TrainingRun, notebook: Json, prepared: Prepared, fitted: Fitted
) -> None:
    """What a tag is too short for, and a page with what people would rather look at."""
    plain = run.to_json()
    told = {
        name: plain[name]
        for name in ("snapshot", "parameters", "seed", "metrics", "durations_s", "settings")
    }
    told |= {"notebook": notebook, "machine": plain["machine"], "artifacts": plain["artifacts"]}
    text = json.dumps(mask_values(told), indent=1, sort_keys=True)
    (tracked / RUN_FILE).write_text(text + "\n", encoding="utf-8")
    (tracked / PAGE).parent.mkdir()
    label = prepared.holdout[str(prepared.label.name)]
    (tracked / PAGE).write_text(run_page(run, fitted.outputs, label), encoding="utf-8")
