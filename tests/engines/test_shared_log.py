"""The prediction log in a real PostgreSQL: shared, durable, and degraded in plain sight without it."""

from __future__ import annotations

import asyncio
import dataclasses
import importlib.util
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from postgres import Cluster

from nbprod.data import prediction_log
from nbprod.data.prediction_log import LogWriter, find, query
from nbprod.data.prediction_log.sheets import predictions, sheet
from nbprod.errors import ConfigError, StoreError, TamperedRecordError
from nbprod.lifecycle.gathering import Gathering, Question
from nbprod.records import Outcome, Prediction, new_id, new_ids, utc_now
from nbprod.serving import LocalService, ServiceOptions

pytestmark = pytest.mark.engine
SHARED = (
    "at", "deployment", "release", "role", "request_id", "latency_ms", "degraded",
    "module_version", "routing_key",
)  # fmt: skip


def prediction(**changes: Any) -> Prediction:
    plain: dict[str, Any] = {
        "id": new_id(), "at": utc_now(), "deployment": "d", "release": "3", "role": "champion",
        "request_id": "r", "inputs": {"carrier": "UA"}, "features": {"hour": 7.0},
        "output": 0.25, "latency_ms": 1.5, "key": {"flight_id": 7},
    }  # fmt: skip
    return Prediction(**plain | changes)


@pytest.fixture
def folder(tmp_path: Path, postgres_url: str) -> Path:
    prediction_log.share(tmp_path / "logs", postgres_url, "d")
    return tmp_path / "logs"


def test_replicas_of_several_machines_read_what_each_other_wrote(
    folder: Path, tmp_path: Path, postgres_url: str
) -> None:
    """Two folders that point to one database hold one log; outcomes are idempotent in it."""
    elsewhere = tmp_path / "elsewhere"
    prediction_log.share(elsewhere, postgres_url, "d")
    prediction_log.share(tmp_path / "another", postgres_url, "another")
    mine, theirs = prediction(), prediction(release="4")
    common = {name: getattr(theirs, name) for name in SHARED}
    rows = [{"carrier": "AA"}, {"carrier": "DL"}]
    of_one_request = sheet(new_ids(2), rows, rows, [0, 1], key=("carrier",), **common)
    apart = [Prediction(**plain) for plain in predictions(of_one_request)]
    with LogWriter(folder, writer_id="r0") as one, LogWriter(elsewhere, writer_id="r1") as other:
        one.append([mine])
        other.append([theirs])
        other.submit([of_one_request]).result()
    both = {record.id for record in apart}
    assert {record.id for record in query(folder)} == {mine.id, theirs.id} | both
    assert find(elsewhere, mine.id) == mine
    assert [find(folder, record.id) for record in apart] == apart
    assert query(elsewhere, where="inputs.carrier = 'UA'", release="4") == [theirs]
    assert query(tmp_path / "another") == []
    posted = [
        Outcome(outcome=1, name="late", prediction_id=mine.id),
        Outcome(outcome=0, name="late", prediction_id=new_id()),
    ]
    first = prediction_log.post_outcomes(elsewhere, posted)
    assert (first.accepted, len(first.unknown)) == (1, 1)
    again = prediction_log.post_outcomes(folder, posted)
    assert (again.accepted, again.duplicates) == (0, 1)
    assert prediction_log.outcomes(folder)[mine.id].outcome == 1
    assert prediction_log.counts(folder, None, None)["labelled"] == 1
    assert not list(folder.rglob("*.jsonl"))


def test_no_text_of_a_caller_stops_the_log(folder: Path) -> None:
    """Separators of lines that are none of ours, and NUL, are kept like any other text."""
    texts = ["a\u2028b\x85c\x0bd", "nul \0, written \\u0000"]
    records = [prediction(request_id=text, inputs={text: text}) for text in texts]
    with LogWriter(folder, writer_id="r0") as writer:
        writer.append(records)
        writer.append_outcomes([Outcome(outcome=texts[1], name="x", prediction_id=records[0].id)])
    assert [find(folder, record.id) for record in records] == records
    assert prediction_log.outcomes(folder)[records[0].id].outcome == texts[1]


def test_a_rollout_s_sums_follow_a_shared_log(folder: Path) -> None:
    """Rows that are read again, because a commit may come late, count once; outcomes too."""
    since = utc_now()
    question = Question(
        folder, since=(("champion", since), ("canary", since)), task="regression", outcome="late"
    )
    gathering = Gathering(question)
    with LogWriter(folder, writer_id="r0") as writer:
        for number in range(3):
            made = prediction(output=float(number))
            writer.append([made])
            told = Outcome(outcome=1.0, name="late", prediction_id=made.id)
            prediction_log.post_outcomes(folder, [told])
            gathering.read()
    found = gathering.observed({})["champion"]
    assert found.latencies.count == 3
    assert (found.scores["mae"].count, found.scores["mae"].total) == (3, 2.0)


