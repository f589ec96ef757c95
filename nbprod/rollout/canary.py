"""The canary's policy: what was observed -> the next step, with its reason and its evidence."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from nbprod.rollout.guards import GuardCheck, judge, read_guard
from nbprod.rollout.observation import Observed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.config import Rollout
    from nbprod.records import TrafficState

Action = Literal["hold", "advance", "promote", "abort"]
_WRONG_STOPS = 0.05  # the chance, over a whole rollout, that a good canary is stopped


@dataclass(frozen=True)
class NextStep:
    """What to do now, why, the canary's new share in [0, 1] where it changes, and each guard."""

    action: Action
    reason: str
    fraction: float | None = None
    checks: tuple[GuardCheck, ...] = field(default=())

    def to_json(self) -> dict[str, Any]:
        """The step as plain data, for the history."""
        return {
            "action": self.action,
            "reason": self.reason,
            "fraction": self.fraction,
            "checks": [check.to_json() for check in self.checks],
        }


def next_step(
    state: TrafficState,
    observed: Mapping[str, Observed],
    settings: Rollout,
    *,
    step_age_s: float = float("inf"),
) -> NextStep:
    """The next step of a canary.

    observed: by role, since the present step began; where the canary has all the traffic, the
    champion's is what it last did. step_age_s: how long the step has lasted.
    A guard that fails ends the trial at once, even while it is paused or waits for a person;
    too few requests, too short a time, or a guard that holds let everything stay as it is.
    Raises ConfigError for a guard that cannot be understood.
    """
    if "canary" not in state.roles:
        return NextStep("hold", "no canary is on trial")
    canary, champion = (observed.get(role, Observed()) for role in ("canary", "champion"))
    guards = [read_guard(name, text) for name, text in settings.guard.items()]
    share = _WRONG_STOPS / max(len(guards), 1)
    checks = tuple(judge(guard, canary, champion, share) for guard in guards)
    for check in checks:
        if check.verdict == "fail":
            return NextStep("abort", f"the canary's {check.reason}", checks=checks)
    waiting = _waiting(state, canary, checks, settings, step_age_s)
    if waiting:
        return NextStep("hold", waiting, checks=checks)
    kept = "the canary kept every guard" if guards else "no guard is set"
    for percent in sorted(float(step) for step in settings.canary.get("steps", [100])):
        if percent / 100 > state.canary_fraction + 1e-9:
            return NextStep("advance", f"{kept}; to {percent:g} %", percent / 100, checks)
    if settings.canary.get("promotion", "automatic") != "automatic":
        why = f"{kept} through the last step; it waits for a person: `nbprod promote`"
        return NextStep("hold", why, checks=checks)
    return NextStep("promote", f"{kept} through the last step", checks=checks)


def _waiting(
    state: TrafficState,
    canary: Observed,
    checks: tuple[GuardCheck, ...],
    settings: Rollout,
    step_age_s: float,
) -> str:
    """Why nothing moves now; empty when nothing stands in the way."""
    least = int(settings.canary.get("min_requests", 300))
    hold_s = float(settings.canary.get("hold_s", 60))
    if state.paused:
        return "paused by a person; the guards stay armed"
    if canary.requests < least and state.canary_fraction > 0:
        return f"the canary answered {canary.requests} of {least} requests"
    if step_age_s < hold_s and state.canary_fraction > 0:
        return f"the step has lasted {step_age_s:.0f} of {hold_s:g} s"
    held = [check.reason for check in checks if check.verdict == "hold"]
    if held and state.canary_fraction > 0:
        return f"not decided: {'; '.join(held)}"
    return ""
