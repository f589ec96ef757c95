"""What types cannot say of the settings: durations, ports, thresholds, shares."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbprod.config.places import place
from nbprod.config.values import DURATION_HINT, is_duration
from nbprod.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbprod.config.sections import Settings

_THRESHOLD = re.compile(r"^(>=|<=|>|<|==)\s*-?\d+(\.\d+)?(e[+-]?\d+)?$")
_TOLERANCE = re.compile(r"^(exact|(abs|rel):\d+(\.\d+)?(e-?\d+)?|ulp:\d+)$")
Wrong = tuple[str, str, str, str]  # section, key, what is wrong, hint


def check_values(settings: Settings, file: Path) -> None:
    """Raise ConfigError for the first value that makes no sense, with its place and the way out."""
    for check in (_durations, _serving, _tables, _judgements, _names):
        for section, key, message, hint in check(settings):
            origin = settings.origins.get(f"{section}.{key}", "default")
            raise ConfigError(
                f"{place(file, origin, section, key)} {message}", hint=hint, key=f"{section}.{key}"
            )


def _durations(settings: Settings) -> Iterator[Wrong]:
    for section, key in (
        ("envelope", "freshness"),
        ("gate", "timeout"),
        ("parity", "limit"),
        ("monitor", "window"),
        ("monitor", "label_delay"),
        ("retrain", "cooldown"),
    ):
        text = getattr(getattr(settings, section), key)
        if not is_duration(text):
            yield section, key, f"is {text!r}, not a duration", DURATION_HINT


def _serving(settings: Settings) -> Iterator[Wrong]:
    serving = settings.serving
    if not 0 <= serving.port <= 65535:
        yield "serving", "port", f"is {serving.port}", "a port is 0 to 65535"
    wanted = serving.replicas
    low, high = (wanted, wanted) if isinstance(wanted, int) else (
        wanted.get("min", 1), wanted.get("max", wanted.get("min", 1))
    )  # fmt: skip
    if not 1 <= low <= high:
        yield "serving", "replicas", f"is {wanted}", "at least 1, and min no more than max"
    if not isinstance(wanted, int) and wanted.get("target", 1) <= 0:
        yield "serving", "replicas", f"is {wanted}", "target is above 0: requests in one replica"
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", serving.device):
        yield "serving", "device", f"is {serving.device!r}", "auto, cpu, cuda or cuda:0"
    if serving.gpus < 0:
        yield "serving", "gpus", f"is {serving.gpus:g}", "0, a fraction of one, or a whole number"
    if serving.batch.get("max_rows", 1) < 1:
        yield "serving", "batch", f"is {serving.batch}", "max_rows is at least 1: no batches"
    if not is_duration(serving.log.get("keep", "1d")):
        yield "serving", "log", f"keeps {serving.log.get('keep')!r}, not a duration", DURATION_HINT


def _tables(settings: Settings) -> Iterator[Wrong]:
    holdout = settings.data.holdout
    if len(holdout) != 1:
        yield "data", "holdout", f"is {holdout}", '{ last = "30d" } or { fraction = 0.2 }'
    if not is_duration(holdout.get("last", "1d")):
        yield "data", "holdout", f"is {holdout}", DURATION_HINT
    if not 0 < holdout.get("fraction", 0.5) < 1:
        yield "data", "holdout", f"is {holdout}", "a fraction lies between 0 and 1"
    steps = settings.rollout.canary["steps"]
    if not steps or not all(0 < step <= 100 for step in steps):
        yield "rollout", "canary", f"has steps {list(steps)}", "percent of the traffic: 1 to 100"
    promotion = settings.rollout.canary["promotion"]
    if promotion not in ("automatic", "by hand"):
        hint = 'promotion = "automatic" or "by hand"'
        yield "rollout", "canary", f"has promotion {promotion!r}", hint
    ab = settings.rollout.ab
    if not (0 < ab["percent"] < 100 and 0 < ab["alpha"] < 1 and ab["max_rows"] > 0):
        yield (
            "rollout",
            "ab",
            f"is {dict(ab)}",
            "percent in (0, 100), alpha in (0, 1), max_rows > 0",
        )


def _judgements(settings: Settings) -> Iterator[Wrong]:
    for name, threshold in settings.gate.thresholds.items():
        if not _THRESHOLD.match(threshold.strip()):
            yield "gate", "thresholds", f"{name} is {threshold!r}", 'such as ">= 0.70"'
    for column, tolerance in settings.parity.tolerance.items():
        if not _TOLERANCE.match(tolerance):
            hint = "exact, abs:x, rel:x or ulp:n"
            yield "parity", "tolerance", f"{column} is {tolerance!r}", hint
    if not 0 < settings.gate.confidence < 1:
        yield "gate", "confidence", f"is {settings.gate.confidence}", "between 0 and 1"


def _names(settings: Settings) -> Iterator[Wrong]:
    if not settings.package.isidentifier():
        yield "module", "package", f"{settings.package!r} cannot be imported", "a Python name"
    if set(settings.data.key) & settings.not_inputs:
        yield "data", "key", "contains a column known only afterwards", "use another key"
