"""What a run leaves in its folder: the bundle, the rows that later stages need, the code's diff."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.data.frames import save_frame
from nbprod.data.profile import Profile
from nbprod.data.snapshots import snapshot_of, source_hashes
from nbprod.masking import mask
from nbprod.predictor import Bundle, LoadedModule, Predictor, write_bundle
from nbprod.predictor.bundle import all_file_hashes
from nbprod.predictor.golden import golden_requests, save_golden
from nbprod.records import DataContract, Json, Snapshot, sha256
from nbprod.training.environment import CodeState, code_state
from nbprod.training.libraries import library_lock
from nbprod.training.preparation import Prepared, timed

if TYPE_CHECKING:
    from nbprod.config import Settings
    from nbprod.training.fitting import Fitted

SAMPLE_ROWS = 1000  # training rows kept with the features the model was fed, for parity
GOLDEN_REQUESTS = 20
PREDICTIONS = "predictions.parquet"  # what the model says of the held-out rows
SNAPSHOT = "snapshot.parquet"  # the rows themselves, with [data] snapshot = "copy"
CODE_DIFF = "code.diff"


@dataclass(frozen=True)
class Facts:
    """What was asked of a run."""

    settings: Settings
    contract: DataContract
    parameters: Json  # as they may be kept: secrets masked
    seed: int


@dataclass(frozen=True)
class Made:
    """What lies in the run's folder."""

    bundle: Bundle
    snapshot: Snapshot
    lock: str
    code: CodeState
    artifacts: dict[str, str]


def write_artifacts(
    work: Path, package: LoadedModule, facts: Facts, prepared: Prepared, fitted: Fitted
) -> Made:
    """The bundle and what must go to MLflow in ``tracked/``, rows in ``data/``."""
    settings, durations = facts.settings, prepared.durations_s
    with timed(durations, "lock"):
        lock = library_lock(_requirements(package))
    with timed(durations, "snapshot"):
        snapshot = _snapshot(package, facts, prepared)
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
            allow_pickle=settings.model.allow_pickle,
        )
        # loaded from its files: what answers here is what will answer at serving
        predictor = Predictor.load(bundle.folder, allow_pickle=settings.model.allow_pickle)
    _write_rows(work / "data", facts, prepared, fitted)
    golden = golden_requests(
        predictor, prepared.holdout, count=GOLDEN_REQUESTS, redact=settings.redacted
    )
    save_golden(golden, work / "data" / "golden.json")
    code = code_state(Path(settings.project_path))
    artifacts = {f"data/{path}": digest for path, digest in all_file_hashes(work / "data").items()}
    if code.diff:
        diff = mask(code.diff)
        (work / "tracked" / CODE_DIFF).write_text(diff, encoding="utf-8")
        artifacts[CODE_DIFF] = sha256(diff)
    return Made(bundle, snapshot, lock, code, artifacts)


def _requirements(package: LoadedModule) -> list[str]:
    """The distributions that the module imports, by its manifest; a replica's and a run's."""
    told: dict[str, list[str]] = package.manifest.get("requirements", {})
    named = (told.get(role, ()) for role in ("serving", "training", "optional"))
    return sorted({name for names in named for name in names})


def _snapshot(package: LoadedModule, facts: Facts, prepared: Prepared) -> Snapshot:
    data = facts.settings.data
    return snapshot_of(
        prepared.frame,
        mask(data.train) or f"{package.path.name}.data.load()",
        data.time,
        query=data.query,
        sources=source_hashes(
            {**facts.parameters, "[data] train": data.train}, Path(facts.settings.project_path)
        ),
    )


def _write_rows(folder: Path, facts: Facts, prepared: Prepared, fitted: Fitted) -> None:
    import numpy as np

    rng = np.random.default_rng(facts.seed)
    count = len(prepared.train)
    chosen = np.sort(rng.choice(count, size=min(SAMPLE_ROWS, count), replace=False))
    save_frame(prepared.holdout, folder / "holdout.parquet")
    save_frame(fitted.outputs, folder / PREDICTIONS)
    save_frame(prepared.train.iloc[chosen], folder / "sample.parquet")
    save_frame(fitted.fed.iloc[chosen], folder / "sample_features.parquet")
    if facts.settings.data.snapshot == "copy":
        save_frame(prepared.frame, folder / SNAPSHOT)


def _reference_profile(settings: Settings, prepared: Prepared, fitted: Fitted) -> Profile:
    """Inputs and features of the training rows; outputs of the holdout, which was not learnt."""
    redact = settings.redacted
    profile = Profile.empty()
    profile.track(prepared.inputs, part="input", redact=redact)
    profile.track(fitted.fed, part="features", redact=redact)
    profile.track(fitted.outputs, part="output", redact=redact)
    return profile
