"""One measured value against its threshold: passed, failed, or not enough rows to tell."""

from __future__ import annotations

import math
import operator
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from nbprod.errors import ConfigError
from nbprod.gates.rules import finding
from nbprod.gates.slices import POOLED
from nbprod.records import Finding, GateCheck, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbprod.config import Settings

_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
    "==": operator.eq,
}
_THRESHOLD = re.compile(r"^\s*(>=|<=|==|>|<)\s*(-?\d+(?:\.\d+)?(?:e[+-]?\d+)?)\s*$")
# Beyond it "more rows" is no advice: the value sits on its threshold.
_MOST_ROWS = 10**9


@dataclass(frozen=True)
class Threshold:
    """A bound such as ``>= 0.70``."""

    operator: str
    limit: float
    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The threshold a text such as ``">= 0.70"`` means; ConfigError for any other text."""
        match = _THRESHOLD.match(text)
        if not match:
            raise ConfigError(
                f"{text!r} is not a threshold", hint='write a comparison, such as ">= 0.70"'
            )
        return cls(match[1], float(match[2]), text.strip())

    def met_by(self, value: float) -> bool:
        """Whether a value meets it; NaN and infinities never do."""
        return math.isfinite(value) and _COMPARE[self.operator](value, self.limit)

    def worst(self, low: float, high: float) -> float:
        """The pessimistic end of an interval."""
        if self.operator == "==":
            return max((low, high), key=lambda end: abs(end - self.limit))
        return low if self.operator.startswith(">") else high

    def best(self, low: float, high: float) -> float:
        """The optimistic end of an interval."""
        if self.operator == "==":
            return min(max(self.limit, low), high)
        return high if self.operator.startswith(">") else low

    def stricter_than(self, other: Threshold) -> bool:
        """Whether every value that meets this one meets the other, and not the reverse."""
        if self.operator[0] != other.operator[0] or "==" in (self.operator, other.operator):
            return False
        if self.limit == other.limit:
            return len(self.operator) < len(other.operator)  # "> x" is stricter than ">= x"
        return (self.limit > other.limit) == (self.operator[0] == ">")


@dataclass(frozen=True)
class Measurement:
    """What a notebook recorded: a value, and what it says about it."""

    name: str
    value: float
    threshold: str = ""
    slice: dict[str, str] = field(default_factory=dict)
    rows: int = 0
    low: float | None = None
    high: float | None = None
    sabotage: str = "shuffled_labels"
    notebook: str = ""
    confidence: float = 0.0  # level of low and high; 0: the gate's own
    tests: int = 1  # how many slices are judged together with this one

    @property
    def key(self) -> tuple[str, str, tuple[tuple[str, str], ...]]:
        """What makes it the same check in another run of the notebook."""
        return self.notebook, self.name, tuple(sorted(self.slice.items()))

    @property
    def title(self) -> str:
        """Name and slice, as ``auc[origin=JFK]``."""
        inner = ", ".join(f"{column}={value}" for column, value in self.slice.items())
        return f"{self.name}[{inner}]" if inner else self.name


@dataclass(frozen=True)
class GateRules:
    """What nbprod.toml asks of every check."""

    thresholds: Mapping[str, str] = field(default_factory=dict)
    min_slice: int = 0
    confidence: float = 0.95

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The rules in a project's settings."""
        gate = settings.gate
        return cls(dict(gate.thresholds), gate.min_slice, gate.confidence)

    def configured(self, measured: Measurement) -> Threshold | None:
        """The threshold of nbprod.toml for a measurement; the most specific name wins."""
        columns = ",".join(measured.slice)
        exact = ",".join(f"{column}={value}" for column, value in measured.slice.items())
        names = [f"{measured.name}[{exact}]", f"{measured.name}[{columns}]"]
        for name in names if measured.slice else [measured.name]:
            if name in self.thresholds:
                return Threshold.parse(self.thresholds[name])
        return None


def judge(measured: Measurement, rules: GateRules) -> tuple[GateCheck, tuple[Finding, ...]]:
    """The verdict on one measurement, with a finding for everything but a plain pass."""
    threshold, notes = _effective(measured, rules)
    problem = _unusable(measured, rules, threshold)
    if threshold is None or problem:
        verdict: Verdict = "failed"
        needed = 0
        notes = (*notes, *problem)
    else:
        verdict, needed = _decide(measured, threshold)
        notes = (*notes, *_explain(measured, threshold, verdict, needed))
    return _check(measured, threshold, verdict, needed), notes


