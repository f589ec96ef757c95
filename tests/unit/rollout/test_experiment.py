"""A/B experiments: what can be said, and when."""

from __future__ import annotations

import numpy as np
import pytest

from nbprod.errors import ConfigError
from nbprod.rollout import Arm, Moments, Plan, read_experiment

PLAN = Plan(outcome="rebooked", max_rows=20_000)


def arm(rate: float, count: int, exposed: int | None = None) -> Arm:
    hits = round(rate * count)
    return Arm(exposed if exposed is not None else count, count, Moments(count, hits, hits))


def test_a_clear_gain_is_better_and_in_the_planned_direction() -> None:
    """The same numbers are worse where lower is better."""
    control, treatment = arm(0.10, 4000), arm(0.15, 4000)
    assert read_experiment(PLAN, control, treatment).decision == "better"
    fewer = Plan(outcome="complaints", higher_is_better=False)
    assert read_experiment(fewer, control, treatment).decision == "worse"


def test_little_data_and_no_difference_keep_it_running() -> None:
    """Too few rows, or an interval with zero in it, decide nothing before the planned end."""
    assert read_experiment(PLAN, arm(0.1, 20), arm(0.5, 20)).decision == "running"
    assert read_experiment(PLAN, arm(0.1, 2000), arm(0.1, 2000)).decision == "running"


def test_it_ends_where_the_plan_says() -> None:
    """At the planned size without a difference: none was shown, which is not "equal"."""
    found = read_experiment(PLAN, arm(0.1, 10_000), arm(0.1, 10_000))
    assert found.decision == "no difference shown"
    assert "as planned" in found.said


def test_a_split_that_is_off_makes_it_invalid_whatever_the_outcome_says() -> None:
    """Sample ratio mismatch, in exposures or in the outcomes that came back."""
    skewed = read_experiment(PLAN, arm(0.1, 4000, exposed=5000), arm(0.3, 4000, exposed=4000))
    assert (skewed.decision, skewed.ratio_ok) == ("invalid", False)
    lost = read_experiment(PLAN, arm(0.1, 4000), Arm(4000, 4000, arm(0.3, 3000).outcomes))
    assert lost.decision == "invalid"
    assert lost.coverage["treatment"] == 0.75


def test_the_p_value_never_grows() -> None:
    """What was once seen stays seen."""
    found = read_experiment(PLAN, arm(0.1, 500), arm(0.1, 500), p_value=0.2)
    assert found.p_value <= 0.2
    assert found.to_json()["p_value"] == found.p_value


@pytest.mark.parametrize(
    "wrong", [{"outcome": ""}, {"fraction": 1.0}, {"alpha": 0.0}, {"max_rows": 0}]
)
def test_a_plan_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    """Before the first request, not after."""
    with pytest.raises(ConfigError):
        Plan(**{"outcome": "rebooked", **wrong})


def test_peeking_all_the_time_finds_nothing_where_there_is_nothing() -> None:
    """Of experiments without a difference, looked at every 50 rows, at most 5 % find one."""
    generator = np.random.default_rng(11)
    wrong, runs = 0, 300
    for _ in range(runs):
        ones = np.cumsum(generator.random(5000) < 0.1)
        others = np.cumsum(generator.random(5000) < 0.1)
        for rows in range(50, 5001, 50):
            found = read_experiment(
                PLAN,
                Arm(rows, rows, Moments(rows, float(others[rows - 1]), float(others[rows - 1]))),
                Arm(rows, rows, Moments(rows, float(ones[rows - 1]), float(ones[rows - 1]))),
            )
            if found.decision in ("better", "worse"):
                wrong += 1
                break
    print(f"\n  found a difference where there is none: {wrong / runs:.1%} of {runs}")
    assert wrong / runs <= 0.05
