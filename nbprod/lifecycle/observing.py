"""What is made of one answer and its outcome: the bin it is counted in, and its scores."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.records import Json
    from nbprod.rollout import Observed

_BINS = 10
_MOST_ANSWERS = 5000  # different ones that are counted one by one
_MOST_CATEGORIES = 1000
_OTHER, _NONE = "other answers", "no answer"


class Answers:
    """How often each answer was given, by role, in the champion's own deciles or by value.

    Up to 5,000 different answers are counted one by one and the deciles follow the champion; with
    more they stay as they are then, and only bins are counted: what is held does not grow.
    """

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Any]] = {}
        self._bins: Bins | None = None  # once they are fixed
        self._different = 0

    def add(self, role: str, answer: Any) -> None:
        """Count one answer."""
        counts = self._counts.setdefault(role, Counter())
        place: Any = answer if self._bins is None else self._bins.place(answer)
        self._different += place not in counts
        counts[place] += 1
        if self._bins is None and self._different > _MOST_ANSWERS:
            self._bins = self._present()
            self._counts = self._binned(self._bins)

    def outputs(self) -> dict[str, dict[str, int]]:
        """By role, bin or category -> count."""
        counts = self._counts if self._bins is not None else self._binned(self._present())
        return {role: dict(found) for role, found in counts.items()}

    def _present(self) -> Bins:
        champion = self._counts.get("champion") or sum(self._counts.values(), Counter())
        return Bins.of(champion)

    def _binned(self, bins: Bins) -> dict[str, Counter[Any]]:
        binned: dict[str, Counter[Any]] = {}
        for role, found in self._counts.items():
            counts = binned[role] = Counter()
            for answer, count in found.items():
                counts[bins.place(answer)] += count
        return binned


@dataclass(frozen=True)
class Bins:
    """Where an answer is counted: between edges, or under its own name."""

    edges: tuple[float, ...] | None
    categories: frozenset[str] | None = None  # None: any

    @classmethod
    def of(cls, counts: Counter[Any]) -> Bins:
        """Deciles of numeric answers with many values; otherwise each value is its own bin."""
        values = [answer for answer in counts if answer is not None]
        if len(values) <= _BINS or not all(map(_is_number, values)):
            if len(counts) <= _MOST_CATEGORIES:
                return cls(None)
            named = (str(answer) for answer, _ in counts.most_common(_MOST_CATEGORIES))
            return cls(None, frozenset(named))
        values.sort()
        reached = list(accumulate(counts[value] for value in values))
        edges = set()
        for tenth in range(1, _BINS):
            place = bisect_left(reached, reached[-1] * tenth / _BINS)
            edges.add((values[place] + values[min(place + 1, len(values) - 1)]) / 2)
        return cls(tuple(sorted(edges)))

    def place(self, answer: Any) -> str:
        """The name of an answer's bin."""
        if answer is None:
            return _NONE
        if self.edges is not None and _is_number(answer):
            return str(bisect_right(self.edges, answer))
        named = str(answer)
        return named if self.categories is None or named in self.categories else _OTHER


def answer_of(output: Any) -> Any:
    """An output or outcome as one value: the first field of several, a number, text or None."""
    value = next(iter(output.values()), None) if isinstance(output, dict) else output
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int) and abs(value) >= 1 << 63:  # the database's numbers end there
        return float(value)
    return value if value is None or isinstance(value, int | float | str) else str(value)


def number(value: Any) -> float | None:
    """A business outcome as a number; None where it is none."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return None
    return found if math.isfinite(found) else None


def scores_of(answer: Any, truth: Any, task: str) -> dict[str, float]:
    """The per-row scores of one prediction; their means are the usual metrics."""
    numbers = _is_number(answer) and _is_number(truth)
    if task == "regression":
        if not numbers:
            return {}
        return {"mae": abs(answer - truth), "mse": (answer - truth) ** 2, "outcome": float(truth)}
    if numbers and truth in (0, 1) and 0 <= answer <= 1:
        likely = min(max(answer if truth else 1 - answer, 1e-15), 1.0)
        return {
            "accuracy": float((answer >= 0.5) == bool(truth)),
            "brier": float((answer - truth) ** 2),
            "log_loss": -math.log(likely),
            "outcome": float(truth),
        }
    return {"accuracy": float(str(answer) == str(truth))}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value == value


def in_short(observed: Mapping[str, Observed]) -> dict[str, Json]:
    """The observations as evidence for the history."""
    return {role: one.to_json() for role, one in observed.items()}
