"""Health: a real log, real profiles and real outcomes, judged over one window."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from nbprod.config import Data, Envelope, Gate, Model, Monitor, Serving, Settings
from nbprod.data.prediction_log import LogWriter, post_outcomes
from nbprod.data.profile import Profile
from nbprod.errors import ConfigError
from nbprod.monitoring import assess_health
from nbprod.records import Health, Outcome, Prediction, new_id

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 1, 1, tzinfo=UTC)
SETTINGS = Settings(
    project_path=".",
    model=Model(name="flight-delay", owner="ada@example.com", outcome="late"),
    envelope=Envelope(p99_ms=50),
    data=Data(key=("flight_id",), time="time_hour", label="late", known_after=("arr_delay",)),
    gate=Gate(thresholds={"auc": ">= 0.7", "brier": "<= 0.25"}),
    serving=Serving(log={"redact": ["tailnum"]}),
    monitor=Monitor(drift={"*": 0.2}, label_delay="1d"),
)


def flights(rows: int, *, winter: bool = False, seed: int = 0) -> pd.DataFrame:
    """Flights whose weather and delay depend on the season."""
    source = np.random.default_rng(seed)
    late = source.random(rows) < 0.3
    return pd.DataFrame(
        {
            "flight_id": [f"{seed}-{number}" for number in range(rows)],
            "time_hour": pd.date_range("2013-07-01", periods=rows, freq="h", tz="UTC"),
            "tailnum": [f"N{number}" for number in range(rows)],
            "carrier": source.choice(["UA", "AA", "DL"], rows),
            "temperature": source.normal(-2 if winter else 25, 5, rows),
            "late": late.astype(int),
            "arr_delay": late * 60.0,
            "score": np.clip(late * 0.4 + source.random(rows) * 0.6, 0, 1),
        }
    )


INPUTS = ["flight_id", "time_hour", "tailnum", "carrier", "temperature"]


def features(rows: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame({"is_cold": rows["temperature"] < 10, "t2": rows["temperature"] ** 2})


class Service:
    """A served model: what it was trained on, and what it logs."""

    def __init__(self, folder: Path) -> None:
        self.log, self.profiles = folder / "logs", folder / "profiles"
        self.reference = folder / "reference.bin"
        training = flights(5000, seed=1)
        profile = Profile.empty().track(training.drop(columns="score"), part="input")
        profile.track(features(training), part="features")
        profile.track(training[["score"]].set_axis(["late"], axis=1), part="output")
        profile.save(self.reference)

    def serve(
        self, rows: pd.DataFrame, *, at: datetime = START, **changes: Any
    ) -> list[Prediction]:
        records = []
        computed = features(rows)
        for number, row in enumerate(rows.to_dict("records")):
            batch = row["flight_id"].partition("-")[0]
            plain: dict[str, Any] = {
                "id": new_id(), "at": at.isoformat(), "deployment": "flight-delay",
                "release": "3", "role": "champion", "request_id": f"{batch}-{number // 2}",
                "inputs": {name: row[name] for name in INPUTS},
                "features": computed.iloc[number].to_dict(), "output": row["score"],
                "latency_ms": float(number % 80 // 2), "key": {"flight_id": row["flight_id"]},
            }  # fmt: skip
            records.append(Prediction(**plain | changes))
        with LogWriter(self.log, writer_id="r0", redact=["tailnum"]) as writer:
            writer.append(records)
        return records

    def label(self, rows: pd.DataFrame) -> None:
        keys = zip(rows["flight_id"], rows["late"], strict=True)
        post_outcomes(
            self.log, [Outcome(outcome=int(o), name="late", key={"flight_id": k}) for k, o in keys]
        )

    def health(self, settings: Settings = SETTINGS, **changes: Any) -> Health:
        plain: dict[str, Any] = {
            "deployment": "flight-delay", "log_folder": self.log,
            "profile_folder": self.profiles, "references": {"3": self.reference},
            "settings": settings, "start": START, "end": START + timedelta(hours=1),
        }  # fmt: skip
        return assess_health(**plain | changes)


@pytest.fixture
def service(tmp_path: Path) -> Service:
    return Service(tmp_path)


def codes(health: Health) -> set[str]:
    return {item.code for item in health.findings}


def test_healthy_window_passes(service: Service) -> None:
    """The training's season, answered in time, with good labels: nothing is found."""
    rows = flights(600)
    service.serve(rows)
    service.label(rows)
    health = service.health()
    assert health.passed, health.findings
    assert health.findings == health.alerts == ()
    assert health.unjudged == ""
    assert (health.requests, health.errors, health.degraded, health.labelled) == (300, 0, 0, 600)
    latencies = [number % 40 for number in range(300)]
    assert health.latency_p50_ms == pytest.approx(np.quantile(latencies, 0.5))
    assert health.latency_p99_ms == pytest.approx(np.quantile(latencies, 0.99))
    assert health.predictions_by_release == {"3": 600}
    assert health.quality["auc"] > 0.8
    assert health.quality["coverage"] == 1
    names = {f"{column.part}.{column.column}" for column in health.drift[0].columns}
    assert names == {
        "input.carrier", "input.temperature", "features.is_cold", "features.t2", "output.late",
    }  # fmt: skip
    assert Health.from_json(health.to_json()) == health


