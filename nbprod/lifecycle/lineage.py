"""Which record was made from which, looked up and held against the digests written down."""

from __future__ import annotations

import getpass
import shutil
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from nbprod.errors import ConfigError, NotFoundError, StoreError, TamperedReleaseError
from nbprod.masking import mask
from nbprod.records import (
    Approval,
    DataContract,
    Extraction,
    GateResult,
    Health,
    ParityReport,
    Proof,
    Record,
    Release,
    Reproduction,
    TrainingRun,
    sha256,
)
from nbprod.store import check_inputs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbprod.lifecycle.project import Project

# record -> its folder under .nbprod/, the name it also has over REST
FOLDERS: dict[type[Record], str] = {
    Extraction: "extractions",
    Proof: "proofs",
    ParityReport: "parity",
    DataContract: "contracts",
    TrainingRun: "runs",
    GateResult: "gates",
    Approval: "approvals",
    Release: "releases",
    Reproduction: "reproductions",
    Health: "health",
}


def resolve_run(project: Project, candidate: TrainingRun | str | None) -> TrainingRun:
    """The run that made a candidate: by run id or its beginning, by number N, or the latest.

    Raises NotFoundError when there is none, ConfigError when the beginning fits several.
    """
    if isinstance(candidate, TrainingRun):
        # What a caller holds may be older than what lies in the store: read it again.
        return project.store.load(TrainingRun, FOLDERS[TrainingRun], candidate.id)
    if candidate is None:
        latest = project.store.latest(TrainingRun, FOLDERS[TrainingRun])
        if latest is None:
            raise NotFoundError("there is no candidate yet", hint="run `nbprod train`")
        return latest
    runs = project.store.list(TrainingRun, FOLDERS[TrainingRun])
    fits = [
        run
        for run in runs
        if str(run.candidate.number) == candidate
        or (len(candidate) >= 6 and run.id.startswith(candidate))
        or (len(candidate) >= 6 and run.candidate.digest.startswith(candidate))
    ]
    if len(fits) != 1:
        known = ", ".join(f"{run.candidate.number} (run {run.id})" for run in runs[-5:])
        kind = ConfigError if fits else NotFoundError
        raise kind(
            f"{candidate!r} names {'more than one' if fits else 'no'} candidate",
            hint=f"known: {known or 'none; run `nbprod train`'}",
        )
    return fits[0]


def checked_inputs(project: Project, record: Record) -> list[Record]:
    """The records that one was made from, each still with the digest written down then.

    Raises TamperedRecordError naming a record that was changed, StoreError for one that is gone.
    """
    check_inputs(record, project.store.digest_of)
    parents = (_find(project, record_id) for record_id in record.inputs)
    return [parent for parent in parents if parent is not None]


def _find(project: Project, record_id: str) -> Record | None:
    for kind, folder in FOLDERS.items():
        if record_id in project.store.ids(folder):
            return project.store.load(kind, folder, record_id)
    return None


def inputs_of(*records: Record) -> dict[str, str]:
    """What a record made from these writes down: id -> digest."""
    return {record.id: record.digest for record in records}


def hash_seed(seed: int) -> str:
    """What PYTHONHASHSEED takes for a run's seed, so that sets of texts have one order in it."""
    return str(seed % 2**32)


def file_digest(path: Path) -> str:
    """The SHA-256 of a file; empty for one that is not there."""
    return sha256(path.read_bytes()) if path.exists() else ""


def person() -> str:
    """Who is at the keyboard: git's e-mail address where it is set, else the login name."""
    try:
        result = subprocess.run(
            ["git", "config", "user.email"],  # noqa: S607 - the user's own git
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return getpass.getuser()
    return result.stdout.strip() or getpass.getuser()


def gate_of(project: Project, run: TrainingRun) -> GateResult | None:
    """The newest gate result that judged exactly this candidate."""
    # Newest first, and no further than needed: a damaged older result is shadowed by a new one.
    for gate_id in reversed(project.store.ids(FOLDERS[GateResult])):
        result = project.store.load(GateResult, FOLDERS[GateResult], gate_id)
        if result.candidate_digest == run.candidate.digest:
            return result
    return None


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


def require_registered(project: Project, run: TrainingRun) -> None:
    """Refuse a candidate that was deleted from the registry, or whose number is another's now.

    Raises NotFoundError, and StoreError where the tracking server does not answer.
    """
    from nbprod import tracking

    candidate, uri = run.candidate, project.settings.tracking_uri
    if tracking.is_registered(uri, candidate.name, candidate.number, run.mlflow_run_id):
        return
    raise NotFoundError(
        f"candidate {candidate.number} of {candidate.name}, which run {run.id} registered, "
        f"is not in the registry at {mask(uri)} any more",
        hint="it was deleted there: `nbprod train` makes a new one, or name another candidate",
    )


@contextmanager
def new_folder(project: Project, kind: str, record_id: str) -> Iterator[Path]:
    """A folder that is there only when the block ends well: nothing half-written remains.

    What a process that was killed left of another one is removed now: it holds its lock no more.
    """
    folder = project.store.folder_of(kind, record_id)
    _remove_abandoned(project, kind)
    with project.store.locked(record_id):
        folder.mkdir(parents=True)
        try:
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            _lock_file(project, record_id).unlink(missing_ok=True)


def _remove_abandoned(project: Project, kind: str) -> None:
    known = project.store.ids(kind)
    for folder in (project.store.root / kind).glob("*"):
        lock = _lock_file(project, folder.name)
        if folder.name in known or not lock.exists():  # whole, or not made by `new_folder`
            continue
        with suppress(StoreError), project.store.locked(folder.name, wait_s=0.0):
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)


def _lock_file(project: Project, record_id: str) -> Path:
    return project.store.root / "locks" / f"{record_id}.lock"
