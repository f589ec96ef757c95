"""An A/B experiment: two releases judged on a business outcome, at any moment, honestly.

The plan is fixed and recorded before the first request: which outcome, which direction is
better, the risk of a false discovery, when to stop. Looking as often as one likes costs nothing,
because every statement made here holds at every look.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nbprod.errors import ConfigError
from nbprod.rollout.intervals import (
    Moments,
    difference_of_means,
    fraction_interval,
    log_evidence,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

Decision = Literal["running", "better", "worse", "no difference shown", "invalid"]
# A split that is off is a fault of the plumbing, not a matter of taste: one wrong alarm in 1,000.
_RATIO_ALPHA = 0.001


@dataclass(frozen=True)
class Plan:
    """What is fixed before the first request.

    outcome: the name under which outcomes are posted. fraction: the treatment's share of the
    keys, in (0, 1). higher_is_better: the direction. alpha: the risk, over all looks, of seeing
    a difference where there is none. max_rows: labelled rows, of both arms together, after which
    it ends in any case. label_delay_s: how old an exposure must be before its outcome is due.
    """

    outcome: str
    fraction: float = 0.5
    higher_is_better: bool = True
    alpha: float = 0.05
    max_rows: int = 20_000
    label_delay_s: float = 0.0

    def __post_init__(self) -> None:
        problems = {
            "outcome": not self.outcome,
            "fraction": not 0 < self.fraction < 1,
            "alpha": not 0 < self.alpha < 1,
            "max_rows": self.max_rows < 1,
            "label_delay_s": self.label_delay_s < 0,
        }
        for name, wrong in problems.items():
            if wrong:
                raise ConfigError(
                    f"an experiment cannot have {name} = {getattr(self, name)!r}",
                    hint="name an outcome; fraction and alpha lie between 0 and 1",
                    key="rollout.ab",
                )


@dataclass(frozen=True)
class Arm:
    """One release's side: keys exposed, of those due for an outcome, and the outcomes' moments."""

    exposed: int = 0
    due: int = 0
    outcomes: Moments = field(default_factory=Moments)

    @property
    def coverage(self) -> float:
        """Outcomes there are, of those due, in [0, 1]; 1 while none is due."""
        return self.outcomes.count / self.due if self.due else 1.0


@dataclass(frozen=True)
class Reading:
    """What can be said now.

    difference: treatment minus control, of the mean outcome, with its interval; p_value: always
    valid, the smallest so far; ratio_ok: whether the keys split as planned.
    """

    decision: Decision
    said: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float = 1.0
    ratio_ok: bool = True
    coverage: Mapping[str, float] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The reading as plain data, for the history."""
        return {
            "decision": self.decision,
            "said": self.said,
            "difference": self.difference,
            "low": self.low,
            "high": self.high,
            "p_value": self.p_value,
            "ratio_ok": self.ratio_ok,
            "coverage": dict(self.coverage),
        }


def read_experiment(plan: Plan, control: Arm, treatment: Arm, *, p_value: float = 1.0) -> Reading:
    """What an experiment says now; ``p_value`` is the smallest of the earlier readings.

    The sample ratio is tested first (Fabijan et al., "Diagnosing sample ratio mismatch", 2019;
    sequentially as Lindon and Malek, "Anytime-valid inference for multinomial count data", 2022):
    a split that is off, in exposures or in the outcomes that came back, makes everything else
    meaningless. The outcome is tested by the mixture sequential probability ratio test of
    Johari et al. (see `intervals.difference_of_means`).
    """
    coverage = {"control": round(control.coverage, 4), "treatment": round(treatment.coverage, 4)}
    if (wrong := _ratio_wrong(plan, control, treatment)) is not None:
        return Reading("invalid", wrong, ratio_ok=False, coverage=coverage, p_value=p_value)
    one, other = treatment.outcomes, control.outcomes
    rows = one.count + other.count
    interval = difference_of_means(one, other, plan.alpha)
    if interval is None:
        if rows >= plan.max_rows:
            return Reading("no difference shown", _ended(plan, rows), coverage=coverage)
        said = f"{rows} outcomes so far: too few to say anything"
        return Reading("running", said, coverage=coverage, p_value=p_value)
    p_value = min(p_value, math.exp(-max(log_evidence(one, other), 0.0)))
    difference = one.mean - other.mean
    shown = (
        f"{plan.outcome} is {one.mean:.4g} against {other.mean:.4g}: "
        f"{difference:+.4g} [{interval.low:+.4g}, {interval.high:+.4g}]"
    )
    decision: Decision = "running"
    if interval.low > 0 or interval.high < 0:
        decision = "better" if (interval.low > 0) == plan.higher_is_better else "worse"
        said = f"{shown}; the treatment is {decision}"
    elif rows >= plan.max_rows:
        decision, said = "no difference shown", f"{shown}; {_ended(plan, rows)}"
    else:
        said = f"{shown}; {rows:,} of at most {plan.max_rows:,} outcomes"
    return Reading(
        decision,
        said,
        difference=difference,
        low=interval.low,
        high=interval.high,
        p_value=p_value,
        coverage=coverage,
    )


def _ratio_wrong(plan: Plan, control: Arm, treatment: Arm) -> str | None:
    """Why the sample ratio is not the planned one; None while it may well be."""
    exposures = (treatment.exposed, control.exposed, "keys were exposed")
    labelled = (treatment.outcomes.count, control.outcomes.count, "outcomes came back")
    for mine, theirs, what in (exposures, labelled):
        interval = fraction_interval(mine, mine + theirs, _RATIO_ALPHA)
        if not interval.low <= plan.fraction <= interval.high:
            return (
                f"sample ratio mismatch: {mine} and {theirs} {what}, planned was a share of "
                f"{plan.fraction:g} for the treatment; find the reason before reading any outcome"
            )
    return None


def _ended(plan: Plan, rows: int) -> str:
    return f"ended after {rows:,} outcomes, as planned (at most {plan.max_rows:,})"
