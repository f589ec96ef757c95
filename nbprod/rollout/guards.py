"""Guards: what a release on trial has to keep, judged with intervals that hold at every look.

Each guard ends as ``pass``, ``hold`` or ``fail``. It fails when the whole interval of its value
lies beyond the limit, so that chance ends a good canary no more often than alpha says; it holds
while the value is beyond the limit and chance may explain it, or while there is nothing to judge.
"""

from __future__ import annotations

import difflib
import math
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from nbprod.errors import ConfigError
from nbprod.rollout.intervals import (
    Interval,
    difference_of_fractions,
    difference_of_means,
    fraction_interval,
)
from nbprod.rollout.observation import Observed, upper_edge_ms

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Verdict = Literal["pass", "hold", "fail"]
FRACTIONS = ("error_rate", "fallback_rate", "mismatch_rate")
SCORES = ("accuracy", "brier", "log_loss", "mae", "mse", "outcome")
_QUANTILE = re.compile(r"^p(\d{2}(?:\.\d+)?)_ms$")
_TEXT = re.compile(
    r"^(?P<sign>>=|<=|>|<)\s*(?P<base>champion)?\s*(?P<op>[-+*])?\s*(?P<number>\d+(\.\d+)?)?$"
)
_SIGNS: dict[str, Callable[[float, float], bool]] = {
    ">=": operator.ge,
    "<=": operator.le,
    ">": operator.gt,
    "<": operator.lt,
}
_LEAST_PROBABILITY = 1e-9


@dataclass(frozen=True)
class Guard:
    """``<= champion + 0.01`` understood: a sign, and a limit for a champion's value."""

    name: str
    text: str
    sign: str
    relative: bool
    op: str
    number: float

    def limit(self, base: float | None) -> float | None:
        """The limit; None where it is relative and the champion has no value."""
        if not self.relative:
            return self.number
        if base is None:
            return None
        if self.op == "*":
            return base * self.number
        return base - self.number if self.op == "-" else base + self.number

    def keeps(self, value: float, limit: float) -> bool:
        """Whether a value is on the right side of a limit."""
        return _SIGNS[self.sign](value, limit)

    @property
    def at_most(self) -> bool:
        """Whether small values are good ones."""
        return self.sign in ("<=", "<")


@dataclass(frozen=True)
class GuardCheck:
    """One guard judged: its verdict, the canary's value, the limit, and why."""

    name: str
    text: str
    verdict: Verdict
    value: float | None
    limit: float | None
    reason: str

    def to_json(self) -> dict[str, Any]:
        """The check as plain data, for the history."""
        return {
            "name": self.name,
            "guard": self.text,
            "verdict": self.verdict,
            "value": self.value,
            "limit": self.limit,
            "reason": self.reason,
        }


def read_guard(name: str, text: str) -> Guard:
    """A guard of ``[rollout] guard``; ConfigError for one that cannot be understood."""
    known = (*FRACTIONS, "p50_ms", "p95_ms", "p99_ms", "prediction_psi", *SCORES)
    if name not in known and not _QUANTILE.match(name):
        close = difflib.get_close_matches(name, known, n=1)
        did_you_mean = f"did you mean {close[0]!r}? " if close else ""
        raise ConfigError(
            f"[rollout] guard has no {name!r}",
            hint=f"{did_you_mean}one of: {', '.join(known)}",
            key="rollout.guard",
        )
    match = _TEXT.match(text.strip())
    base, op, number = (match["base"], match["op"], match["number"]) if match else (None,) * 3
    misread = not match or (op and not (base and number)) or (base and number and not op)
    if match is None or misread or not (base or number):
        raise ConfigError(
            f"[rollout] guard {name} is {text!r}",
            hint='such as "<= 50", "<= champion + 0.01" or "<= champion * 1.2"',
            key="rollout.guard",
        )
    if name == "prediction_psi" and base:
        raise ConfigError(
            "[rollout] guard prediction_psi is a distance from the champion already",
            hint='a number, such as "<= 0.2"',
            key="rollout.guard",
        )
    return Guard(name, text, match["sign"], bool(base), op or "+", float(number or 0.0))


