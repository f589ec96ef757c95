"""A deployment's health at a glance: who answers, the last windows, and the alerts they raised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.errors import NbprodError
from nbprod.lifecycle.alerting import ShownAlert, alerts
from nbprod.lifecycle.lineage import FOLDERS
from nbprod.records import Deployment, Health

if TYPE_CHECKING:
    from nbprod.lifecycle.project import Project

_MOST_WINDOWS = 60


@dataclass(frozen=True, kw_only=True)
class WindowSummary:
    """One judged window in figures, for a line of a chart."""

    health_id: str
    start: str
    end: str
    requests: int
    errors: int
    degraded: int
    latency_p50_ms: float | None
    latency_p99_ms: float | None
    drifted: int  # columns over their threshold
    max_drift: float | None
    labelled: int
    quality: dict[str, float]
    passed: bool


@dataclass(frozen=True, kw_only=True)
class Board:
    """All that the health board shows; nothing here asks an engine or reads the log."""

    deployment: Deployment | None
    promised_p99_ms: float
    window: str  # how long a window is, as [monitor] says
    health: Health | None = None  # the newest
    windows: tuple[WindowSummary, ...] = ()  # oldest first
    alerts: tuple[ShownAlert, ...] = ()  # newest first
    damaged: tuple[str, ...] = ()  # what could not be read, and why


def board(project: Project) -> Board:
    """See `Board`."""
    from nbprod.lifecycle import deployments

    found: list[Health] = []
    damaged: list[str] = []
    for record_id in project.store.ids(FOLDERS[Health])[-_MOST_WINDOWS:]:
        try:
            found.append(project.store.load(Health, FOLDERS[Health], record_id))
        except NbprodError as error:
            damaged.append(error.message)
    current = None
    try:
        current = deployments.load(project)
    except NbprodError as error:
        damaged.append(error.message)
    raised, untold = alerts(project, found)
    return Board(
        deployment=current,
        promised_p99_ms=project.settings.envelope.p99_ms,
        window=project.settings.monitor.window,
        health=found[-1] if found else None,
        windows=tuple(map(_in_figures, found)),
        alerts=raised,
        damaged=(*damaged, *untold),
    )


def _in_figures(health: Health) -> WindowSummary:
    columns = [column for report in health.drift for column in report.columns]
    return WindowSummary(
        health_id=health.id,
        start=health.start,
        end=health.end,
        requests=health.requests,
        errors=health.errors,
        degraded=health.degraded,
        latency_p50_ms=health.latency_p50_ms,
        latency_p99_ms=health.latency_p99_ms,
        drifted=sum(column.drifted for column in columns),
        max_drift=max((column.distance for column in columns), default=None),
        labelled=health.labelled,
        quality=dict(health.quality),
        passed=health.passed,
    )
