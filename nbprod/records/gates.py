"""Validation notebooks, thresholds and parity judged together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nbprod.records.parity import ParityReport
from nbprod.records.plain import Plain
from nbprod.records.record import Judgement

Verdict = Literal["passed", "failed", "inconclusive"]


@dataclass(frozen=True, kw_only=True)
class GateCheck(Plain):
    """One check of a gate notebook, with the sabotage that must fail it."""

    name: str
    value: float
    threshold: str  # ">= 0.70"
    verdict: Verdict
    slice: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    low: float | None = None  # confidence interval of the value
    high: float | None = None
    rows_needed: int = 0  # more rows that an inconclusive check needs
    notebook: str = ""
    sabotage: str = ""  # the damage that must fail this check
    sabotage_caught: bool | None = None  # None: not tried
    tests: int = 1  # slices judged together; the interval is corrected for their number


@dataclass(frozen=True, kw_only=True)
class GateResult(Judgement):
    """Validation notebooks, thresholds and parity judged together, for one exact digest."""

    candidate_digest: str
    verdict: Verdict
    gate_digest: str  # over the notebooks, thresholds and data that judged
    data_digest: str
    baseline_digest: str = ""
    checks: tuple[GateCheck, ...] = ()
    parity: ParityReport | None = None
    notebooks: dict[str, str] = field(default_factory=dict)  # notebook -> executed copy
    snapshot_digest: str = ""  # of the data the candidate was trained from
    files: dict[str, str] = field(default_factory=dict)  # evidence in its folder -> SHA-256
    previous: str = ""  # "id digest" of the verdict before this one: no verdict can be taken away
    durations_s: dict[str, float] = field(default_factory=dict)  # notebooks, sabotage
