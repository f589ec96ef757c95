"""``train``: one run, from the module and its data to a registered candidate."""

from __future__ import annotations

import shutil
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import tracking
from nbprod.errors import NotFoundError, StoreError
from nbprod.masking import mask_values
from nbprod.predictor import LoadedModule, load_package
from nbprod.predictor.modules import read_manifest
from nbprod.training.artifacts import CODE_DIFF, Facts, write_artifacts
from nbprod.training.contract_checks import check_inputs
from nbprod.training.fitting import fit_model
from nbprod.training.parameters import plain_parameters
from nbprod.training.preparation import prepare
from nbprod.training.registration import register_run
from nbprod.training.state_secrets import check_state

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.config import Settings
    from nbprod.records import DataContract, Progress, TrainingRun


def train(
    settings: Settings,
    *,
    contract: DataContract,
    out: Path,
    parameters: Mapping[str, Any],
    seed: int = 0,
    progress: Progress | None = None,
) -> TrainingRun:
    """One reproducible run of the module; its candidate is registered under alias ``candidate``.

    Runs the user's code, so the caller runs it in a child process whose working directory is
    the project's. Leaves in ``out``: ``bundle/``, ``code.diff`` where the repository is dirty,
    and ``data/`` with holdout.parquet (raw rows), predictions.parquet (what the model says of
    them), sample.parquet (raw training rows), sample_features.parquet (what the model was fed
    for them) and golden.json; after a failure nothing of it. The record is returned, not saved.
    Raises ConfigError, DataError, ExecutionError (with the place in the module), StoreError.
    """
    tell = progress or (lambda _message, _fraction: None)
    started_at = datetime.now(UTC)
    if (out / "bundle").exists():
        raise StoreError(f"{out} holds a run already", hint="each run has a folder of its own")
    package = _package(settings)
    prepared = prepare(
        package,
        settings,
        parameters,
        contract=contract,
        seed=seed,
        trains=True,
        progress=progress,
    )
    check_inputs(contract, prepared, settings)
    check_state(prepared.state)
    tell(f"training on {len(prepared.train):,} rows", 0.3)
    fitted = fit_model(package, settings, contract, prepared)
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".", suffix=".partial", dir=out))
    try:
        tell("writing the bundle", 0.75)
        kept = mask_values(plain_parameters(prepared.parameters))
        facts = Facts(settings, contract, kept, seed)
        made = write_artifacts(work, package, facts, prepared, fitted)
        tell("registering the candidate", 0.9)
        run = register_run(work / "tracked", package, facts, prepared, fitted, made, started_at)
        for path in (work / "data", *(work / "tracked").iterdir()):
            if path.name in ("data", "bundle", CODE_DIFF):
                path.rename(out / path.name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    uri, name = settings.tracking_uri, settings.model.name
    tracking.set_alias(uri, name, "candidate", run.candidate.number)
    tell(f"candidate {run.candidate.number} is registered", 1.0)
    return run


def _package(settings: Settings) -> LoadedModule:
    path = settings.package_path
    package = load_package(path, str(read_manifest(path).get("version", "unversioned")))
    if not package.manifest:
        raise NotFoundError(
            f"{path} has no nbprod.json: what code it is cannot be said",
            hint="run `nbprod extract`",
        )
    return package
