"""Alerts and who has seen them; an acknowledgement is a record of its own, never an edit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.errors import NotFoundError, StoreError
from nbprod.lifecycle.lineage import FOLDERS, person
from nbprod.records import Acknowledgement, Alert, Health

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.lifecycle.project import Project

_FOLDER = "acknowledgements"
_MOST_SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class ShownAlert:
    """An alert, the window that raised it ("" for a rollout's), and who has seen it."""

    alert: Alert
    health_id: str
    acknowledged: Acknowledgement | None = None


def alerts(
    project: Project, windows: Iterable[Health]
) -> tuple[tuple[ShownAlert, ...], tuple[str, ...]]:
    """Alerts of these windows and of rollouts, newest first, with their acknowledgements.

    Beside them, what could not be read.
    """
    seen = {
        record.alert_id: record for record in project.store.list(Acknowledgement, _FOLDER)
    }  # by time: a later one wins
    raised = [(alert, health.id) for health in windows for alert in health.alerts]
    of_rollouts, untold = _of_rollouts(project)
    raised += [(alert, "") for alert in of_rollouts]
    shown = [
        ShownAlert(alert=alert, health_id=health_id, acknowledged=seen.get(alert.id))
        for alert, health_id in raised
    ]
    newest = sorted(shown, key=lambda item: item.alert.at, reverse=True)
    return tuple(newest[:_MOST_SHOWN]), untold


def acknowledge(project: Project, alert_id: str, *, by: str, note: str) -> Acknowledgement:
    """See `Project.acknowledge`."""
    windows = project.store.list(Health, FOLDERS[Health])
    raised = [alert for health in windows for alert in health.alerts]
    known = {alert.id: alert for alert in (*raised, *_of_rollouts(project)[0]) if alert.id}
    fits = [name for name in known if name == alert_id or name.startswith(alert_id or " ")]
    if len(fits) != 1:
        newest = ", ".join(list(known)[-3:])
        raise NotFoundError(
            f"{alert_id!r} names {'more than one' if fits else 'no'} alert",
            hint=f"`nbprod monitor` shows them; the latest: {newest or 'none yet'}",
        )
    code = known[fits[0]].code
    record = Acknowledgement(alert_id=fits[0], code=code, by=by or person(), note=note)
    project.store.save(_FOLDER, record)
    return record


def _of_rollouts(project: Project) -> tuple[list[Alert], tuple[str, ...]]:
    """What a rollout told the owner: it stands in the file of alerts alone, in no window."""
    from nbprod.lifecycle.loop import log_folder
    from nbprod.monitoring.alerts import ALERTS_FILE, read_alerts

    try:
        found, damaged = read_alerts(log_folder(project) / ALERTS_FILE)
    except StoreError as error:
        return [], (error.message,)
    untold = (f"{damaged} lines of {ALERTS_FILE} are no alerts",) if damaged else ()
    return [alert for alert in found if alert.code.startswith("NBR") and alert.id], untold
