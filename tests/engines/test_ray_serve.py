"""A deployment on a real Ray: its whole life under traffic, and what happens when parts die."""

from __future__ import annotations

import contextlib
import dataclasses
import importlib
import os
import shutil
import signal
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from callers import Traffic, bundle_writer, trip
from ray_trips import trips_on_ray

from nbprod import traffic as rollout
from nbprod.config import Serving, load_settings
from nbprod.data import prediction_log
from nbprod.engine import (
    Engine,
    engine_processes,
    free_port,
    read_engine,
    start_engine,
)
from nbprod.errors import ServingError
from nbprod.serving.ray_backend import RayBackend, serve_config
from nbprod.serving.ray_backend.applications import ROLLOUT_PROCESSES, Applications

pytestmark = pytest.mark.engine


@dataclass(frozen=True)
class Served:
    engine: Engine
    backend: RayBackend
    bundles: dict[int, Path]
    log_folder: Path

    def logged(self) -> set[str]:
        found = prediction_log.query(self.log_folder, limit=1_000_000)
        return {prediction.id for prediction in found}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Release 1 as champion in two replicas; release 2 answers one more, release 9 is broken."""
    folder = tmp_path_factory.mktemp("served")
    write = bundle_writer()
    bundles = {
        1: write(folder / "1"),
        2: write(folder / "2", bias=1.0),
        9: write(folder / "9", broken=True),
    }
    # The engine is told of one GPU; nobody here uses it, so it need not be there.
    with trips_on_ray(folder, num_gpus=1) as (engine, backend):
        backend.deploy(1, bundles[1])
        yield Served(engine, backend, bundles, folder / "logs")
    assert read_engine(folder / "engine") is None


def test_no_request_fails_on_the_whole_road(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Canary, promotion and rollback under traffic: no failed request, nothing lost, < 1 s.

    Nor for callers whose open connections rest while every replica they knew is replaced.
    """
    backend = served.backend
    resting = Traffic(backend.url, callers=6, pause_s=0.3)
    with resting, Traffic(backend.url) as traffic:
        traffic.wait_for(20)
        backend.start_canary(2, served.bundles[2], 0.5)
        traffic.wait_for(100)
        steps: list[str] = []
        monkeypatch.setattr(rollout, "LISTENERS", [steps.append])
        backend.promote()
        traffic.wait_for(50)
        done = backend.rollback(settle=False)
        back_at = time.monotonic()
        traffic.wait_for(50)
        backend.settle()
        traffic.wait_for(50)
    assert traffic.failed == resting.failed == []
    # The new champion answers in the ingress from its first request on: no second hop.
    started = ["worker asked", "worker started", "ingress asked", "ingress replaced"]
    assert steps[:6] == [*started, "traffic changed", "workers ended"]
    assert done["confirmed"] is True
    assert done["verified"] is True
    assert done["duration_ms"] < 1000
    seen = {(a.body["release"], a.body["role"]) for a in traffic.answers}
    assert {("1", "champion"), ("2", "canary"), ("2", "champion")} <= seen
    assert {a.body["release"] for a in traffic.answers if a.sent_at > back_at} == {"1"}
    # Every answer names the release that computed it: release 2 answers one more.
    for answer in traffic.answers:
        assert answer.body["predictions"] == [0.5 if answer.body["release"] == "1" else 1.5]
    assert traffic.acknowledged() <= served.logged()
    status = backend.status()
    assert [step["action"] for step in status["history"]][-3:] == ["canary", "promote", "rollback"]
    assert {replica["release"] for replica in status["replicas"]} == {"1"}


def test_a_broken_release_never_takes_traffic(served: Served) -> None:
    """A release that does not start is refused with the reason; the champion never noticed."""
    before = served.backend.status()["traffic"]
    with Traffic(served.backend.url, callers=2) as traffic:
        traffic.wait_for(10)
        with pytest.raises(ServingError, match="no such thing"):
            served.backend.start_canary(9, served.bundles[9], 0.5)
        traffic.wait_for(10)
    assert traffic.failed == []
    assert {answer.body["release"] for answer in traffic.answers} == {"1"}
    assert served.backend.status()["traffic"] == before


def test_nothing_listens_beyond_loopback(served: Served) -> None:
    """Every socket that the engine's processes listen on is on loopback."""
    listening = []
    for process in engine_processes(served.engine.id):
        with contextlib.suppress(psutil.NoSuchProcess):  # one that has just ended
            sockets = process.net_connections(kind="inet")
            listening += [one.laddr.ip for one in sockets if one.status == "LISTEN"]
    assert listening
    assert {ip.removeprefix("::ffff:") for ip in listening} <= {"127.0.0.1", "::1"}


def test_only_its_user_enters_the_folder_of_an_engine(served: Served) -> None:
    """Ray opens its own folder to everyone; modules and sockets of an engine are not for everyone."""
    assert Path(served.engine.ray_path).stat().st_mode & 0o777 == 0o777
    assert Path(served.engine.temp_path).stat().st_mode & 0o777 == 0o700


def test_the_log_of_a_replica_names_the_cell(served: Served) -> None:
    """What a module's transform raises in a replica is told with the notebook's cell and line."""
    with httpx.Client(base_url=served.backend.url, timeout=60, trust_env=False) as client:
        answer = client.post("/predict", json={"instances": [trip("thirteen", minutes=13.0)]})
    assert answer.status_code == 500
    deadline = time.monotonic() + 30
    while not (told := _logged_lines(served.engine, "could not compute")):
        assert time.monotonic() < deadline, "no replica wrote of it"
        time.sleep(0.1)
    assert "features.py, line 15 (cell make-features, line 3)" in told