def judge(guard: Guard, canary: Observed, champion: Observed, alpha: float) -> GuardCheck:
    """One guard against what both roles did at the same time; alpha: its chance of a wrong fail."""
    if guard.name in FRACTIONS:
        return _judge_fraction(guard, canary, champion, alpha)
    if (match := _QUANTILE.match(guard.name)) is not None:
        return _judge_latency(guard, float(match[1]) / 100, canary, champion, alpha)
    if guard.name == "prediction_psi":
        return _judge_outputs(guard, canary, champion, alpha)
    return _judge_score(guard, canary, champion, alpha)


def _check(
    guard: Guard, verdict: Verdict, value: float | None, limit: float | None, reason: str
) -> GuardCheck:
    return GuardCheck(guard.name, guard.text, verdict, _short(value), _short(limit), reason)


def _short(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")


# ---------------------------------------------------------------- fractions


def _counts(name: str, role: Observed) -> tuple[int, int]:
    if name == "error_rate":
        return role.errors, role.requests
    if name == "fallback_rate":
        return role.fallbacks, role.requests
    return role.mismatches, role.compared


def _judge_fraction(guard: Guard, canary: Observed, champion: Observed, alpha: float) -> GuardCheck:
    events, trials = _counts(guard.name, canary)
    if not trials:
        return _check(guard, "hold", None, None, f"{guard.name}: nothing was counted yet")
    value = events / trials
    base = _counts(guard.name, champion)
    limit = guard.limit(base[0] / base[1] if base[1] else None)
    if limit is None:
        return _check(guard, "hold", value, None, f"{guard.name}: the champion has no value yet")
    if guard.relative and guard.op != "*":
        interval = difference_of_fractions((events, trials), base, alpha)
        edge = guard.number if guard.op == "+" else -guard.number
    elif guard.relative:
        own = fraction_interval(events, trials, alpha / 2)
        theirs = fraction_interval(*base, alpha / 2)
        factor = guard.number
        interval = Interval(own.low - factor * theirs.high, own.high - factor * theirs.low)
        edge = 0.0
    else:
        interval, edge = fraction_interval(events, trials, alpha), limit
    return _by_interval(guard, value, limit, interval, edge)


def _by_interval(
    guard: Guard, value: float, limit: float, interval: Interval, edge: float
) -> GuardCheck:
    """Fail when the interval lies wholly beyond the edge; hold when only the value does."""
    beyond = not guard.keeps(interval.low if guard.at_most else interval.high, edge)
    said = f"{guard.name} is {value:.4g}, the guard says {guard.text}"
    if beyond:
        return _check(guard, "fail", value, limit, said)
    if not guard.keeps(value, limit):
        return _check(guard, "hold", value, limit, f"{said}; chance may still explain it")
    return _check(guard, "pass", value, limit, f"{guard.name} is {value:.4g}, within {limit:.4g}")


# ---------------------------------------------------------------- latency


def _judge_latency(
    guard: Guard, q: float, canary: Observed, champion: Observed, alpha: float
) -> GuardCheck:
    """A quantile keeps a limit when no more than 1 - q of the requests take longer.

    So a quantile is judged as the fraction of slow requests, which needs no model of latency.
    An absolute limit that the champion breaks as often at this moment is the machine's fault:
    rolling back would not help, so it holds for a person.
    """
    value = canary.latencies.quantile_ms(q)
    if value is None:
        return _check(guard, "hold", None, None, f"{guard.name}: nothing was measured yet")
    base = champion.latencies.quantile_ms(q)
    limit = guard.limit(base)
    if limit is None:
        return _check(guard, "hold", value, None, f"{guard.name}: the champion has no value yet")
    sure_limit: float | None = limit
    if guard.relative:  # the champion's quantile is an estimate too: take its upper end
        sure_limit = guard.limit(_upper_quantile_ms(q, champion, alpha / 2))
        alpha /= 2
    said = f"{guard.name} is {value:.4g}, the guard says {guard.text}"
    slow = fraction_interval(
        canary.latencies.above(sure_limit or 0.0), canary.latencies.count, alpha
    )
    if sure_limit is not None and slow.low > 1 - q:
        if not guard.relative and base is not None and not _slower(canary, champion, limit, alpha):
            return _check(guard, "hold", value, limit, f"{said}; but the champion's is {base:.4g}")
        return _check(guard, "fail", value, limit, said)
    if value > limit * 1.05:  # one bucket's width
        return _check(guard, "hold", value, limit, f"{said}; chance may still explain it")
    return _check(guard, "pass", value, limit, f"{guard.name} is {value:.4g}, within {limit:.4g}")


def _slower(canary: Observed, champion: Observed, limit_ms: float, alpha: float) -> bool:
    """Whether the canary breaks a limit more often than the champion, beyond chance."""
    mine, theirs = (
        (role.latencies.above(limit_ms), role.latencies.count) for role in (canary, champion)
    )
    return difference_of_fractions(mine, theirs, alpha).low > 0


def _upper_quantile_ms(q: float, role: Observed, alpha: float) -> float | None:
    """The smallest bucket edge of which we are sure that no more than 1 - q lie above."""
    count = role.latencies.count
    for place in sorted(role.latencies.buckets):
        edge = upper_edge_ms(place)
        if fraction_interval(role.latencies.above(edge), count, alpha).high <= 1 - q:
            return edge
    return None


# ---------------------------------------------------------------- outputs


def _judge_outputs(guard: Guard, canary: Observed, champion: Observed, alpha: float) -> GuardCheck:
    """The population stability index between what both predicted at the same time.

    Each bin's two probabilities have an interval; the least index that fits into all of them is
    what fails a canary, so a small sample's noise does not.
    """
    mine, theirs = sum(canary.outputs.values()), sum(champion.outputs.values())
    if not mine or not theirs:
        return _check(guard, "hold", None, None, f"{guard.name}: one of them predicted nothing yet")
    bins = sorted({*canary.outputs, *champion.outputs})
    value = psi(canary.outputs, champion.outputs)
    share = alpha / (2 * len(bins))
    least = sum(
        _least_term(
            fraction_interval(canary.outputs.get(name, 0), mine, share),
            fraction_interval(champion.outputs.get(name, 0), theirs, share),
        )
        for name in bins
    )
    # A small sample's index is above zero by chance, by about so much.
    noise = (len(bins) - 1) * (1 / mine + 1 / theirs)
    said = f"{guard.name} is {value:.4g}, the guard says {guard.text}"
    if not guard.keeps(least, guard.number):
        return _check(guard, "fail", value, guard.number, said)
    if not guard.keeps(max(value - noise, 0.0), guard.number):
        return _check(guard, "hold", value, guard.number, f"{said}; chance may still explain it")
    within = f"{guard.name} is {value:.4g}, within {guard.number:g}"
    return _check(guard, "pass", value, guard.number, within)


def psi(one: Mapping[str, int], other: Mapping[str, int]) -> float:
    """The population stability index of two histograms over the same bins.

    Sum over bins of (p - q) ln(p / q), half a count added to each bin so that an empty one
    has a logarithm.
    """
    bins = {*one, *other}
    total_one = sum(one.values()) + 0.5 * len(bins)
    total_other = sum(other.values()) + 0.5 * len(bins)
    index = 0.0
    for name in bins:
        p = (one.get(name, 0) + 0.5) / total_one
        q = (other.get(name, 0) + 0.5) / total_other
        index += (p - q) * math.log(p / q)
    return index


def _least_term(one: Interval, other: Interval) -> float:
    if one.low > other.high:
        p, q = one.low, max(other.high, _LEAST_PROBABILITY)
    elif other.low > one.high:
        p, q = max(one.high, _LEAST_PROBABILITY), other.low
    else:
        return 0.0
    return (p - q) * math.log(p / q)


# ---------------------------------------------------------------- scores


def _judge_score(guard: Guard, canary: Observed, champion: Observed, alpha: float) -> GuardCheck:
    """The mean of a per-row score, as outcomes arrive."""
    mine, theirs = canary.scores.get(guard.name), champion.scores.get(guard.name)
    if mine is None or not mine.count:
        return _check(guard, "pass", None, None, f"{guard.name}: no outcome has arrived yet")
    limit = guard.limit(theirs.mean if theirs and theirs.count else None)
    if limit is None or theirs is None:
        return _check(
            guard, "hold", mine.mean, None, f"{guard.name}: the champion has no value yet"
        )
    interval = difference_of_means(mine, theirs, alpha)
    if interval is None:
        return _check(guard, "pass", mine.mean, limit, f"{guard.name}: too few outcomes to judge")
    # The champion's mean stands for itself in the limit, so both sides move by it.
    return _by_interval(guard, mine.mean, limit, interval, limit - theirs.mean)
