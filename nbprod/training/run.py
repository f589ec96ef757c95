"""``train``: one run, from the module and its data to a registered candidate."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import tracking
from nbprod.data.frames import save_frame, snapshot_of
from nbprod.data.profile import Profile
from nbprod.errors import ExtractionError, StoreError
from nbprod.predictor import (
    Bundle,
    LoadedModule,
    Predictor,
    load_package,
    predict_rows,
    transform_rows,
    write_bundle,
)
from nbprod.predictor.bundle import all_file_hashes
from nbprod.predictor.golden import golden_requests, save_golden
from nbprod.predictor.modules import read_manifest
from nbprod.records import (
    Candidate,
    DataContract,
    Finding,
    Json,
    Progress,
    Snapshot,
    TrainingRun,
    sha256,
)
from nbprod.training.contract_checks import check_inputs, contract_warnings
from nbprod.training.environment import CodeState, code_state, library_lock
from nbprod.training.metrics import holdout_metrics
from nbprod.training.parameters import plain_parameters
from nbprod.training.preparation import Prepared, input_rows, label_name, prepare, timed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import pandas as pd

    from nbprod.config import Settings

SAMPLE_ROWS = 1000  # training rows kept with the features the model was fed, for parity
GOLDEN_REQUESTS = 20


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
    and ``data/`` with holdout.parquet (raw rows), sample.parquet (raw training rows),
    sample_features.parquet (what the model was fed for them) and golden.json; after a failure
    nothing of it. The record is returned, not saved.
    Raises ConfigError, DataError, ExecutionError (with the place in the module), StoreError.
    """
    tell = progress or (lambda _message, _fraction: None)
    started_at = datetime.now(UTC)
    if (out / "bundle").exists():
        raise StoreError(f"{out} holds a run already", hint="each run has a folder of its own")
    package = _package(settings)
    prepared = prepare(
        package, settings, parameters, contract=contract, seed=seed, progress=progress
    )
    check_inputs(contract, prepared, settings)
    tell(f"training on {len(prepared.train):,} rows", 0.3)
    fitted = _fit(package, settings, contract, prepared)
    out.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=".", suffix=".partial", dir=out))
    try:
        tell("writing the bundle", 0.75)
        facts = _Facts(settings, contract, plain_parameters(prepared.parameters), seed)
        made = _write(work, package, facts, prepared, fitted)
        tell("registering the candidate", 0.9)
        run = _register(work, facts, prepared, fitted, made, started_at)
        for name in ("data", "code.diff", "bundle"):
            if (work / "tracked" / name).exists():
                (work / "tracked" / name).rename(out / name)
            elif (work / name).exists():
                (work / name).rename(out / name)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    uri, name = settings.tracking_uri, settings.model.name
    tracking.set_alias(uri, name, "candidate", run.candidate.number)
    tell(f"candidate {run.candidate.number} is registered", 1.0)
    return run


@dataclass(frozen=True)
class _Facts:
    """What was asked of a run."""

    settings: Settings
    contract: DataContract
    parameters: Json
    seed: int


@dataclass(frozen=True)
class _Fitted:
    """A trained model, and what it says of the held-out rows."""

    model: Any
    fed: pd.DataFrame  # the training features as train() left them
    outputs: pd.DataFrame  # of the holdout
    metrics: dict[str, float]
    call: Callable[[Any], Any]  # predict on a few rows with another model in its place
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class _Made:
    """What lies in the run's folder."""

    bundle: Bundle
    snapshot: Snapshot
    lock: str
    code: CodeState
    artifacts: dict[str, str]


def _package(settings: Settings) -> LoadedModule:
    path = settings.package_path
    package = load_package(path, str(read_manifest(path).get("version", "unversioned")))
    if not package.manifest:
        raise ExtractionError(
            f"{path} has no nbprod.json: what code it is cannot be said",
            hint="run `nbprod extract`",
        )
    return package


def _fit(
    package: LoadedModule, settings: Settings, contract: DataContract, prepared: Prepared
) -> _Fitted:
    durations = prepared.durations_s
    columns = list(prepared.features.columns)
    with timed(durations, "train"):
        model = package.call(
            "training.train", prepared.features, prepared.label, prepared.parameters
        )
    # A train cell that changes its features in place has fed the model the changed ones;
    # columns it only added (say, its own predictions) are not features.
    fed = prepared.features[[name for name in columns if name in prepared.features]]
    names = [rule.name for rule in contract.output]
    with timed(durations, "evaluate"):
        inputs = input_rows(prepared.holdout, settings, contract)
        features = transform_rows(package, inputs, prepared.state)
        outputs = predict_rows(package, model, features, prepared.state, names)
        label = prepared.holdout[label_name(settings)]
        known = label.notna()
        metrics = holdout_metrics(outputs[known], label[known], settings.model.task)

    def call(other: Any) -> Any:
        return predict_rows(package, other, features.head(8), prepared.state, names)

    findings = contract_warnings(contract, fed, outputs)
    return _Fitted(model, fed, outputs, metrics, call, findings)