def _effective(
    measured: Measurement, rules: GateRules
) -> tuple[Threshold | None, tuple[Finding, ...]]:
    """A threshold in nbprod.toml wins; a notebook can only be stricter."""
    configured = rules.configured(measured)
    asked = Threshold.parse(measured.threshold) if measured.threshold else None
    if asked is None or configured is None:
        return configured or asked, ()
    if asked.stricter_than(configured):
        return asked, ()
    if asked.operator[0] == configured.operator[0]:
        return configured, ()  # as strict or weaker: the project's own holds
    note = finding(
        "NBG014",
        f"{measured.title}: the notebook asks {asked.text}, nbprod.toml {configured.text}",
        notebook=measured.notebook or None,
    )
    return configured, (note,)


def _unusable(
    measured: Measurement, rules: GateRules, threshold: Threshold | None
) -> tuple[Finding, ...]:
    """Why a measurement cannot be judged at all."""
    place: dict[str, Any] = {"notebook": measured.notebook or None}
    if threshold is None:
        return (
            finding(
                "NBG010",
                f"{measured.title} has no threshold",
                hint='give one: nbprod.check(name, value, ">= 0.70"), or in [gate] thresholds',
                **place,
            ),
        )
    ends = [end for end in (measured.low, measured.high) if end is not None]
    if not math.isfinite(measured.value) or any(math.isnan(end) for end in ends):
        shown = f"{measured.value} in [{measured.low}, {measured.high}]"
        return (finding("NBG010", f"{measured.title} is not a number: {shown}", **place),)
    if len(ends) == 2 and ends[0] > ends[1]:
        message = f"{measured.title}: the interval's low {ends[0]} is above its high {ends[1]}"
        return (finding("NBG010", message, **place),)
    if measured.slice and measured.rows <= 0:
        message = f"{measured.title} was measured on no row, or does not say on how many"
        return (finding("NBG009", message, **place),)
    small = measured.rows < rules.min_slice and POOLED not in measured.slice.values()
    if measured.slice and small:
        message = (
            f"{measured.title} has {measured.rows} rows; [gate] min_slice is {rules.min_slice}"
        )
        return (finding("NBG009", message, **place),)
    return ()


def _decide(measured: Measurement, threshold: Threshold) -> tuple[Verdict, int]:
    low = measured.value if measured.low is None else min(measured.low, measured.value)
    high = measured.value if measured.high is None else max(measured.high, measured.value)
    if threshold.met_by(threshold.worst(low, high)):
        return "passed", 0
    if not threshold.met_by(threshold.best(low, high)):
        return "failed", 0
    return "inconclusive", _rows_needed(measured, threshold, low, high)


def _rows_needed(measured: Measurement, threshold: Threshold, low: float, high: float) -> int:
    """More rows until the interval no longer reaches the threshold; its width goes as 1/sqrt(n).

    0 when the check does not say on how many rows it was measured, or on too few for an interval.
    """
    distance = abs(measured.value - threshold.limit)
    # The side of the interval that reaches over the threshold.
    reach = measured.value - low if measured.value >= threshold.limit else high - measured.value
    if not measured.rows or not math.isfinite(reach):
        return 0
    if distance == 0:
        return _MOST_ROWS
    rows = measured.rows * (reach / distance) ** 2
    return max(1, min(_MOST_ROWS, math.ceil(rows) - measured.rows))


def _explain(
    measured: Measurement, threshold: Threshold, verdict: Verdict, needed: int
) -> tuple[Finding, ...]:
    if verdict == "passed":
        return ()
    interval = ""
    if measured.low is not None or measured.high is not None:
        interval = f" [{_short(measured.low)}, {_short(measured.high)}]"
    value = f"{measured.title} is {_short(measured.value)}{interval}, required {threshold.text}"
    place: dict[str, Any] = {"notebook": measured.notebook or None}
    if verdict == "failed":
        return (finding("NBG004", value, **place),)
    more = f": about {needed:,} more rows would tell" if needed else ""
    return (finding("NBG005", f"{value}{more}", **place),)


def _check(
    measured: Measurement, threshold: Threshold | None, verdict: Verdict, needed: int
) -> GateCheck:
    return GateCheck(
        name=measured.name,
        value=measured.value,
        threshold=threshold.text if threshold else measured.threshold,
        verdict=verdict,
        slice=dict(measured.slice),
        rows=measured.rows,
        low=measured.low,
        high=measured.high,
        rows_needed=needed,
        notebook=measured.notebook,
        sabotage=measured.sabotage,
        tests=measured.tests,
    )


def _short(value: float | None) -> str:
    return "–" if value is None else f"{value:.4g}"
