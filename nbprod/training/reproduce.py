"""``reproduce``: a release's run done again from the same data, and compared value by value."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import Settings
from nbprod.data.comparison import Difference, compare
from nbprod.data.snapshots import changed_since, frame_digest, source_hashes
from nbprod.errors import DataError, NbprodError
from nbprod.masking import MASKED, mask
from nbprod.predictor import LoadedModule, Predictor, load_package
from nbprod.predictor.fingerprint import fingerprint
from nbprod.records import Machine, Progress, ReproducedStep, Sameness, Snapshot, TrainingRun
from nbprod.training.artifacts import PREDICTIONS, SNAPSHOT
from nbprod.training.environment import this_machine
from nbprod.training.fitting import Fitted, fit_model
from nbprod.training.libraries import library_lock
from nbprod.training.preparation import Prepared, prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

# What another processor's order of summation may change; more is another result.
TOLERANCE = "rel:1e-6"
_ORDER: tuple[Sameness, ...] = ("not compared", "bit-equal", "within tolerance", "different")


@dataclass(frozen=True)
class Reproduced:
    """What came of a run done again, for the record and for the cause of a difference."""

    steps: tuple[ReproducedStep, ...]
    metrics: dict[str, float]
    machine: Machine
    lock: str  # of the environment it ran in
    durations_s: dict[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The result as plain data, for the parent process."""
        return {
            "steps": [step.to_json() for step in self.steps],
            "metrics": self.metrics,
            "machine": self.machine.to_json(),
            "lock": self.lock,
            "durations_s": self.durations_s,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Reproduced:
        """The result again from plain data."""
        return cls(
            steps=tuple(map(ReproducedStep.from_json, data["steps"])),
            metrics={name: float(value) for name, value in data["metrics"].items()},
            machine=Machine.from_json(data["machine"]),
            lock=data["lock"],
            durations_s=data["durations_s"],
        )


def reproduce(
    settings: Settings,
    run: TrainingRun,
    *,
    release: Path,
    kept: Path | None,
    tolerance: str = TOLERANCE,
    progress: Progress | None = None,
) -> Reproduced:
    """Trains the release's module again as its run did, and compares what the run left.

    settings: the project's now; what decided the training comes from the run. release: its
    folder, verified. kept: the run's ``data/``, where this machine still has it. Writes nothing.
    Raises DataError naming the data that is not what the run read, before anything is trained.
    """
    then = settings_of(settings, run)
    original = Predictor.load(release)
    package = load_package(original.bundle.module_path, original.bundle.module_version)
    data = _Data(then, run.snapshot, kept)
    data.check_sources(run)
    prepared = prepare(
        package,
        then,
        {name: value for name, value in run.parameters.items() if value != MASKED},
        contract=original.contract,
        seed=run.seed,
        trains=True,
        read=data.read,
        progress=progress,
    )
    (progress or _silent)(f"training on {len(prepared.train):,} rows", 0.5)
    fitted = fit_model(package, then, original.contract, prepared)
    (progress or _silent)("comparing", 0.9)
    compared = _Comparing(original, kept, tolerance)
    steps = (data.step(), *compared.steps(prepared, fitted), _metrics(run, fitted, tolerance))
    return Reproduced(
        steps, fitted.metrics, this_machine(), _lock(package), dict(prepared.durations_s)
    )


def worst(steps: tuple[ReproducedStep, ...]) -> Sameness:
    """The verdict over all steps: the worst of those that were compared."""
    return max((step.verdict for step in steps), key=_ORDER.index, default="not compared")


def settings_of(settings: Settings, run: TrainingRun) -> Settings:
    """The project's settings with what nbprod.toml said of the training when the run was made.

    What was masked then, such as a password in a URL, is taken from the project as it is now.
    """
    plain = settings.to_json()
    for section, values in run.settings.items():
        for name, value in values.items():
            hidden = MASKED in str(value) and mask(str(plain[section].get(name))) == value
            plain[section][name] = plain[section].get(name) if hidden else value
    return Settings.from_json(plain)


def _silent(_message: str, _fraction: float | None = None) -> None:
    """The progress of somebody who does not want to see any."""


def _lock(package: LoadedModule) -> str:
    told: dict[str, list[str]] = package.manifest.get("requirements", {})
    return library_lock([name for names in told.values() for name in names])


# ---------------------------------------------------------------- the data


class _Data:
    """The rows of the snapshot: as the reference gives them now, or from the run's own copy."""

    def __init__(self, settings: Settings, snapshot: Snapshot, kept: Path | None) -> None:
        self.settings = settings
        self.snapshot = snapshot
        self.copy = kept / SNAPSHOT if kept and (kept / SNAPSHOT).is_file() else None
        self.changed: list[str] = []

    def check_sources(self, run: TrainingRun) -> None:
        """Refuses files that the run named and that are not what they were.

        A file the rows come from is judged by its values, not by its bytes; and where the run
        kept a copy of the rows, a changed file is only noted.
        """
        named = {**run.parameters, "[data] train": self.settings.data.train}
        now = source_hashes(named, Path(self.settings.project_path))
        for path, digest in self.snapshot.sources.items():
            if now.get(path) == digest or (path in now and self._is_the_frame(path)):
                continue
            what = "has other content" if path in now else "is gone"
            self.changed.append(f"{path} {what}")
        if self.changed and self.copy is None:
            raise DataError(
                f"{self.changed[0]}: it is not the data that the release was trained on",
                hint="restore it, and reproduce again; the run's snapshot names its SHA-256",
                changed=self.changed,
            )

    def _is_the_frame(self, path: str) -> bool:
        """Whether a file is the one the frame comes from: then its values decide, not its bytes."""
        from nbprod.data.sources import load_frame

        try:
            frame = load_frame(path, base=self.settings.project_path)
        except NbprodError:
            return False
        return frame_digest(frame) == self.snapshot.digest

    def read(self, load: Callable[[], pd.DataFrame]) -> pd.DataFrame:
        """The frame, where it is the snapshot's; the copy where there is one; else DataError."""
        try:
            frame = load()
            changed = changed_since(self.snapshot, frame)
        except NbprodError as error:
            if self.copy is None:
                raise
            changed = error.message
        if not changed:
            return frame
        if self.copy is not None:
            import pandas as pd

            self.changed.append(f"{self.snapshot.uri}: {changed}")
            copied = pd.read_parquet(self.copy)
            if frame_digest(copied) == self.snapshot.digest:
                return copied
        query = self.snapshot.query
        unordered = query and "order by" not in query.lower()
        raise DataError(
            f"{self.snapshot.uri} is not the data that the release was trained on: {changed}",
            hint="its query has no ORDER BY, so that its rows come in any order"
            if unordered
            else 'restore it; `[data] snapshot = "copy"` keeps the rows of runs to come',
            source=self.snapshot.uri,
        )

    def step(self) -> ReproducedStep:
        """What is said of the data once it has been found to be the same."""
        where = f"from {self.snapshot.uri}"
        if self.changed:
            where = f"from the run's own copy; {'; '.join(self.changed)}"
        return ReproducedStep(name="data", verdict="bit-equal", reason=where)


# ---------------------------------------------------------------- what was made of it


class _Comparing:
    """What the run made, read from what it left, beside what was made now."""

    def __init__(self, original: Predictor, kept: Path | None, tolerance: str) -> None:
        self.original = original
        self.kept = kept
        self.tolerance = tolerance

    def steps(self, prepared: Prepared, fitted: Fitted) -> tuple[ReproducedStep, ...]:
        """Rows held out, state, features, model, predictions, in the order of the road."""
        return (
            self._holdout(prepared),
            self._same("state", self.original.state, prepared.state),
            self._features(prepared, fitted),
            self._same("model", self.original.model, fitted.model),
            self._predictions(prepared, fitted),
        )

    def _holdout(self, prepared: Prepared) -> ReproducedStep:
        then = self._read("holdout.parquet")
        if then is None:
            return _not_compared("holdout")
        if frame_digest(then) == frame_digest(prepared.holdout):
            return ReproducedStep(name="holdout", verdict="bit-equal")
        reason = f"{len(prepared.holdout):,} rows held out, {len(then):,} then"
        return ReproducedStep(name="holdout", verdict="different", reason=reason)

    def _features(self, prepared: Prepared, fitted: Fitted) -> ReproducedStep:
        then = self._read("sample_features.parquet")
        if then is None:
            return _not_compared("features")
        if not then.index.isin(fitted.fed.index).all():
            reason = "other rows were trained on"
            return ReproducedStep(name="features", verdict="different", reason=reason)
        return compared_frames("features", then, fitted.fed.loc[then.index], self.tolerance)

    def _predictions(self, prepared: Prepared, fitted: Fitted) -> ReproducedStep:
        then = self._read(PREDICTIONS)
        note = ""
        if then is None:  # another machine: the released model answers the same rows here
            then = self.original.predict(prepared.holdout)
            note = "the released model's, computed here"
        step = compared_frames("predictions", then, fitted.outputs, self.tolerance)
        if step.verdict == "different" or not note:
            return step
        return ReproducedStep(
            name=step.name, verdict=step.verdict, distance=step.distance, reason=note
        )

    def _same(self, name: str, then: Any, now: Any) -> ReproducedStep:
        """State and model by content; what differs there is judged by what comes out of it."""
        try:
            same = fingerprint(then) == fingerprint(now)
        except TypeError as error:
            return ReproducedStep(name=name, verdict="not compared", reason=str(error))
        if same:
            return ReproducedStep(name=name, verdict="bit-equal")
        reason = "its content differs; judged by the predictions"
        return ReproducedStep(name=name, verdict="not compared", reason=reason)

    def _read(self, name: str) -> pd.DataFrame | None:
        if self.kept is None or not (self.kept / name).is_file():
            return None
        import pandas as pd

        return pd.read_parquet(self.kept / name)


def _not_compared(name: str) -> ReproducedStep:
    reason = "the run's own rows are not on this machine"
    return ReproducedStep(name=name, verdict="not compared", reason=reason)


def compared_frames(
    name: str, then: pd.DataFrame, now: pd.DataFrame, tolerance: str
) -> ReproducedStep:
    """Two frames as a step: bit-equal, within the tolerance, or different and where first."""
    exact = compare(then, now)
    if not exact.differences:
        return ReproducedStep(name=name, verdict="bit-equal")
    near = compare(then, now, {"*": tolerance})
    distance = max((item.max_distance for item in near.distances), default=0.0)
    if not near.differences:
        return ReproducedStep(name=name, verdict="within tolerance", distance=distance)
    return ReproducedStep(
        name=name, verdict="different", distance=distance, reason=_told(near.differences[0])
    )


def _told(first: Difference) -> str:
    if first.kind == "rows":
        return f"{first.actual} rows, {first.expected} then"
    if first.row < 0:
        return f"column {first.column}: {first.kind}: {first.actual}, {first.expected} then"
    return (
        f"column {first.column}, row {first.row}: {first.actual}, {first.expected} then; "
        f"{first.rows:,} rows differ"
    )


def _metrics(run: TrainingRun, fitted: Fitted, tolerance: str) -> ReproducedStep:
    import pandas as pd

    names = sorted({*run.metrics, *fitted.metrics})
    if not names:
        return ReproducedStep(name="metrics", verdict="not compared", reason="the run has none")
    then, now = (
        pd.DataFrame({name: [values.get(name, math.nan)] for name in names}, dtype="float64")
        for values in (run.metrics, fitted.metrics)
    )
    return compared_frames("metrics", then, now, tolerance)
