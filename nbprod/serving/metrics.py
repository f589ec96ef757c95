"""Numbers of one serving process, as Prometheus reads them.

Each replica shows its own; the label ``replica`` tells them apart.
"""

from __future__ import annotations

import contextlib
import logging
import sys
import threading
import time
from bisect import bisect_left
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_LATENCY_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_STAGE_S = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5)
_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
_FRESH_S = 10.0  # a replica shares its numbers each second while it lives
_LOGGER = logging.getLogger(__name__)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Labels = tuple[tuple[str, str], ...]


class _Histogram:
    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def lines(self, name: str, labels: Labels) -> list[str]:
        lines, seen = [], 0
        for bound, count in zip((*self.bounds, "+Inf"), self.counts, strict=True):
            seen += count
            lines.append(f"{name}_bucket{_text((*labels, ('le', str(bound))))} {seen}")
        lines.append(f"{name}_sum{_text(labels)} {self.total}")
        lines.append(f"{name}_count{_text(labels)} {seen}")
        return lines


class Metrics:
    """Counters and histograms; safe from several threads."""

    def __init__(self, **labels: str) -> None:
        self._labels: Labels = tuple(labels.items())
        self._lock = threading.Lock()
        self._counters: dict[str, dict[Labels, float]] = defaultdict(lambda: defaultdict(float))
        self._latency: dict[str, _Histogram] = {}
        self._stages: dict[str, _Histogram] = {}
        self._batch_rows = _Histogram(_ROWS)

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add to the counter ``nbprod_<name>_total``."""
        with self._lock:
            self._counters[name][tuple(labels.items())] += amount

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count one request and its time, in seconds."""
        with self._lock:
            self._counters["requests"][("route", route), ("code", str(status))] += 1
            histogram = self._latency.get(route)
            if histogram is None:
                histogram = self._latency[route] = _Histogram(_LATENCY_S)
            histogram.observe(seconds)

    def batch(self, rows: int) -> None:
        """Count one computed batch and its rows."""
        with self._lock:
            self._batch_rows.observe(rows)

    def stage(self, name: str, *seconds: float) -> None:
        """Count what a stage of answering took, in seconds: queue, validate, transform…"""
        with self._lock:
            histogram = self._stages.get(name)
            if histogram is None:
                histogram = self._stages[name] = _Histogram(_STAGE_S)
            for value in seconds:
                histogram.observe(value)

    def render(self, gauges: Mapping[str, float]) -> str:
        """Everything in the text format 0.0.4; gauges are read by the caller."""
        lines: list[str] = []
        with self._lock:
            for name, values in sorted(self._counters.items()):
                lines.append(f"# TYPE nbprod_{name}_total counter")
                for labels, value in values.items():
                    lines.append(
                        f"nbprod_{name}_total{_text((*self._labels, *labels))} {_number(value)}"
                    )
            lines.append("# TYPE nbprod_request_seconds histogram")
            for route, histogram in self._latency.items():
                labels = (*self._labels, ("route", route))
                lines += histogram.lines("nbprod_request_seconds", labels)
            lines.append("# TYPE nbprod_stage_seconds histogram")
            for stage, histogram in self._stages.items():
                labels = (*self._labels, ("stage", stage))
                lines += histogram.lines("nbprod_stage_seconds", labels)
            lines.append("# TYPE nbprod_batch_rows histogram")
            lines += self._batch_rows.lines("nbprod_batch_rows", self._labels)
        for name, value in sorted(gauges.items()):
            kind = "counter" if name.endswith("_total") else "gauge"
            lines.append(f"# TYPE nbprod_{name} {kind}")
            lines.append(f"nbprod_{name}{_text(self._labels)} {_number(value)}")
        return "\n".join(lines) + "\n"


def gpu_memory() -> dict[str, float]:
    """Bytes that a loaded torch holds on its GPUs; empty without one."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return {}
    return {"gpu_memory_bytes": float(torch.cuda.memory_allocated())}


def share(path: Path, text: str) -> None:
    """Leave the numbers where the other replicas on this machine find them."""
    aside = path.with_suffix(".part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.write_text(text, encoding="utf-8")
        aside.replace(path)
    except OSError as error:
        _LOGGER.warning("metrics cannot be shared in %s: %s", path.parent, error)


def together(own: str, path: Path) -> str:
    """A replica's own numbers with those that the others shared of late, family by family."""
    texts = [own]
    for other in sorted(path.parent.glob("*.prom")):
        with contextlib.suppress(OSError):
            if other != path and time.time() - other.stat().st_mtime < _FRESH_S:
                texts.append(other.read_text(encoding="utf-8"))
    families: dict[str, list[str]] = {}
    for text in texts:
        head = ""
        for line in text.splitlines():
            if line.startswith("#"):
                head = line
                families.setdefault(head, [])
            else:
                families[head].append(line)
    return "".join(
        f"{head}\n" + "".join(f"{x}\n" for x in lines) for head, lines in families.items()
    )


def _text(labels: Labels) -> str:
    inside = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels)
    return f"{{{inside}}}" if inside else ""


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)
