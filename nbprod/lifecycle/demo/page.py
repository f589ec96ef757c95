"""The demo's record and measurements, arranged for its report."""

from __future__ import annotations

import os
import platform
import statistics
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.reporting.demo import DemoData, demo_page

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.lifecycle.demo.road import Road
    from nbprod.lifecycle.demo.traffic import Exchange
    from nbprod.lifecycle.project import Project
    from nbprod.records import Demonstration, Health, TrainingRun

_BIN_S = 1.0
_MARKS = {
    "kill": True,
    "bad canary": True,
    "canary": False,
    "promote": False,
    "rollback": True,
}  # name -> bad news
_JUDGED = ("parity", "gate")  # a step that did not pass would have ended the road
# Steps that are verbs of the command line, with the command a person would type.
_COMMANDS = {
    "init": "nbprod init --recipe flights",
    "contract": "nbprod contract infer",
    "canary": "nbprod deploy --canary --percent 20",
    "broken rows": "POST /predict",
    "kill -9": "kill -9",
    "bad canary": "nbprod deploy --canary --percent 20",
    "outcomes": "POST /outcomes",
    "prediction log": "nbprod predictions query",
}


def write_report(road: Road, project: Project, record: Demonstration) -> None:
    """Write the self-contained page beside the project."""
    settings = project.settings
    data: DemoData = {
        "title": f"{settings.model.name}: from a notebook to a watched service",
        "model": settings.model.name,
        "owner": settings.model.owner,
        "decision": settings.model.decision,
        "generated_at": record.created_at,
        "machine": f"{os.cpu_count()} cores, {platform.system()}, "
        f"Python {platform.python_version()}",
        "tiles": _tiles(record),
        "stages": [
            {
                "name": step.name,
                "command": _command(step.name),
                "duration_s": step.duration_s,
                "verdict": "passed" if step.name.split(" ")[0] in _JUDGED else "done",
                "detail": step.result,
            }
            for step in record.steps
        ],
        "inspection": road.records["inspection"],
        "parity": road.records["parity"],
        "gate": road.records["gate 1"],
        "traffic": _traffic(road, settings.envelope.p99_ms),
        "health": road.records["health"],
        "quality": _quality(road.records["run 1"], road.records["health"]),
        "why": road.records["why"],
        "notes": _notes(record),
    }
    Path(record.report).write_text(demo_page(data), encoding="utf-8")


def _command(step: str) -> str:
    verb = step.split(" ")[0] if step[-1:].isdigit() else step
    return _COMMANDS.get(step, f"nbprod {verb}")


def _tiles(record: Demonstration) -> list[tuple[str, str, str]]:
    return [
        ("requests", f"{record.requests:,}", f"{record.failed_requests} failed"),
        ("rollback", f"{record.rollback_ms:.0f} ms", "from the call to its acknowledgement"),
        ("late answers", str(record.late_answers), "of the bad release, after that"),
        ("not in the log", str(record.missing_from_log), f"of {record.acknowledged:,}"),
        ("broken rows", str(record.refused_rows), "refused with the field's name"),
        ("whole road", f"{sum(s.duration_s for s in record.steps):.0f} s", "on this machine"),
    ]


def _traffic(road: Road, promised_p99_ms: float) -> Any:
    traffic = road.traffic
    assert traffic is not None
    exchanges = sorted(traffic.exchanges, key=lambda item: item.at_s)
    first = exchanges[0].at_s
    bins: list[list[Exchange]] = [[] for _ in range(int((exchanges[-1].at_s - first) / _BIN_S) + 1)]
    for item in exchanges:
        bins[int((item.at_s - first) / _BIN_S)].append(item)
    releases = sorted({item.release for item in exchanges if item.release})
    marks = [
        {"t": road.moments[name] - first, "label": name, "bad": bad}
        for name, bad in _MARKS.items()
        if name in road.moments
    ]
    return {
        "t": [index * _BIN_S for index in range(len(bins))],
        "requests_per_s": {
            f"release {release}": [
                sum(1 for item in group if item.release == release) / _BIN_S for group in bins
            ]
            for release in releases
        },
        "errors_per_s": [sum(1 for item in group if item.failed) / _BIN_S for group in bins],
        "p50_ms": [_quantile(group, 50) for group in bins],
        "p99_ms": [_quantile(group, 99) for group in bins],
        "marks": marks,
        "requests": len(exchanges),
        "failed": sum(1 for item in exchanges if item.failed),
        "promised_p99_ms": promised_p99_ms,
    }


def _quantile(group: Sequence[Exchange], percent: int) -> float | None:
    latencies = [item.latency_ms for item in group if not item.failed]
    if not latencies:
        return None
    if len(latencies) == 1:
        return latencies[0]
    return statistics.quantiles(latencies, n=100, method="inclusive")[percent - 1]


def _quality(run: TrainingRun, health: Health) -> Any:
    return [
        {
            "window": "training, held out",
            "rows": run.holdout_rows,
            "metrics": {name: run.metrics[name] for name in health.quality if name in run.metrics},
        },
        {
            "window": "later months, served",
            "rows": health.labelled,
            "metrics": dict(health.quality),
        },
    ]


def _notes(record: Demonstration) -> list[str]:
    return [
        "The second release is the same notebook with other hyperparameters; it is rolled back "
        "to show how fast that is, not because it is bad.",
        f"One replica was ended with kill -9 under traffic: {record.failed_at_kill} requests "
        "inside it, or sent before the engine noticed, got an error instead of an answer.",
        "The process of the bad canary was ended with kill -9 as often as it came back: the "
        "controller beside the deployment ended the trial, and the champion answered meanwhile.",
        "The good canary is promoted by hand here; with time the controller takes its steps.",
    ]
