"""Alerts: one for each thing that fails, written for the owner."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from nbprod.errors import StoreError
from nbprod.monitoring.alerts import alerts_for, write_alerts
from nbprod.monitoring.rules import finding

if TYPE_CHECKING:
    from pathlib import Path


def test_one_alert_a_code(tmp_path: Path) -> None:
    """Ten drifted columns are one alert; findings that only tell are none."""
    findings = [finding("NBM001", f"column {n} drifted") for n in range(10)]
    findings += [finding("NBM003", "auc is low"), finding("NBM008", "few rows")]
    alerts = alerts_for(findings, "ada@example.com", tmp_path / "alerts.jsonl")
    assert [alert.code for alert in alerts] == ["NBM001", "NBM003"]
    assert alerts[0].message == "column 0 drifted (and 9 more)"
    assert {alert.owner for alert in alerts} == {"ada@example.com"}


def test_alerts_are_appended(tmp_path: Path) -> None:
    """Each assessment adds its alerts to the file; none makes no file."""
    path = tmp_path / "log" / "alerts.jsonl"
    write_alerts([], path)
    assert not path.exists()
    alerts = alerts_for([finding("NBM004", "altered")], "ada", path)
    write_alerts(alerts, path)
    write_alerts(alerts, path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["code"] for line in lines] == ["NBM004", "NBM004"]
    assert lines[0]["sent_to"] == ["alerts.jsonl"]


def test_unwritten_alert_is_an_error(tmp_path: Path) -> None:
    """An alert that cannot be written is not dropped in silence."""
    (tmp_path / "log").write_text("a file")
    alerts = alerts_for([finding("NBM004", "altered")], "ada", tmp_path / "log" / "a.jsonl")
    with pytest.raises(StoreError, match="cannot be written"):
        write_alerts(alerts, tmp_path / "log" / "a.jsonl")
