"""The findings of monitoring: each code with its severity and the next step."""

from __future__ import annotations

from typing import Any

from nbprod.records import Finding, Severity

_RULES: dict[str, tuple[Severity, str]] = {
    # code: severity, hint
    "NBM001": (
        "warning",
        "look at what changed upstream; `nbprod train` on newer data, or a wider [monitor] drift",
    ),
    "NBM002": (
        "error",
        "add replicas, look for a slow feature, or revise [envelope] p99_ms with the callers",
    ),
    "NBM003": ("error", "`nbprod rollback`, or `nbprod train` on data with the new outcomes"),
    "NBM004": (
        "error",
        "records were altered after they were written: find out by whom, restore from a copy",
    ),
    "NBM005": ("warning", "look at the replicas' logs: the model did not answer in time"),
    "NBM006": ("warning", "check that callers reach the service: `nbprod status`"),
    "NBM007": (
        "warning",
        "`nbprod release`: only a release carries the reference profile of its training data",
    ),
    "NBM008": ("info", "widen [monitor] window, or wait for more predictions"),
    "NBM009": ("warning", "look at the replicas' logs for what was answered with an error"),
    "NBM010": ("info", "post outcomes with `nbprod outcome` or POST /outcomes"),
    "NBM011": ("warning", "compare the module that serves with the one that trained"),
    "NBM012": (
        "warning",
        "alerts.jsonl has them: tell the owner, then mend [monitor] alerts or what it names",
    ),
}
# These end the health's pass; the others only tell.
FAILING = frozenset({"NBM001", "NBM002", "NBM003", "NBM004"})


def finding(code: str, message: str, *, column: str | None = None, **details: Any) -> Finding:
    """A finding with the severity and hint of its rule."""
    severity, hint = _RULES[code]
    return Finding(
        code=code, severity=severity, message=message, hint=hint, column=column, details=details
    )
