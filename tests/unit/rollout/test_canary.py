"""The canary's policy over plain values."""

from __future__ import annotations

import pytest

from nbprod.config import Rollout
from nbprod.errors import ConfigError
from nbprod.records import TrafficState
from nbprod.rollout import Latencies, Observed, next_step

SETTINGS = Rollout(
    canary={"steps": [10, 50, 100], "min_requests": 100, "hold_s": 60},
    guard={"error_rate": "<= champion + 0.01", "p99_ms": "<= 50"},
)


def did(requests: int, errors: int = 0, latency_ms: float = 20.0) -> Observed:
    return Observed(requests, errors, latencies=Latencies.of({latency_ms: requests}))


GOOD = {"champion": did(900), "canary": did(100)}


def test_without_a_canary_there_is_nothing_to_do() -> None:
    """No canary, no step."""
    assert next_step(TrafficState(roles={"champion": 1}), {}, SETTINGS).action == "hold"


def test_too_few_requests_hold(trial) -> None:
    """One request less than the minimum holds, and the reason says how many there were."""
    step = next_step(trial(0.1), {**GOOD, "canary": did(99)}, SETTINGS)
    assert step.action == "hold"
    assert "99 of 100" in step.reason


def test_no_traffic_at_all_is_no_decision(trial) -> None:
    """However long nobody calls, nothing moves forward and nothing is stopped."""
    assert next_step(trial(0.1), {}, SETTINGS, step_age_s=1e6).action == "hold"


def test_a_young_step_holds(trial) -> None:
    """Enough requests in too short a time hold."""
    step = next_step(trial(0.1), GOOD, SETTINGS, step_age_s=59)
    assert step.action == "hold"
    assert "59 of 60 s" in step.reason


def test_a_good_canary_goes_to_the_next_share(trial) -> None:
    """Steps are taken one after the other, then the canary is promoted."""
    assert next_step(trial(0.0), GOOD, SETTINGS).fraction == 0.1
    assert next_step(trial(0.1), GOOD, SETTINGS).fraction == 0.5
    assert next_step(trial(0.5), GOOD, SETTINGS).fraction == 1.0
    assert next_step(trial(1.0), GOOD, SETTINGS).action == "promote"


def test_promotion_by_hand_waits_for_a_person_with_the_guards_armed(trial) -> None:
    """The last step holds for a person; a guard that fails meanwhile still ends the trial."""
    by_hand = Rollout(canary={**SETTINGS.canary, "promotion": "by hand"}, guard=SETTINGS.guard)
    assert next_step(trial(1.0), GOOD, by_hand).action == "hold"
    bad = {**GOOD, "canary": did(100, errors=60)}
    assert next_step(trial(1.0), bad, by_hand).action == "abort"


@pytest.mark.parametrize(
    ("canary", "named"), [(did(100, 40), "error_rate"), (did(100, 0, 90.0), "p99_ms")]
)
def test_a_broken_guard_aborts(trial, canary: Observed, named: str) -> None:
    """A broken guard aborts, is named, and its evidence is kept."""
    step = next_step(trial(0.1), {**GOOD, "canary": canary}, SETTINGS)
    assert step.action == "abort"
    assert named in step.reason
    assert "fail" in {check["verdict"] for check in step.to_json()["checks"]}


def test_paused_means_no_step_forward_but_still_a_step_back(trial) -> None:
    """A pause does not disarm."""
    assert next_step(trial(0.1, paused=True), GOOD, SETTINGS).action == "hold"
    bad = {**GOOD, "canary": did(20, errors=20)}
    assert next_step(trial(0.1, paused=True), bad, SETTINGS).action == "abort"


def test_a_guard_in_doubt_holds(trial) -> None:
    """Beyond the limit, but perhaps by chance: more requests decide."""
    step = next_step(trial(0.1), {**GOOD, "canary": did(100, errors=2)}, SETTINGS)
    assert step.action == "hold"
    assert "not decided" in step.reason


def test_a_guard_that_cannot_be_read_is_an_error(trial) -> None:
    """An unreadable guard is never taken for one that holds."""
    with pytest.raises(ConfigError):
        next_step(trial(0.1), GOOD, Rollout(guard={"p99_ms": "fast"}))
