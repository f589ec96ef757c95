"""Pure policy of a rollout: what was observed -> the next step, with its reason.

Thin: it judges the canary by error rate and p99 latency; shadow, hold time and the prediction's
distribution are not judged yet.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from nbprod.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbprod.config import Rollout
    from nbprod.records import TrafficState

Action = Literal["hold", "advance", "promote", "abort"]
_GUARD = re.compile(
    r"^(?P<sign>>=|<=|>|<)\s*(?P<base>champion)?\s*(?P<op>[+*])?\s*(?P<number>\d+(\.\d+)?)?$"
)
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}


@dataclass(frozen=True)
class Observed:
    """What one role did since the present step began."""

    requests: int = 0
    errors: int = 0
    p99_ms: float | None = None

    @property
    def error_rate(self) -> float:
        """Errors per request, in [0, 1]."""
        return self.errors / self.requests if self.requests else 0.0


@dataclass(frozen=True)
class NextStep:
    """What to do now, why, and the canary's new share in [0, 1] where that changes."""

    action: Action
    reason: str
    fraction: float | None = None


def next_step(state: TrafficState, observed: Mapping[str, Observed], settings: Rollout) -> NextStep:
    """The next step of a rollout.

    observed: by role, since the present step began. A guard that is broken aborts even before
    there are enough requests to advance; too few requests hold.
    Raises ConfigError for a guard that cannot be understood.
    """
    if "canary" not in state.roles:
        return NextStep("hold", "no canary is on trial")
    canary = observed.get("canary", Observed())
    champion = observed.get("champion", Observed())
    least = int(settings.canary.get("min_requests", 300))
    if canary.requests and (broken := _broken_guard(canary, champion, settings.guard, least)):
        return NextStep("abort", broken)
    if canary.requests < least:
        return NextStep("hold", f"the canary answered {canary.requests} of {least} requests")
    for percent in sorted(float(step) for step in settings.canary.get("steps", [100])):
        if percent / 100 > state.canary_fraction + 1e-9:
            return NextStep(
                "advance", f"the canary kept every guard; to {percent:g} %", percent / 100
            )
    return NextStep("promote", "the canary kept every guard through the last step")


def _broken_guard(
    canary: Observed, champion: Observed, guard: Mapping[str, str], least: int
) -> str:
    """The first broken guard, as a sentence; empty when all hold."""
    values = {
        "error_rate": (canary.error_rate, champion.error_rate),
        "p99_ms": (canary.p99_ms, champion.p99_ms),
    }
    for name, text in guard.items():
        compare, limit_of = _parsed(name, text)
        value, base = values.get(name, (None, None))
        if value is None:
            continue
        limit = limit_of(base)
        if limit is None or compare(value, limit):
            continue
        # One error among few requests says little; errors that would break the guard even if
        # every request still to come went well say enough.
        if (
            name == "error_rate"
            and canary.requests < least
            and compare(canary.errors / least, limit)
        ):
            continue
        return f"{name} of the canary is {value:g}, the guard says {text}"
    return ""


def _parsed(
    name: str, text: str
) -> tuple[Callable[[float, float], bool], Callable[[float | None], float | None]]:
    """``<= champion + 0.01`` as a comparison and the limit for a champion's value."""
    match = _GUARD.match(text.strip())
    if not match or not (match["base"] or match["number"]):
        raise ConfigError(
            f"[rollout] guard {name} is {text!r}",
            hint='such as "<= 50", "<= champion + 0.01" or "<= champion * 1.2"',
            key="rollout.guard",
        )
    number = float(match["number"] or 0.0)

    def limit(base: float | None) -> float | None:
        if not match["base"]:
            return number
        if base is None:
            return None
        return base * number if match["op"] == "*" else base + number

    return _COMPARE[match["sign"]], limit
