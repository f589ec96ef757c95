"""``reproduce``: a release's environment made again, its run done again, the results compared."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.data.comparison import tolerance_of
from nbprod.errors import MissingDependencyError, TamperedReleaseError
from nbprod.lifecycle.isolation import run_job
from nbprod.lifecycle.lineage import FOLDERS, checked_artifacts, hash_seed
from nbprod.lifecycle.promotion import release_path, verify
from nbprod.records import Finding, Release, Reproduction, TrainingRun
from nbprod.training import Reproduced
from nbprod.training.libraries import Library, compare_libraries, needed_libraries, read_lock
from nbprod.training.rebuilding import build_environment
from nbprod.training.reproduce import worst

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.lifecycle.project import Project


@dataclass(frozen=True)
class _Environment:
    """Where the run is done again."""

    python: str = ""  # the interpreter; "" for the one that runs
    refused: str = ""  # why it could not be rebuilt


def reproduce(
    project: Project, which: Release | int | str | None, *, here: bool, tolerance: str
) -> Reproduction:
    """See `Project.reproduce`."""
    from nbprod.releases import read_evidence, read_release

    tolerance_of("*", {"*": tolerance})  # a wrong one is refused before anything is built
    path = release_path(project, which)
    found = verify(project, path.name)
    if not found.passed:
        raise TamperedReleaseError(
            f"release {path.name} is not what was frozen: {found.findings[0].message}",
            hint=found.findings[0].hint,
        )
    release = read_release(path)
    run = next(item for item in read_evidence(path) if isinstance(item, TrainingRun))
    lock = read_lock((path / "lock.txt").read_text(encoding="utf-8"))
    with _environment(project, run, lock, here=here) as environment:
        answer = run_job(
            "reproduce",
            {
                "settings": project.settings.to_json(),
                "run": run.to_json(),
                "release": str(path),
                "kept": _kept(project, run),
                "tolerance": tolerance,
            },
            cwd=Path(project.settings.project_path),
            progress=project.progress,
            environ={"PYTHONHASHSEED": hash_seed(run.seed), "PYTHONPATH": ""}
            if environment.python
            else {"PYTHONHASHSEED": hash_seed(run.seed)},
            python=environment.python,
        )
    record = _judged(release, run, lock, Reproduced.from_json(answer), environment, tolerance)
    project.store.save(FOLDERS[Reproduction], record)
    return record


def _kept(project: Project, run: TrainingRun) -> str:
    """The run's own rows where this store has them, each still as it was written; else ""."""
    folder = project.store.folder_of(FOLDERS[TrainingRun], run.id)
    if not (folder / "data").is_dir():
        return ""
    return str(checked_artifacts(project, run) / "data")


@contextlib.contextmanager
def _environment(
    project: Project, run: TrainingRun, lock: dict[str, Library], *, here: bool
) -> Iterator[_Environment]:
    """A fresh environment that is gone afterwards, or the present one and why."""
    if here:
        yield _Environment(refused="asked not to rebuild it")
        return
    parent = project.store.root / "environments"
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="fresh-", dir=parent))
    try:
        try:
            python = build_environment(
                folder, lock, python=run.machine.python, progress=project.progress
            )
        except MissingDependencyError as error:
            project.progress(f"the environment cannot be rebuilt: {error.message}", None)
            yield _Environment(refused=error.message)
            return
        yield _Environment(python=python)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        with contextlib.suppress(OSError):
            parent.rmdir()  # another one may be at work there


def _judged(
    release: Release,
    run: TrainingRun,
    lock: dict[str, Library],
    made: Reproduced,
    environment: _Environment,
    tolerance: str,
) -> Reproduction:
    libraries = compare_libraries(lock, read_lock(made.lock))
    python, now = run.machine.python, made.machine.python
    if python and python != now:
        libraries.insert(0, f"Python is {now}, it was {python}")
    hardware = _hardware(run, made)
    verdict = worst(made.steps)
    fresh = bool(environment.python)
    return Reproduction(
        release=release.version,
        candidate_digest=release.candidate.digest,
        verdict=verdict,
        passed=verdict in ("bit-equal", "within tolerance"),
        environment="different" if libraries else "rebuilt" if fresh else "identical",
        libraries=len(needed_libraries(lock)),
        differences=(*libraries, *hardware),
        cause=""
        if verdict == "bit-equal"
        else "library"
        if libraries
        else "hardware"
        if hardware
        else "training",
        tolerance=tolerance,
        steps=made.steps,
        metrics=made.metrics,
        machine=made.machine,
        durations_s=made.durations_s,
        findings=tuple(_findings(verdict, libraries, hardware, made, environment)),
        inputs={release.id: release.digest, run.id: run.digest},
    )


def _hardware(run: TrainingRun, made: Reproduced) -> list[str]:
    """What of the machine is another one; where the run says nothing, nothing is known."""
    pairs = [
        (name, getattr(run.machine, name), getattr(made.machine, name))
        for name in ("system", "processor", "cores", "accelerators")
    ]
    return [f"{name} is {now}, it was {then}" for name, then, now in pairs if then and then != now]


def _findings(
    verdict: str,
    libraries: list[str],
    hardware: list[str],
    made: Reproduced,
    environment: _Environment,
) -> Iterator[Finding]:
    if verdict == "different":
        first = next(step for step in made.steps if step.verdict == "different")
        because = (libraries or hardware or ["library, machine and data are the same"])[0]
        yield Finding(
            code="NBS031",
            severity="error",
            message=f"the {first.name} came out different: {first.reason}; {because}",
            hint="install what lock.txt names, on a machine like the run's"
            if libraries or hardware
            else "the training itself varies: pass the seed on to what draws at random, and let "
            "nothing depend on the clock or on threads",
        )
    if environment.refused:
        same = "differs from the lock" if libraries else "has the locked libraries, file by file"
        yield Finding(
            code="NBS032",
            severity="info" if not libraries else "warning",
            message=f"the environment was not rebuilt ({environment.refused}); this one {same}",
            hint="run it where pip reaches an index that serves the versions in lock.txt",
        )
    elif libraries:
        yield Finding(
            code="NBS033",
            severity="warning",
            message=f"the rebuilt environment is not the run's: {libraries[0]}",
            hint="the index gave other files for the same version: compare them with lock.txt",
        )
