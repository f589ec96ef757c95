"""The prediction log: what was answered, what came true, and one answer reconstructed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nbprod.records.extraction import Extraction
from nbprod.records.gates import GateResult
from nbprod.records.plain import Json, Plain, utc_now
from nbprod.records.record import Record
from nbprod.records.releases import Approval, Release
from nbprod.records.training import TrainingRun


@dataclass(frozen=True, kw_only=True)
class Prediction(Plain):
    """One record of the prediction log."""

    id: str
    at: str
    deployment: str
    release: str  # release version as text; "unreleased" from `nbprod serve`
    role: str
    request_id: str
    inputs: Json
    features: Json
    output: Any
    latency_ms: float
    degraded: bool = False
    module_version: str = ""
    key: Json = field(default_factory=dict)
    shadow_of: str = ""  # a shadow's: the id of the live prediction it was made beside
    routing_key: str = ""  # what placed it in a rollout, where that is not its own key


@dataclass(frozen=True, kw_only=True)
class Outcome(Plain):
    """The ground truth of one prediction, by its id or by the contract's key."""

    outcome: Any
    name: str
    prediction_id: str = ""
    key: Json = field(default_factory=dict)
    observed_at: str = ""
    received_at: str = field(default_factory=utc_now)

    @property
    def countable(self) -> bool:
        """Whether a regression can be judged by it: a number, or not known; no truth value."""
        value = self.outcome
        return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


@dataclass(frozen=True, kw_only=True)
class OutcomeReceipt(Plain):
    """What became of the outcomes that were posted."""

    accepted: int
    duplicates: int = 0
    unknown: tuple[str, ...] = ()  # prediction ids that are not in the log


@dataclass(frozen=True, kw_only=True)
class Explanation(Record):
    """One prediction reconstructed completely: `nbprod why`."""

    prediction: Prediction
    outcome: Outcome | None = None
    release: Release | None = None
    run: TrainingRun | None = None
    gate: GateResult | None = None
    extraction: Extraction | None = None
    approvals: tuple[Approval, ...] = ()
