"""Whole rollouts over simulated traffic: how often the policy is wrong."""

from __future__ import annotations

import numpy as np

from nbprod.config import Rollout
from nbprod.records import TrafficState
from nbprod.rollout import Latencies, Observed, next_step

SETTINGS = Rollout(
    canary={"steps": [10, 50, 100], "min_requests": 300, "hold_s": 0},
    guard={
        "error_rate": "<= champion + 0.01",
        "p99_ms": "<= champion * 2",
        "prediction_psi": "<= 0.2",
    },
)
CLASSES = ("a", "b", "c", "d")
MIX = (0.4, 0.3, 0.2, 0.1)
_LOOK = 200  # requests, of both roles together
_MOST_LOOKS = 150


class _Role:
    """Draws what one release does with its requests."""

    def __init__(self, generator, *, errors=0.002, slow=1.0, mix=MIX) -> None:
        self.draw, self.errors, self.slow, self.mix = generator, errors, slow, mix
        self.forget()

    def forget(self) -> None:
        self.requests, self.failed, self.outputs = 0, 0, np.zeros(len(CLASSES), dtype=int)
        self.latencies = Latencies()

    def serve(self, requests: int) -> None:
        self.requests += requests
        self.failed += int(self.draw.binomial(requests, self.errors))
        self.outputs += self.draw.multinomial(requests, self.mix)
        values = self.draw.lognormal(2.5, 0.5, requests) * self.slow
        self.latencies = self.latencies + Latencies.of([float(v) for v in values])

    @property
    def seen(self) -> Observed:
        return Observed(
            self.requests,
            self.failed,
            latencies=self.latencies,
            outputs={n: int(c) for n, c in zip(CLASSES, self.outputs, strict=True) if c},
        )


def rollout(seed: int, **bad: object) -> str:
    """How one simulated rollout ends: promote, abort or hold."""
    generator = np.random.default_rng(seed)
    champion, canary = _Role(generator), _Role(generator, **bad)
    state = TrafficState(roles={"champion": 1, "canary": 2}, canary_fraction=0.1)
    baseline = Observed()
    for _ in range(_MOST_LOOKS):
        on_trial = int(generator.binomial(_LOOK, state.canary_fraction))
        canary.serve(on_trial)
        champion.serve(_LOOK - on_trial)
        baseline = champion.seen if champion.requests else baseline
        step = next_step(state, {"champion": baseline, "canary": canary.seen}, SETTINGS)
        if step.action in ("promote", "abort"):
            return step.action
        if step.action == "advance":
            state = TrafficState(roles=state.roles, canary_fraction=step.fraction or 0.0)
            champion.forget()
            canary.forget()
    return "hold"


def share(ending: str, runs: int = 60, **bad: object) -> float:
    found = sum(rollout(seed, **bad) == ending for seed in range(runs)) / runs
    print(f"\n  {ending} of a canary with {bad}: {found:.1%} of {runs}")
    return found


def test_good_canaries_are_promoted() -> None:
    """At most one in twenty is stopped although nothing is wrong with it."""
    endings = [rollout(seed) for seed in range(120)]
    print(f"\n  good canaries: { ({name: endings.count(name) for name in sorted(set(endings))}) }")
    assert endings.count("abort") / 120 <= 0.05
    assert endings.count("promote") / 120 >= 0.9


def test_canaries_with_errors_are_stopped() -> None:
    """Five errors in a hundred where the champion has two in a thousand."""
    assert share("abort", errors=0.05) >= 0.95


def test_slow_canaries_are_stopped() -> None:
    """Three times as slow as the champion."""
    assert share("abort", slow=3.0) >= 0.95


def test_canaries_that_predict_something_else_are_stopped() -> None:
    """The mix of predictions turned round."""
    assert share("abort", mix=MIX[::-1]) >= 0.95
