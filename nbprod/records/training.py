"""One reproducible run: what it read, what it made, and the same done again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nbprod.records.plain import Json, Plain
from nbprod.records.record import Judgement, Record


@dataclass(frozen=True, kw_only=True)
class Snapshot(Plain):
    """An immutable reference to the data a run read."""

    uri: str
    digest: str  # over every value of every row and column
    rows: int
    columns: tuple[str, ...]
    dtypes: dict[str, str] = field(default_factory=dict)  # column -> what it holds
    time_column: str = ""
    time_start: str = ""
    time_end: str = ""
    query: str = ""  # of a database
    sources: dict[str, str] = field(default_factory=dict)  # file the run names -> SHA-256


@dataclass(frozen=True, kw_only=True)
class Machine(Plain):
    """What a run ran on."""

    python: str = ""
    system: str = ""
    processor: str = ""
    cores: int = 0
    memory_bytes: int = 0
    accelerators: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Candidate(Plain):
    """What a run made; ``digest`` covers every file of its bundle."""

    name: str  # [model] name
    number: int  # MLflow model version N
    digest: str
    module_version: str
    contract_digest: str


Sameness = Literal["bit-equal", "within tolerance", "different", "not compared"]


@dataclass(frozen=True, kw_only=True)
class ReproducedStep(Plain):
    """One thing that a run made, beside what the same run made again."""

    name: str  # data | holdout | features | state | model | predictions | metrics
    verdict: Sameness
    distance: float = 0.0  # the largest, in the measure of the tolerance
    reason: str = ""  # the first difference, or why it was not compared


@dataclass(frozen=True, kw_only=True)
class TrainingRun(Record):
    """One reproducible training in a fresh process."""

    mlflow_run_id: str
    candidate: Candidate
    snapshot: Snapshot
    parameters: Json = field(default_factory=dict)
    seed: int = 0
    metrics: dict[str, float] = field(default_factory=dict)
    train_rows: int = 0
    holdout_rows: int = 0
    git_commit: str = ""
    git_dirty: bool = False
    lock_digest: str = ""
    artifacts: dict[str, str] = field(default_factory=dict)  # path under the run -> SHA-256
    durations_s: dict[str, float] = field(default_factory=dict)
    settings: Json = field(default_factory=dict)  # section -> what nbprod.toml said of the training
    machine: Machine = field(default_factory=Machine)
    trained_by: str = ""
    notebook: tuple[ReproducedStep, ...] = ()  # its values beside the module's: train --notebook


@dataclass(frozen=True, kw_only=True)
class Reproduction(Judgement):
    """A release's run done again, compared value by value; passed unless it is different."""

    release: int
    candidate_digest: str
    verdict: Sameness
    # rebuilt from the lock in a fresh place | the present one, identical to the lock | different
    environment: Literal["rebuilt", "identical", "different"]
    libraries: int = 0  # of the lock that the run can reach
    differences: tuple[str, ...] = ()  # of the environment: libraries, Python, machine
    cause: str = ""  # what differs first: library | hardware | training; "" when nothing does
    tolerance: str = ""
    steps: tuple[ReproducedStep, ...] = ()
    metrics: dict[str, float] = field(default_factory=dict)  # as they came out this time
    machine: Machine = field(default_factory=Machine)
    durations_s: dict[str, float] = field(default_factory=dict)