def _logged_lines(engine: Engine, words: str) -> str:
    """What the engine's processes wrote around these words."""
    files = [p for p in Path(engine.temp_path).rglob("*") if p.suffix in (".log", ".err", ".out")]
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in files if path.is_file()]
    return "".join(text for text in texts if words in text)


def test_kill_9_of_a_replica_loses_no_acknowledged_prediction(served: Served) -> None:
    """After SIGKILL of a replica under traffic every acknowledged id is in the log."""
    with Traffic(served.backend.url) as traffic:
        traffic.wait_for(50, good=True)
        os.kill(served.backend.replica_pids()[0], signal.SIGKILL)
        traffic.wait_for(100, good=True)
    assert traffic.acknowledged() <= served.logged()


def test_a_killed_keeper_comes_back_with_its_state(served: Served) -> None:
    """While the keeper is dead requests are answered; then it has the state it had."""
    before = served.backend.status()["traffic"]
    import ray

    ray.kill(ray.get_actor("nbprod-traffic-trips", namespace="nbprod"), no_restart=False)
    with Traffic(served.backend.url, callers=1) as traffic:
        traffic.wait_for(10, good=True)
    assert served.backend.status()["traffic"] == before
    served.backend.start_canary(2, served.bundles[2], 1.0)
    with Traffic(served.backend.url, callers=1) as traffic:
        traffic.wait_for(20, good=True)
    assert {a.body["role"] for a in traffic.answers if a.status == 200} == {"canary"}
    served.backend.rollback()


def test_a_serve_file_starts_a_release_that_answers_and_does_not_roll_out(
    served: Served, tmp_path: Path
) -> None:
    """What `serve deploy` makes of the file: a fixed champion beside the others on the engine."""
    import ray.serve
    from ray.serve.schema import ServeDeploySchema

    (tmp_path / "nbprod.toml").write_text(
        "[model]\nname = 'fixed'\nowner = 'a@example.com'\n"
        "[notebooks]\ntrain = 'a.ipynb'\n[serving]\ntimeout_ms = 20000\n"
    )
    shutil.copytree(served.bundles[2], tmp_path / ".nbprod" / "releases" / "2")
    config = ServeDeploySchema.model_validate(serve_config(load_settings(tmp_path), 2))
    (application,) = config.applications
    module, _, name = application.import_path.partition(":")
    build = getattr(importlib.import_module(module), name)
    ray.serve.run(build(application.args), name="fixed", route_prefix="/fixed")
    try:
        url = f"{served.backend.url}/fixed"
        sent = {"instances": [trip(1)]}
        deadline = time.monotonic() + 20  # the proxy hears of a new route a little later
        while (answer := httpx.post(f"{url}/predict", json=sent, timeout=30)).status_code == 404:
            assert time.monotonic() < deadline, answer.text
        assert (answer.json()["predictions"], answer.json()["release"]) == ([1.5], "2")
        ids = answer.json()["prediction_ids"]
        assert prediction_log.find(tmp_path / ".nbprod" / "logs" / "fixed", ids[0])
        assert httpx.post(f"{url}/admin/rollback", json={}).status_code == 401
    finally:
        ray.serve.delete("fixed")
    with pytest.raises(ServingError, match="args are"):
        build({"project": str(tmp_path)})


def test_what_the_engine_lacks_is_refused_at_once(served: Served, tmp_path: Path) -> None:
    """A GPU that is not there, and a port that is taken, are refused by name, not waited for."""

    def other(**changes: Any) -> RayBackend:
        serving = dataclasses.replace(served.backend.settings.serving, **changes)
        return RayBackend(
            served.engine,
            dataclasses.replace(served.backend.settings, serving=serving),
            deployment="other",
            state_folder=tmp_path / "state",
            log_folder=tmp_path / "logs",
            profile_folder=tmp_path / "profiles",
        )

    started = time.monotonic()
    with pytest.raises(ServingError, match="GPU"):
        other(gpus=64.0, port=free_port()).deploy(1, served.bundles[1])
    with pytest.raises(ServingError, match=r"2 more processes with 0\.6 GPU each"):
        other(gpus=0.6, port=free_port()).deploy(1, served.bundles[1])
    with pytest.raises(ServingError, match="gpus is 0"):
        other(device="cuda", port=free_port()).deploy(1, served.bundles[1])
    settings = dataclasses.replace(
        served.backend.settings, serving=Serving(gpus=0.25, replicas={"min": 2, "target": 4})
    )
    Applications(settings, "other").check_resources(processes=ROLLOUT_PROCESSES)
    with pytest.raises(ServingError, match=r"5 more .* 1 of 1 are free"):
        Applications(settings, "other").check_resources(processes=2 + ROLLOUT_PROCESSES)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ServingError, match=str(port)):
            other(port=port).deploy(1, served.bundles[1])
    assert time.monotonic() - started < 30


def test_an_engine_that_does_not_start_leaves_nothing(tmp_path: Path) -> None:
    """A start that fails says why, and leaves no process, folder or description behind."""
    with pytest.raises(ServingError) as failed:
        start_engine(tmp_path, num_cpus=4, timeout_s=0.5)
    assert failed.value.hint
    assert read_engine(tmp_path) is None
    assert not (tmp_path / "token").exists()
    with contextlib.suppress(FileNotFoundError):
        assert "engine.json" not in os.listdir(tmp_path)