def test_no_acknowledged_record_is_missing_after_kill_9_of_the_database(
    folder: Path, postgres_cluster: Cluster
) -> None:
    """What was acknowledged is there; what was refused said so; afterwards it is written again."""
    acknowledged, refused = [], 0
    with LogWriter(folder, writer_id="r0") as writer:
        for number in range(300):
            record = prediction()
            if number == 100:
                postgres_cluster.kill()
                killed = time.monotonic()
            if number == 200:
                postgres_cluster.start()
                while True:
                    try:
                        writer.append([prediction()])
                        break
                    except StoreError:
                        time.sleep(0.1)
                print(f"written again {time.monotonic() - killed:.1f} s after the kill")
            try:
                writer.append([record])
                acknowledged.append(record.id)
            except StoreError:
                refused += 1
        assert writer.counts.failed >= refused
    assert refused == 100
    logged = [record.id for record in query(folder, limit=1000)]
    assert set(acknowledged) <= set(logged)
    assert len(logged) == len(set(logged))


def test_an_altered_row_is_found_out(folder: Path, postgres_url: str) -> None:
    """A record that somebody changed in the database is not answered."""
    record = prediction()
    with LogWriter(folder, writer_id="r0") as writer:
        writer.append([record])
    with psycopg.connect(postgres_url) as connection:
        connection.execute("update nbprod_log set line = replace(line, '0.25', '0.75')")
    with pytest.raises(TamperedRecordError):
        find(folder, record.id)
    assert query(folder) == []


def test_a_database_that_cannot_be_used_is_found_before_a_deploy(
    tmp_path: Path, postgres_url: str
) -> None:
    """No server, no database, another scheme, a password in the file: each is a clear error."""
    with pytest.raises(StoreError, match="does not answer"):
        prediction_log.share(tmp_path, "postgresql://nobody@127.0.0.1:1/x", "d")
    with pytest.raises(StoreError, match="does not exist"):
        prediction_log.share(tmp_path, postgres_url + "_not_there", "d")
    with pytest.raises(ConfigError, match="mysql"):
        prediction_log.share(tmp_path, "mysql://u@h/x", "d")
    with pytest.raises(ConfigError, match="password"):
        prediction_log.share(tmp_path, "postgresql://u:secret@127.0.0.1/x", "d")
    assert not (tmp_path / "database.json").exists()


def _trips() -> Any:
    path = Path(__file__).parents[1] / "unit" / "serving" / "conftest.py"
    spec = importlib.util.spec_from_file_location("serving_conftest", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.write_trips


@pytest.mark.parametrize("refuse", [False, True])
def test_a_service_without_its_database_answers_or_refuses_as_chosen(
    folder: Path, tmp_path: Path, postgres_cluster: Cluster, refuse: bool
) -> None:
    """Degraded is visible in /metrics and /readyz; every answer before and after is in the log."""
    options = ServiceOptions(
        deployment="d",
        release="3",
        log_folder=folder,
        profile_folder=tmp_path / "profiles",
        timeout_s=10.0,
        refuse_unlogged=refuse,
    )
    row = {"trip": "T1", "km": 10, "minutes": 50.0, "city": "Bern"}

    def ask(app: Any, method: str, path: str, **more: Any) -> httpx.Response:
        async def send() -> httpx.Response:
            transport = httpx.ASGITransport(app)
            async with httpx.AsyncClient(
                transport=transport, base_url="http://localhost"
            ) as client:
                return await client.request(method, path, **more)

        return asyncio.run(send())

    with LocalService(_trips()(tmp_path / "trips"), dataclasses.replace(options)) as local:
        before = ask(local.app, "POST", "/predict", json={"instances": [row]})
        assert ask(local.app, "GET", "/readyz").json()["degraded"] == ""
        postgres_cluster.kill()
        try:
            without = ask(local.app, "POST", "/predict", json={"instances": [row]})
            assert without.status_code == (503 if refuse else 200)
            assert "database" in ask(local.app, "GET", "/readyz").json()["degraded"]
            metrics = ask(local.app, "GET", "/metrics").text
            assert "nbprod_unlogged_predictions_total" in metrics
            assert "nbprod_log_writable" in metrics
        finally:
            postgres_cluster.start()
        time.sleep(1.1)
        after = ask(local.app, "POST", "/predict", json={"instances": [row]})
        assert after.status_code == 200
        assert ask(local.app, "GET", "/readyz").json()["degraded"] == ""
    logged = {record.id for record in query(folder)}
    assert {*before.json()["prediction_ids"], *after.json()["prediction_ids"]} == logged
