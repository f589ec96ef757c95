"""Pure policy of a rollout: what was observed -> the next step, with its reason.

observation (counts that add up) -> intervals (that hold at every look) -> guards (pass, hold,
fail) -> canary (the next step); beside it shadow (row by row) and experiment (A/B). Nothing here
reads a clock, a file or a network, so that a simulation runs exactly what replicas run.
"""

from nbprod.rollout.canary import NextStep, next_step
from nbprod.rollout.compatibility import broken_callers
from nbprod.rollout.experiment import Arm, Plan, Reading, read_experiment
from nbprod.rollout.guards import GuardCheck, read_guard
from nbprod.rollout.intervals import Moments
from nbprod.rollout.observation import Latencies, Observed
from nbprod.rollout.shadow import compare_shadow

__all__ = [
    "Arm",
    "GuardCheck",
    "Latencies",
    "Moments",
    "NextStep",
    "Observed",
    "Plan",
    "Reading",
    "broken_callers",
    "compare_shadow",
    "next_step",
    "read_experiment",
    "read_guard",
]
