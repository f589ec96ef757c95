"""Parity of what is deployed: logged rows recomputed, and training's rows through the endpoint."""

from __future__ import annotations

import dataclasses
import http.client
import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
import uvicorn
from command import nbprod

import nbprod as library
from nbprod.config import load_settings
from nbprod.lifecycle import delivery, loop
from nbprod.lifecycle.loop import log_folder, profile_folder
from nbprod.lifecycle.recomputing import recompute, recomputed
from nbprod.records import Deployment, TrafficState
from nbprod.serving.local_backend import LocalService
from nbprod.serving.options import service_options


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The starter, released."""
    folder = tmp_path_factory.mktemp("released")
    for verb in (
        ("init", "."),
        ("extract",),
        ("train",),
        ("gate",),
        ("approve", "--reason", "looked at it"),
        ("release",),
    ):
        done = nbprod(*verb, cwd=folder)
        assert done.code == 0, f"{verb}: {done.out[-2000:]}{done.err}"
    return folder


@pytest.fixture(scope="module")
def endpoint(released: Path) -> Iterator[SimpleNamespace]:
    """The release behind real HTTP, with the project's own log."""
    project = library.Project.load(released)
    (release,) = (released / ".nbprod" / "releases").iterdir()
    options = service_options(
        load_settings(released),
        deployment=project.settings.model.name,
        release=release.name,
        log_folder=log_folder(project),
        profile_folder=profile_folder(project),
    )
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    with LocalService(release, options) as local:
        config = uvicorn.Config(local.app, log_level="warning", lifespan="off")
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield SimpleNamespace(
            project=project, release=release.name, port=port, url=f"http://127.0.0.1:{port}"
        )
        server.should_exit = True
        thread.join()


@pytest.fixture
def deployed(endpoint: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The project, as if `deploy` had started this endpoint on an engine."""
    record = Deployment(
        name=endpoint.project.settings.model.name,
        url=endpoint.url,
        engine_id="",
        address="",
        traffic=TrafficState(roles={"champion": int(endpoint.release)}),
    )
    monkeypatch.setattr(delivery, "status", lambda _project: record)
    return endpoint


def _ask(endpoint: SimpleNamespace, rows: list[dict]) -> dict:
    connection = http.client.HTTPConnection("127.0.0.1", endpoint.port, timeout=30)
    body = json.dumps({"instances": rows})
    connection.request("POST", "/predict", body, {"Content-Type": "application/json"})
    answer = connection.getresponse()
    assert answer.status == 200
    told = json.loads(answer.read())
    connection.close()
    return told


def test_an_empty_log_is_told(tmp_path: Path) -> None:
    """Nothing to replay is an error with the next step, not a pass."""
    assert nbprod("init", ".", cwd=tmp_path).code == 0

    result = nbprod("parity", "--replay", "5", cwd=tmp_path)

    assert result.code in (1, 3)
    assert "deploy" in result.err


def test_replay_and_deployed_are_two_questions(tmp_path: Path) -> None:
    """Both at once is wrong usage."""
    assert nbprod("init", ".", cwd=tmp_path).code == 0
    assert nbprod("parity", "--replay", "5", "--deployed", cwd=tmp_path).code == 2


def test_training_s_rows_get_the_same_through_the_endpoint(deployed: SimpleNamespace) -> None:
    """Features and predictions through real HTTP are those of training, row by row."""
    report = deployed.project.check_parity(rows=20, deployed=True)

    assert report.passed, report.findings
    assert (report.scope, report.subject) == ("deployed", deployed.release)
    assert {r.name for r in report.relations} == {"features", "prediction"}
    assert all(r.checked and r.rows >= 10 for r in report.relations)


def test_logged_rows_are_recomputed(deployed: SimpleNamespace) -> None:
    """What was answered is what the release computes for the logged rows; its command says so."""
    deployed.project.check_parity(rows=10, deployed=True)

    result = nbprod("parity", "--replay", "8", "--json", cwd=deployed.project.settings.project_path)

    assert result.code == 0, result.out[-3000:] + result.err
    report = result.record
    assert (report["scope"], report["rows"], report["passed"]) == ("deployed", 8, True)
    assert [item["name"] for item in report["relations"]] == ["features", "prediction"]


def test_a_canarys_features_are_computed_again(deployed: SimpleNamespace) -> None:
    """What a rollout's guard mismatch_rate counts: none differs, until the log says otherwise."""
    deployed.project.check_parity(rows=10, deployed=True)
    release = int(deployed.release)
    wrong, compared = recomputed(deployed.project, release, "champion", "")
    assert (wrong, compared >= 10) == (0, True)
    assert recomputed(deployed.project, release, "canary", "") == (0, 0)
    (one,) = loop.predictions(deployed.project, limit=1)
    name = next(n for n, value in one.features.items() if isinstance(value, float))
    other = dataclasses.replace(one, features={**one.features, name: one.features[name] + 1.0})
    told = recompute(
        settings=deployed.project.settings.to_json(),
        bundle=str(deployed.project.store.root / "releases" / deployed.release),
        predictions=[one.to_json(), other.to_json()],
        progress=lambda _message, _share: None,
    )
    assert told == {"compared": 2, "mismatches": 1}


def test_a_log_that_says_otherwise_is_a_finding(
    deployed: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feature that production computed otherwise is NBP001, with the prediction's id."""
    deployed.project.check_parity(rows=10, deployed=True)
    logged = loop.predictions(deployed.project, limit=5)
    name = next(k for k, v in logged[2].features.items() if isinstance(v, float))
    broken = [dataclasses.replace(item) for item in logged]
    features = {**broken[2].features, name: broken[2].features[name] * 1.01}
    broken[2] = dataclasses.replace(broken[2], features=features)
    monkeypatch.setattr(loop, "predictions", lambda _project, **query: broken[: query["limit"]])

    report = deployed.project.check_parity(replay=5)

    assert not report.passed
    (finding,) = (f for f in report.findings if f.column == name)
    assert finding.code == "NBP001"
    assert finding.details["prediction_id"] == logged[2].id


def test_the_candidate_s_predictions_are_compared(released: Path) -> None:
    """The gate's parity says that served predictions are those of training's features."""
    records = [
        json.loads(path.read_text())["record"]
        for path in (released / ".nbprod" / "parity").glob("*.json")
    ]
    candidate = next(record for record in records if record["scope"] == "candidate")

    told = {item["name"]: item for item in candidate["relations"]}
    assert told["prediction"]["passed"]
    assert told["prediction"]["rows"] > 10
