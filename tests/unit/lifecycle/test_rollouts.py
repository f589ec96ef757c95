"""Whoever owns the model hears of what the rollout did by itself."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from nbprod.config import load_settings
from nbprod.errors import RefusedError, exit_code
from nbprod.lifecycle import rollouts
from nbprod.lifecycle.gathering import Gatherer
from nbprod.lifecycle.loop import log_folder
from nbprod.lifecycle.project import Project
from nbprod.lifecycle.rollouts import _owner_told
from nbprod.lifecycle.trials import _on_trial
from nbprod.records import Deployment, RolloutDecision, RolloutStep, TrafficState, utc_now

TOML = """
[model]
name = "trips"
owner = "ops@example.com"
[notebooks]
train = "train.ipynb"
[monitor]
alerts = ["slack://T/B/abcdefghijklmnop?token=hunter22222"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "nbprod.toml").write_text(TOML)
    return Project(load_settings(tmp_path))


def aborted() -> RolloutDecision:
    traffic = TrafficState(roles={"champion": 1, "canary": 7}, canary_fraction=0.1)
    reason = "the canary's error rate is 0.5"
    return RolloutDecision(deployment="trips", action="abort", reason=reason, traffic=traffic)


def test_the_owner_is_alerted_of_a_release_taken_off_traffic(project: Project) -> None:
    """One line for the owner, and a warning in the decision that it went nowhere else."""
    findings = _owner_told(project, aborted())
    (line,) = (log_folder(project) / "alerts.jsonl").read_text().splitlines()
    alert = json.loads(line)
    assert (alert["code"], alert["owner"]) == ("NBR001", "ops@example.com")
    assert alert["message"] == (
        "release 7 was taken off traffic by itself: the canary's error rate is 0.5"
    )
    assert [(one.code, one.severity) for one in findings] == [
        ("NBR001", "warning"),
        ("NBR002", "warning"),
    ]
    assert "hunter22222" not in findings[1].message


def test_a_rollouts_alert_is_on_the_board_and_can_be_acknowledged(project: Project) -> None:
    """It is raised by no window; a line that is no alert is told and hides none."""
    _owner_told(project, aborted())
    with (log_folder(project) / "alerts.jsonl").open("a") as file:
        file.write("{half a line\n")
    (shown,) = project.board().alerts
    assert (shown.alert.code, shown.health_id, shown.acknowledged) == ("NBR001", "", None)
    assert project.board().damaged == ("1 lines of alerts.jsonl are no alerts",)
    project.acknowledge(shown.alert.id, by="ops@example.com")
    (seen,) = project.board().alerts
    assert seen.acknowledged is not None
    assert seen.acknowledged.by == "ops@example.com"


def test_an_alert_that_cannot_be_written_does_not_undo_the_abort(project: Project) -> None:
    """It is an error in the decision, which is kept."""
    log_folder(project).parent.mkdir(parents=True)
    log_folder(project).write_text("a file where the folder should be")
    codes = {one.severity: one.code for one in _owner_told(project, aborted())}
    assert codes["error"] == "NBR002"


def test_nothing_on_trial_is_refused_like_every_verb_that_does_not_fit(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An abort without canary or shadow ends with 1, as promote and pause do: it is reachable."""
    told = {"traffic": TrafficState(roles={"champion": 1}).to_json()}
    monkeypatch.setattr(rollouts.deployments, "running", lambda _: None)
    monkeypatch.setattr(rollouts.deployments, "live", lambda *_: told)
    with pytest.raises(RefusedError, match="neither a canary nor a shadow") as caught:
        project.abort()
    assert exit_code(caught.value) == 1


def test_a_look_at_no_canary_is_refused_and_the_controllers_waits(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who asks once is told so, with 1; the controller looks again."""
    told = {"traffic": TrafficState(roles={"champion": 1}).to_json(), "replicas": []}
    told["history"] = [
        RolloutStep(at=utc_now(), action="deploy", by="me", traffic=TrafficState()).to_json()
    ]
    current = Deployment(name="trips", url="", engine_id="", address="")
    monkeypatch.setattr(rollouts.deployments, "running", lambda _: current)
    monkeypatch.setattr(rollouts.deployments, "live", lambda *_: told)
    with pytest.raises(RefusedError, match="no canary to advance") as caught:
        project.advance_rollout()
    assert exit_code(caught.value) == 1
    assert rollouts.advance(project, gatherer=Gatherer()).action == "hold"


def test_a_trial_that_is_asked_for_again_goes_on() -> None:
    """The same release as the same kind of trial, at its share or at none that is named."""
    canary = TrafficState(roles={"champion": 1, "canary": 2}, canary_fraction=0.3, shadows=(3,))
    tested = dataclasses.replace(canary, experiment={"outcome": "late"})
    assert _on_trial(canary, "canary", 2, None)
    assert _on_trial(canary, "canary", 2, 30.0)
    assert not _on_trial(canary, "canary", 2, 50.0)
    assert not _on_trial(canary, "canary", 4, None)
    assert not _on_trial(tested, "canary", 2, None)
    assert _on_trial(tested, "ab", 2, None)
    assert not _on_trial(canary, "ab", 2, None)
    assert _on_trial(canary, "shadow", 3, None)
    assert not _on_trial(canary, "shadow", 2, None)
