"""The rollout policy over plain values."""

from __future__ import annotations

import pytest

from nbprod.config import Rollout
from nbprod.errors import ConfigError
from nbprod.records import TrafficState
from nbprod.rollout import Observed, next_step

SETTINGS = Rollout(
    canary={"steps": [10, 50, 100], "min_requests": 100},
    guard={"error_rate": "<= champion + 0.01", "p99_ms": "<= 50"},
)


def trial(fraction: float) -> TrafficState:
    return TrafficState(roles={"champion": 1, "canary": 2}, canary_fraction=fraction)


GOOD = {"champion": Observed(900, 0, 20.0), "canary": Observed(100, 0, 20.0)}


def test_without_a_canary_there_is_nothing_to_do() -> None:
    """No canary, no step."""
    assert next_step(TrafficState(roles={"champion": 1}), {}, SETTINGS).action == "hold"


def test_too_few_requests_hold() -> None:
    """One request less than the minimum holds, and the reason says how many there were."""
    step = next_step(trial(0.1), {"canary": Observed(99, 0, 20.0)}, SETTINGS)
    assert step.action == "hold"
    assert "99 of 100" in step.reason


def test_a_good_canary_goes_to_the_next_share() -> None:
    """Steps are taken one after the other, then the canary is promoted."""
    assert next_step(trial(0.0), GOOD, SETTINGS).fraction == 0.1
    assert next_step(trial(0.1), GOOD, SETTINGS).fraction == 0.5
    assert next_step(trial(0.5), GOOD, SETTINGS).fraction == 1.0
    assert next_step(trial(1.0), GOOD, SETTINGS).action == "promote"


@pytest.mark.parametrize(
    ("canary", "named"),
    [(Observed(100, 2, 20.0), "error_rate"), (Observed(100, 0, 51.0), "p99_ms")],
)
def test_a_broken_guard_aborts(canary: Observed, named: str) -> None:
    """A broken guard aborts and is named."""
    step = next_step(trial(0.1), {**GOOD, "canary": canary}, SETTINGS)
    assert step.action == "abort"
    assert named in step.reason


def test_one_early_error_does_not_abort_but_many_do() -> None:
    """Errors abort early only when they would break the guard whatever comes."""
    early = {**GOOD, "canary": Observed(10, 1, 20.0)}
    assert next_step(trial(0.1), early, SETTINGS).action == "hold"
    hopeless = {**GOOD, "canary": Observed(10, 9, 20.0)}
    assert next_step(trial(0.1), hopeless, SETTINGS).action == "abort"


def test_a_guard_that_cannot_be_read_is_an_error() -> None:
    """An unreadable guard is never taken for one that holds."""
    with pytest.raises(ConfigError):
        next_step(trial(0.1), GOOD, Rollout(guard={"p99_ms": "fast"}))
