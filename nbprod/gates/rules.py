"""The findings of a gate: one code for each way in which it can fail to be a proof.

NBG017 (the chain of verdicts is broken) and NBG018 (evidence is not in MLflow) are lifecycle's.
"""

from __future__ import annotations

from typing import Any

from nbprod.records import Finding, Severity

# code -> (severity, what the reader does next)
RULES: dict[str, tuple[Severity, str]] = {
    "NBG001": (
        "error",
        "name validation notebooks in [notebooks] gates; each records with nbprod.check(…)",
    ),
    "NBG002": ("error", "open the executed copy, fix the notebook, run `nbprod gate` again"),
    "NBG003": ("error", "record at least one nbprod.check(name, value, threshold) in it"),
    "NBG004": (
        "error",
        "look at the executed notebook; the candidate does not reach what is required",
    ),
    "NBG005": ("warning", "judge on more rows, or narrow what is measured"),
    "NBG006": (
        "error",
        "the check cannot fail: measure what the sabotage destroys, or name another",
    ),
    "NBG007": ("error", "name the damage that must fail this check: nbprod.check(…, sabotage=…)"),
    "NBG008": ("error", "measure it in a gate notebook, or take the threshold out of nbprod.toml"),
    "NBG009": ("error", "pool small slices with nbprod.gates.slices(frame, by), and say rows="),
    "NBG010": ("error", "a check needs a finite value, and an interval with low <= high"),
    "NBG011": ("error", "run parity for exactly this candidate (`nbprod gate` does) and fix it"),
    "NBG012": ("error", "gate the run that made this bundle, on rows that nobody changes"),
    "NBG013": ("error", "set [gate] primary to a metric that nbprod knows, and [data] label"),
    "NBG014": ("warning", "nbprod.toml was applied; the notebook seems to mean another measure"),
    "NBG016": ("error", "take it out of what the notebook shows; it is masked in the kept copy"),
    "NBG015": ("info", "the first release is compared with nothing; the next one with it"),
}


def finding(code: str, message: str, **place: Any) -> Finding:
    """The finding of one rule; place: notebook, cell_id, line, column, details, hint."""
    severity, hint = RULES[code]
    return Finding(
        **{"code": code, "severity": severity, "message": message, "hint": hint, **place}
    )