def test_later_season_is_told_from_training(service: Service) -> None:
    """Winter on a model of summer drifts, most in the temperature; the owner is alerted."""
    service.serve(flights(600, winter=True))
    health = service.health()
    assert not health.passed
    (report,) = health.drift
    drifted = {column.column for column in report.columns if column.drifted}
    assert drifted == {"temperature", "is_cold", "t2"}
    assert not report.passed
    (alert,) = health.alerts
    assert (alert.code, alert.owner) == ("NBM001", "ada@example.com")
    written = (service.log / "alerts.jsonl").read_text().splitlines()
    assert [json.loads(line)["message"] for line in written] == [alert.message]


def test_requests_are_told_apart(service: Service) -> None:
    """Rows of one request are one; without an id, or in another second, each is its own."""
    service.serve(flights(4), request_id="")
    service.serve(flights(4, seed=2), request_id="same")
    service.serve(flights(4, seed=3), request_id="same", at=START + timedelta(seconds=1))
    assert service.health().requests == 4 + 1 + 1


def test_broken_envelope_fails(service: Service) -> None:
    """A p99 over the envelope fails, unless the requests are too few to have one."""
    service.serve(flights(400), latency_ms=70.0)
    health = service.health()
    assert "NBM002" in codes(health)
    assert not health.passed
    few = Service(service.log.parent / "few")
    few.serve(flights(90), latency_ms=70.0)
    assert "NBM002" not in codes(few.health())
    assert few.health().unjudged == "too few rows: 90 of 100 needed"


def test_bad_quality_fails_once_there_are_labels(service: Service) -> None:
    """A model that guesses fails its gate's threshold, but not on a handful of labels."""
    rows = flights(600).assign(score=np.random.default_rng(5).random(600))
    service.serve(rows)
    service.label(rows.head(50))
    health = service.health()
    assert "NBM010" in codes(health)
    assert "NBM003" not in codes(health)
    assert health.labelled == 50
    service.label(rows)
    health = service.health()
    assert {"auc", "brier"} == {
        item.details["metric"] for item in health.findings if item.code == "NBM003"
    }
    assert not health.passed


def test_labels_that_come_late_are_used(service: Service) -> None:
    """Where the window has no labels yet, the predictions of a label delay before are judged."""
    earlier, rows = flights(400, seed=7), flights(400, seed=8)
    service.serve(earlier, at=START - timedelta(hours=5))
    service.serve(rows)
    service.label(earlier)
    health = service.health()
    assert health.labelled == 400
    assert health.quality["coverage"] == pytest.approx(0.5)
    assert health.predictions_by_release == {"3": 400}


def test_altered_record_fails(service: Service) -> None:
    """A record that was changed in the log fails the window."""
    service.serve(flights(50))
    path = next((service.log / "predictions").iterdir())
    path.write_bytes(path.read_bytes().replace(b'"role":"champion"', b'"role":"champioN"', 2))
    health = service.health()
    assert health.damaged_records == 2
    assert not health.passed
    assert [alert.code for alert in health.alerts] == ["NBM004"]


def test_what_only_tells_does_not_fail(service: Service) -> None:
    """Degraded answers, errors, an unknown release and a shadow are told; the window passes."""
    service.serve(flights(300))
    service.serve(flights(20, seed=3), degraded=True)
    service.serve(flights(20, seed=4), release="unreleased")
    service.serve(flights(150, seed=5), role="shadow", latency_ms=900.0)
    health = service.health(errors=2)
    assert health.passed
    assert codes(health) == {"NBM005", "NBM007", "NBM009", "NBM010"}
    (told,) = [item for item in health.findings if item.code == "NBM007"]
    assert told.message.startswith("an unreleased candidate has no reference profile")
    assert (health.degraded, health.errors) == (20, 2)
    assert health.requests == 150 + 10 + 10 + 2  # two rows a request; the errors are requests
    assert health.latency_p99_ms is not None
    assert health.latency_p99_ms < 50
    assert health.predictions_by_release == {"3": 470, "unreleased": 20}


def test_empty_window(service: Service) -> None:
    """Without traffic there is nothing to judge, and that is said."""
    health = service.health()
    assert health.passed
    assert codes(health) == {"NBM006"}
    assert health.unjudged == "no request in the window"
    assert (health.requests, health.latency_p99_ms, health.quality) == (0, None, {})
    with pytest.raises(ConfigError, match="empty"):
        service.health(start=START, end=START)


def test_a_url_that_did_not_take_the_alerts_is_named(service: Service) -> None:
    """Without what may be secret in it, and with why."""
    service.serve(flights(600, winter=True))
    monitor = replace(SETTINGS.monitor, alerts=("slak://hunter22222",))
    health = service.health(replace(SETTINGS, monitor=monitor))
    (told,) = [item for item in health.findings if item.code == "NBM012"]
    assert told.severity == "warning"
    assert "slak://…: it is not a notification URL" in told.message
    assert "hunter22222" not in told.message


def test_moments_may_be_text(service: Service) -> None:
    """The window's ends may be ISO 8601 text, and the start is included, the end is not."""
    service.serve(flights(10))
    end = (START + timedelta(seconds=1)).isoformat()
    assert service.health(start=START.isoformat(), end=end).requests == 5
    before = (START - timedelta(hours=1)).isoformat()
    assert service.health(start=before, end=START.isoformat()).requests == 0
