"""Proof, or disproof, that training and serving compute the same features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from nbprod.records.plain import Plain
from nbprod.records.record import Judgement


@dataclass(frozen=True, kw_only=True)
class ColumnDistance(Plain):
    """How far two paths were apart in one column, and how far they may be."""

    column: str
    tolerance: str  # exact | abs:x | rel:x | ulp:n
    max_distance: float
    rows: int


@dataclass(frozen=True, kw_only=True)
class RelationResult(Plain):
    """One relation tried between the paths; ``checked`` is false when it could not be tried."""

    name: str  # batch, order, repeat, mutation, wire, columns, environment, edge, state, leakage
    passed: bool
    checked: bool = True
    rows: int = 0
    duration_s: float = 0.0
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class ParityReport(Judgement):
    """Proof, or disproof, that training and serving compute the same features."""

    scope: Literal["module", "candidate", "deployed"]
    subject: str  # module version, candidate digest or release version
    rows: int
    relations: tuple[RelationResult, ...] = ()
    distances: tuple[ColumnDistance, ...] = ()
    asked: str = ""  # digest of what was asked: settings, libraries; the same is not asked twice
