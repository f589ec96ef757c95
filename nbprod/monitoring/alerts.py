"""Telling the owner: each alert is written to a file first, then sent to the notification URLs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nbprod.errors import StoreError
from nbprod.monitoring.notification import Undelivered, notify
from nbprod.monitoring.rules import FAILING
from nbprod.records import Alert, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from nbprod.records import Finding

ALERTS_FILE = "alerts.jsonl"  # in the folder of the prediction log


def alerts_for(findings: Iterable[Finding], owner: str, path: Path) -> tuple[Alert, ...]:
    """One alert for each failing code, naming its first finding and how many follow."""
    by_code: dict[str, list[Finding]] = {}
    for item in findings:
        if item.code in FAILING:
            by_code.setdefault(item.code, []).append(item)
    return tuple(
        Alert(
            code=code,
            message=items[0].message + (f" (and {len(items) - 1} more)" if items[1:] else ""),
            owner=owner,
            sent_to=(path.name,),
            id=new_id(),
        )
        for code, items in by_code.items()
    )


def tell(
    alerts: Iterable[Alert], path: Path, urls: Sequence[str], *, deployment: str
) -> tuple[tuple[Alert, ...], tuple[Undelivered, ...]]:
    """Write alerts to the file, then send them; the alerts with where they went, and what failed.

    What was sent stands in the file a second time, under the same id, with where it went.
    Raises StoreError when the file cannot be written; then the URLs are told all the same.
    """
    raised = tuple(alerts)
    try:
        write_alerts(raised, path)
    except StoreError:
        notify(raised, urls, deployment=deployment)
        raise
    told, failed = notify(raised, urls, deployment=deployment)
    if told != raised:
        write_alerts(told, path)
    return told, failed


def write_alerts(alerts: Iterable[Alert], path: Path) -> None:
    """Append alerts to a file of JSON lines; StoreError when it cannot be written."""
    lines = [json.dumps(alert.to_json(), ensure_ascii=False) + "\n" for alert in alerts]
    if not lines:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("".join(lines))
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="make room on the disk: the owner was not told",
        ) from error


def read_alerts(path: Path) -> tuple[list[Alert], int]:
    """The alerts of a file in their order, and how many of its lines are none.

    Of several lines with one id the last one holds.
    """
    found: dict[str, Alert] = {}
    damaged = 0
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:  # nobody was alerted yet
        return [], 0
    except OSError as error:
        raise StoreError(
            f"{path} cannot be read: {error.strerror or error}", hint="look at its permissions"
        ) from error
    for number, line in enumerate(lines):
        try:
            alert = Alert.from_json(json.loads(line))
            found[alert.id or f"line {number}"] = alert
        except (ValueError, TypeError, StoreError):
            damaged += 1
    return list(found.values()), damaged
