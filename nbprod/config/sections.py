"""The settings as frozen dataclasses, a class for each section of ``nbprod.toml``.

A table whose keys are known is a TypedDict: a misspelt key is refused. One that is total keeps
the default of every key that is not given.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from nbprod.config.values import section_of

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Model:
    """Which model this is and who answers for it."""

    name: str = ""
    owner: str = ""
    decision: str = ""
    outcome: str = ""
    task: Literal["classification", "regression", "ranking"] = "classification"
    allow_pickle: tuple[str, ...] = ()  # model types that may be pickled: loading them runs code
    risk: Literal["high", "low"] = "low"


@dataclass(frozen=True)
class Envelope:
    """What is promised of the service, written before anything is deployed."""

    patterns: tuple[str, ...] = ("online",)
    p99_ms: float = 100.0
    peak_rps: float = 10.0
    memory_mb: float = 2048.0  # of one process that holds the model
    cold_start_s: float = 60.0  # from its start to its first answer
    freshness: str = "1d"
    on_unavailable: Literal["fallback", "previous", "precomputed", "error"] = "error"
    fallback: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Notebooks:
    """The training notebook and the validation notebooks, relative to the project."""

    train: str = ""
    gates: tuple[str, ...] = ("nbprod:performance",)  # patterns, or nbprod's own by name


@dataclass(frozen=True)
class Module:
    """The generated package."""

    package: str = ""  # default: [model] name with underscores


class Holdout(TypedDict, total=False):
    """The rows that training never sees: one of the two."""

    last: str  # a duration, before the latest time
    fraction: float  # of the rows


@dataclass(frozen=True)
class Data:
    """Where the rows are and what their columns mean."""

    train: str = ""
    query: str = ""  # what to ask, where train is a database's URL
    key: tuple[str, ...] = ()
    time: str = ""
    label: str = ""
    known_after: tuple[str, ...] = ()
    holdout: Holdout = field(default_factory=lambda: Holdout(fraction=0.2))
    snapshot: Literal["reference", "copy"] = "reference"


@dataclass(frozen=True)
class Parity:
    """How far two paths may be apart, per column, and how long one relation may take."""

    # The noise of adding up in another order; why 64 stands in data/comparison.py.
    tolerance: dict[str, str] = field(default_factory=lambda: {"*": "ulp:64"})
    limit: str = "2m"


class Baseline(TypedDict, total=False):
    """The model that a candidate must not fall behind."""

    alias: str  # in the registry
    max_regression: float  # of the primary measure


@dataclass(frozen=True)
class Gate:
    """What a candidate must reach."""

    data: str = "holdout"
    primary: str = ""
    thresholds: dict[str, str] = field(default_factory=dict)
    baseline: Baseline = field(default_factory=Baseline)
    confidence: float = 0.95
    min_slice: int = 200
    approvers: tuple[str, ...] = ()
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)  # by notebook's name
    timeout: str = "30m"  # of one notebook
    memory_mb: float = 0.0  # of one notebook's kernel; 0: what the machine has free


class ReplicaRange(TypedDict, total=False):
    """How many processes answer, as the load asks for."""

    min: int
    max: int
    target: float  # requests under way in one replica, which the engine aims at


class Batch(TypedDict, total=False):
    """How requests are computed together."""

    max_rows: int  # 1 switches it off
    max_queued: int  # requests that wait; more are answered 503


class Log(TypedDict, total=False):
    """The prediction log."""

    durability: Literal["process", "fsync", "none"]
    redact: tuple[str, ...]  # columns whose values are written nowhere
    on_failure: Literal["answer", "refuse"]  # when a prediction cannot be logged
    requests: Literal["all", "failed", "none"]  # which requests have a line in the request log
    url: str  # postgresql://…: where replicas run on several machines; the password in PGPASSWORD
    keep: str  # for how long records are kept, "90d"; for ever without it


class Auth(TypedDict, total=False):
    """Who may call."""

    tokens_env: str  # the environment variable that holds the tokens


@dataclass(frozen=True)
class Serving:
    """How a release answers."""

    host: str = "127.0.0.1"
    port: int = 8000
    address: str = "local"
    timeout_ms: float = 1000.0
    replicas: int | ReplicaRange = 1
    gpus: float = 0.0
    device: str = "auto"  # of a torch model: auto, cpu, cuda, cuda:1
    autocast: Literal["off", "bfloat16", "float16"] = "off"  # narrower numbers for torch's products
    compile: bool = False  # a torch model into code for its device, when a replica loads
    batch: Batch = field(default_factory=lambda: Batch(max_rows=1024))
    log: Log = field(default_factory=Log)
    auth: Auth = field(default_factory=lambda: Auth(tokens_env="NBPROD_TOKENS"))
    hosts: tuple[str, ...] = ()  # names beside localhost, for callers without tokens


class Shadow(TypedDict):
    """A release that answers beside the champion, unseen."""

    min_requests: int


class Canary(TypedDict):
    """A release that answers a growing share of the traffic."""

    steps: tuple[float, ...]  # percent
    min_requests: int  # in each step
    hold_s: float  # in each step, at least
    promotion: str  # after the last step: "automatic", or "by hand"


class AbTest(TypedDict):
    """An A/B experiment: what is fixed before its first request."""

    outcome: str  # the name under which outcomes are posted; [model] outcome by default
    percent: float  # of the keys that get the new release
    higher_is_better: bool
    alpha: float  # the risk, over all looks, of seeing a difference where there is none
    max_rows: int  # labelled rows after which it ends in any case


@dataclass(frozen=True)
class Rollout:
    """How a release comes to its users."""

    shadow: Shadow = field(default_factory=lambda: Shadow(min_requests=500))
    canary: Canary = field(
        default_factory=lambda: Canary(
            steps=(10.0, 50.0, 100.0), min_requests=300, hold_s=60.0, promotion="automatic"
        )
    )
    ab: AbTest = field(
        default_factory=lambda: AbTest(
            outcome="", percent=50.0, higher_is_better=True, alpha=0.05, max_rows=20_000
        )
    )
    guard: dict[str, str] = field(
        default_factory=lambda: {
            "error_rate": "<= champion + 0.01",
            "fallback_rate": "<= champion + 0.01",
            "p99_ms": "<= champion * 2",
        }
    )


@dataclass(frozen=True)
class Monitor:
    """What is watched, over which window, and who is told."""

    window: str = "1h"
    label_delay: str = "1d"
    drift: dict[str, float] = field(default_factory=lambda: {"*": 0.2})
    alerts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Retrain:
    """When to train again."""

    schedule: str = ""
    on_drift: bool = False
    on_metric: str = ""
    on_labels: int = 0
    cooldown: str = "24h"
    holdout: float = 0.0


@dataclass(frozen=True)
class Store:
    """Where records and runs live."""

    url: str = ".nbprod"
    tracking_uri: str = "sqlite:///.nbprod/mlflow.db"
    signing_key: str = ""  # a private Ed25519 key in PEM form, or its path: releases are signed
    trusted_keys: tuple[str, ...] = ()  # public keys; with any, a release must be signed by one


@dataclass(frozen=True)
class Settings:
    """Every value of one project; ``origins`` says where each one came from."""

    project_path: str
    model: Model = field(default_factory=Model)
    envelope: Envelope = field(default_factory=Envelope)
    notebooks: Notebooks = field(default_factory=Notebooks)
    module: Module = field(default_factory=Module)
    data: Data = field(default_factory=Data)
    parity: Parity = field(default_factory=Parity)
    gate: Gate = field(default_factory=Gate)
    serving: Serving = field(default_factory=Serving)
    rollout: Rollout = field(default_factory=Rollout)
    monitor: Monitor = field(default_factory=Monitor)
    retrain: Retrain = field(default_factory=Retrain)
    store: Store = field(default_factory=Store)
    origins: dict[str, str] = field(default_factory=dict)  # "serving.port" -> "file:12"

    def path(self, relative: str | Path) -> Path:
        """An absolute path for one written relative to the project folder."""
        return Path(self.project_path, relative)

    @property
    def package(self) -> str:
        """The name of the generated package."""
        return self.module.package or re.sub(r"\W+", "_", self.model.name).strip("_").lower()

    @property
    def package_path(self) -> Path:
        """The folder of the generated package."""
        return self.path(self.package)

    @property
    def store_path(self) -> Path:
        """The folder that holds records and artifacts."""
        return self.path(self.store.url)

    @property
    def tracking_uri(self) -> str:
        """The MLflow tracking URI; a relative SQLite path is made absolute in the project."""
        uri = self.store.tracking_uri
        if uri.startswith("sqlite:///") and not uri.startswith("sqlite:////"):
            return f"sqlite:///{self.path(uri.removeprefix('sqlite:///'))}"
        return uri

    @property
    def not_inputs(self) -> frozenset[str]:
        """Columns a prediction must never read: the label and what is known only after."""
        return frozenset({*self.data.known_after, self.data.label} - {""})

    @property
    def redacted(self) -> tuple[str, ...]:
        """Columns whose values stay out of logs, profiles, reports and releases."""
        return tuple(self.serving.log.get("redact", ()))

    def to_json(self) -> dict[str, Any]:
        """The settings as plain data, for a child process."""
        plain: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(self)))
        return plain

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Settings:
        """The settings again from plain data."""
        sections = {
            name: section_of(kind, data[name], partial("{}.{}".format, name))
            for name, kind in SECTIONS.items()
        }
        return cls(project_path=data["project_path"], origins=dict(data["origins"]), **sections)


SECTIONS: dict[str, type] = {
    "model": Model,
    "envelope": Envelope,
    "notebooks": Notebooks,
    "module": Module,
    "data": Data,
    "parity": Parity,
    "gate": Gate,
    "serving": Serving,
    "rollout": Rollout,
    "monitor": Monitor,
    "retrain": Retrain,
    "store": Store,
}