def _write(
    work: Path, package: LoadedModule, facts: _Facts, prepared: Prepared, fitted: _Fitted
) -> _Made:
    """The bundle and what must go to MLflow in ``tracked/``, rows in ``data/``."""
    settings, durations = facts.settings, prepared.durations_s
    lock = library_lock()
    with timed(durations, "snapshot"):
        uri = settings.data.train or f"{package.path.name}.data.load()"
        snapshot = snapshot_of(prepared.frame, uri, settings.data.time)
    with timed(durations, "profile"):
        profile = _reference_profile(settings, prepared, fitted)
    (work / "tracked").mkdir()
    with timed(durations, "bundle"):
        bundle = write_bundle(
            work / "tracked" / "bundle",
            name=settings.model.name,
            package_path=package.path,
            module_version=package.digest,
            contract=facts.contract,
            state=prepared.state,
            model=fitted.model,
            parameters=facts.parameters,
            snapshot=snapshot,
            lock_text=lock,
            profile=profile,
            call=fitted.call,
        )
        # loaded from its files: what answers here is what will answer at serving
        predictor = Predictor.load(bundle.folder)
    _write_rows(work / "data", settings, facts.seed, prepared, fitted)
    golden = golden_requests(
        predictor, prepared.holdout, count=GOLDEN_REQUESTS, redact=settings.redacted
    )
    save_golden(golden, work / "data" / "golden.json")
    code = code_state(Path(settings.project_path))
    if code.diff:
        (work / "tracked" / "code.diff").write_text(code.diff, encoding="utf-8")
    artifacts = {f"data/{path}": digest for path, digest in all_file_hashes(work / "data").items()}
    if code.diff:
        artifacts["code.diff"] = sha256(code.diff)
    return _Made(bundle, snapshot, lock, code, artifacts)


def _write_rows(
    folder: Path, settings: Settings, seed: int, prepared: Prepared, fitted: _Fitted
) -> None:
    import numpy as np

    rng = np.random.default_rng(seed)
    count = len(prepared.train)
    chosen = np.sort(rng.choice(count, size=min(SAMPLE_ROWS, count), replace=False))
    save_frame(prepared.holdout, folder / "holdout.parquet")
    save_frame(prepared.train.iloc[chosen], folder / "sample.parquet")
    save_frame(fitted.fed.iloc[chosen], folder / "sample_features.parquet")
    if settings.data.snapshot == "copy":
        save_frame(prepared.frame, folder / "snapshot.parquet")


def _reference_profile(settings: Settings, prepared: Prepared, fitted: _Fitted) -> Profile:
    """Inputs and features of the training rows; outputs of the holdout, which was not learnt."""
    redact = settings.redacted
    profile = Profile.empty()
    profile.track(prepared.inputs, part="input", redact=redact)
    profile.track(fitted.fed, part="features", redact=redact)
    profile.track(fitted.outputs, part="output", redact=redact)
    return profile


def _register(
    work: Path,
    facts: _Facts,
    prepared: Prepared,
    fitted: _Fitted,
    made: _Made,
    started_at: datetime,
) -> TrainingRun:
    settings, bundle = facts.settings, made.bundle
    run_id = tracking.log_run(
        settings.tracking_uri,
        settings.model.name,
        parameters={**facts.parameters, "nbprod.seed": facts.seed},
        metrics=fitted.metrics,
        tags={
            "nbprod.digest": bundle.digest,
            "nbprod.module_version": bundle.module_version,
            "nbprod.contract_digest": facts.contract.digest,
            "nbprod.snapshot": made.snapshot.digest,
            "mlflow.source.git.commit": made.code.commit,
        },
        artifacts=work / "tracked",
        started_at=started_at,
    )
    number = tracking.register(settings.tracking_uri, settings.model.name, run_id)
    return TrainingRun(
        mlflow_run_id=run_id,
        candidate=Candidate(
            name=settings.model.name,
            number=number,
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
        findings=fitted.findings,
    )
