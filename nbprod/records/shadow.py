"""A shadow laid beside the champion on the same live rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from nbprod.records.plain import Json, Plain
from nbprod.records.record import Record


@dataclass(frozen=True, kw_only=True)
class FieldDifference(Plain):
    """One field of the output over all pairs; differences are shadow minus champion."""

    name: str
    agreement: float  # fraction of pairs, in [0, 1]
    mean_difference: float | None = None  # where the field is a number
    mean_distance: float | None = None
    max_distance: float | None = None


@dataclass(frozen=True, kw_only=True)
class SliceDifference(Plain):
    """The pairs with one value of one input column."""

    column: str
    value: str
    rows: int
    agreement: float


@dataclass(frozen=True, kw_only=True)
class ShadowExample(Plain):
    """One row on which shadow and champion differ."""

    champion_id: str
    shadow_id: str
    inputs: Json
    champion: Any
    shadow: Any
    distance: float | None = None


@dataclass(frozen=True, kw_only=True)
class ShadowReport(Record):
    """Agreement of a shadow with the champion on the same live rows."""

    release: str
    pairs: int  # rows that both answered
    unpaired: int  # live rows without an answer of the shadow: dropped, or it failed
    agreement: float | None  # fraction of pairs; None without any
    fields: tuple[FieldDifference, ...] = ()
    slices: tuple[SliceDifference, ...] = ()  # that agree least
    examples: tuple[ShadowExample, ...] = ()  # that differ most
    predictions: dict[str, dict[str, int]] = field(default_factory=dict)  # role -> bin -> count
    latency_ms: dict[str, dict[str, float]] = field(default_factory=dict)  # role -> quantiles
