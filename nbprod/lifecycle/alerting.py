"""Alerts and who has seen them; an acknowledgement is a record of its own, never an edit."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.errors import NotFoundError
from nbprod.lifecycle.lineage import FOLDERS, person
from nbprod.records import Acknowledgement, Alert, Health

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.lifecycle.project import Project

_FOLDER = "acknowledgements"
_MOST_SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class ShownAlert:
    """An alert, the window that raised it, and who has seen it."""

    alert: Alert
    health_id: str
    acknowledged: Acknowledgement | None = None


def alerts(project: Project, windows: Iterable[Health]) -> tuple[ShownAlert, ...]:
    """The alerts of these windows, newest first, each with its newest acknowledgement."""
    seen = {
        record.alert_id: record for record in project.store.list(Acknowledgement, _FOLDER)
    }  # by time: a later one wins
    raised = [(alert, health.id) for health in windows for alert in health.alerts]
    shown = [
        ShownAlert(alert=alert, health_id=health_id, acknowledged=seen.get(alert.id))
        for alert, health_id in raised
    ]
    return tuple(sorted(shown, key=lambda item: item.alert.at, reverse=True)[:_MOST_SHOWN])


def acknowledge(project: Project, alert_id: str, *, by: str, note: str) -> Acknowledgement:
    """See `Project.acknowledge`."""
    known = {
        alert.id: alert
        for health in project.store.list(Health, FOLDERS[Health])
        for alert in health.alerts
        if alert.id
    }
    fits = [name for name in known if name == alert_id or name.startswith(alert_id or " ")]
    if len(fits) != 1:
        newest = ", ".join(list(known)[-3:])
        raise NotFoundError(
            f"{alert_id!r} names {'more than one' if fits else 'no'} alert",
            hint=f"`nbprod monitor` shows them; the latest: {newest or 'none yet'}",
        )
    record = Acknowledgement(alert_id=fits[0], code=known[fits[0]].code, by=by, note=note)
    record = dataclasses.replace(record, by=by or person())
    project.store.save(_FOLDER, record)
    return record
