"""What one role did since a step began: counts that add up over replicas and looks."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nbprod.rollout.intervals import Moments

_BUCKETS_PER_E = 20  # a bucket is 5 % wide
_LEAST_MS = 0.01


@dataclass(frozen=True)
class Latencies:
    """Latencies in buckets 5 % wide: bucket number -> count."""

    buckets: Mapping[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, values_ms: Mapping[float, int] | list[float]) -> Latencies:
        """The buckets of single latencies, in milliseconds."""
        buckets: dict[int, int] = {}
        counted = (
            values_ms.items() if isinstance(values_ms, Mapping) else ((v, 1) for v in values_ms)
        )
        for value, count in counted:
            place = bucket(value)
            buckets[place] = buckets.get(place, 0) + count
        return cls(buckets)

    @property
    def count(self) -> int:
        """How many were measured."""
        return sum(self.buckets.values())

    def above(self, limit_ms: float) -> int:
        """How many took longer than a limit; those in the limit's own bucket did not."""
        edge = bucket(limit_ms)
        return sum(count for place, count in self.buckets.items() if place > edge)

    def quantile_ms(self, q: float) -> float | None:
        """The upper edge of the bucket that holds the quantile; None without any."""
        rank = math.ceil(q * self.count)
        seen = 0
        for place in sorted(self.buckets):
            seen += self.buckets[place]
            if seen >= rank:
                return upper_edge_ms(place)
        return None

    def __add__(self, other: Latencies) -> Latencies:
        places = {**self.buckets}
        for place, count in other.buckets.items():
            places[place] = places.get(place, 0) + count
        return Latencies(places)


def bucket(value_ms: float) -> int:
    """The number of the bucket of a latency."""
    return math.ceil(_BUCKETS_PER_E * math.log(max(value_ms, _LEAST_MS)) - 1e-9)


def upper_edge_ms(place: int) -> float:
    """The longest latency of a bucket."""
    return math.exp(place / _BUCKETS_PER_E)


@dataclass(frozen=True)
class Observed:
    """What one role did since the present step began.

    requests: answered or failed; errors: those that failed; fallbacks: predictions that the
    envelope's fallback stood in for. outputs: predictions by bin or category. mismatches: of
    ``compared`` predictions, those whose features another computation did not confirm. scores:
    per-row scores by name (``brier``, ``accuracy``, a business outcome), as outcomes arrive.
    """

    requests: int = 0
    errors: int = 0
    fallbacks: int = 0
    latencies: Latencies = field(default_factory=Latencies)
    outputs: Mapping[str, int] = field(default_factory=dict)
    compared: int = 0
    mismatches: int = 0
    scores: Mapping[str, Moments] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The counts in short, as evidence for a step of the history."""
        shown: dict[str, Any] = {
            "requests": self.requests,
            "errors": self.errors,
            "fallbacks": self.fallbacks,
        }
        for q in (0.5, 0.99):
            if (value := self.latencies.quantile_ms(q)) is not None:
                shown[f"p{q * 100:g}_ms"] = round(value, 3)
        for name, moments in self.scores.items():
            shown[name] = {"rows": moments.count, "mean": round(moments.mean, 6)}
        return shown
