"""Validation notebooks, thresholds and parity, judged together for one exact candidate.

In a notebook: `check`, `load_predictor`, `slices` and the intervals; everything else is the gate's.
"""

from nbprod.gates.baseline import prediction_column
from nbprod.gates.builtin import builtin_names
from nbprod.gates.cold_start import ColdStart, cold_start
from nbprod.gates.evaluation import evaluate_gate, gate_digest
from nbprod.gates.intervals import (
    Interval,
    auc_difference_interval,
    auc_interval,
    bootstrap_interval,
    mean_interval,
    proportion_interval,
    quantile_interval,
)
from nbprod.gates.recording import check
from nbprod.gates.sabotage import load_predictor, sabotage
from nbprod.gates.slices import Slice, slices
from nbprod.gates.thresholds import GateRules, Measurement, Threshold, judge

__all__ = [
    "ColdStart",
    "GateRules",
    "Interval",
    "Measurement",
    "Slice",
    "Threshold",
    "auc_difference_interval",
    "auc_interval",
    "bootstrap_interval",
    "builtin_names",
    "check",
    "cold_start",
    "evaluate_gate",
    "gate_digest",
    "judge",
    "load_predictor",
    "mean_interval",
    "prediction_column",
    "proportion_interval",
    "quantile_interval",
    "sabotage",
    "slices",
]
