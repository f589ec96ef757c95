"""Releases answering, each with a role, and every step of a rollout with its evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nbprod.records.plain import Json, Plain
from nbprod.records.record import Record

Role = Literal["champion", "canary", "shadow", "previous"]


@dataclass(frozen=True, kw_only=True)
class TrafficState(Plain):
    """Which release has which role, and which share of requests the canary gets."""

    revision: int = 0
    roles: dict[str, int] = field(default_factory=dict)  # role -> release version
    canary_fraction: float = 0.0  # [0, 1]
    shadows: tuple[int, ...] = ()  # releases that see the traffic and answer nobody
    experiment: Json = field(default_factory=dict)  # an A/B test's plan, fixed before it began
    paused: bool = False  # a person said so: no step forward; the guards stay armed


@dataclass(frozen=True, kw_only=True)
class RolloutStep(Plain):
    """One step of a deployment's history."""

    at: str
    action: str  # deploy | canary | promote | rollback | undeploy
    by: str
    traffic: TrafficState
    reason: str = ""
    duration_ms: float = 0.0  # from the call to its acknowledgement
    evidence: Json = field(default_factory=dict)  # what was observed, and each guard's verdict


@dataclass(frozen=True, kw_only=True)
class Deployment(Record):
    """A release answering on Ray Serve; in a rollout several at once, each with a role."""

    name: str
    url: str
    engine_id: str
    address: str  # of the Ray cluster
    status: Literal["running", "ended"] = "running"
    replicas: int = 0  # that hold the champion, when last looked at
    traffic: TrafficState = field(default_factory=TrafficState)
    history: tuple[RolloutStep, ...] = ()
    waiting_for: str = ""  # what the rollout's last look said, while a trial goes on


@dataclass(frozen=True, kw_only=True)
class RolloutDecision(Record):
    """What the rollout policy says now, on which evidence, and whether it was carried out."""

    deployment: str
    action: Literal["hold", "advance", "promote", "abort"]
    reason: str
    applied: bool = False
    traffic: TrafficState = field(default_factory=TrafficState)  # that it was decided on
    observed: dict[str, Json] = field(default_factory=dict)  # role -> counts in short
    checks: tuple[Json, ...] = ()  # each guard: its verdict, value, limit and reason
    experiment: Json = field(default_factory=dict)  # what an A/B test says now
