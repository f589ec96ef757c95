"""Two Ray nodes on one machine: replicas on both, one log in PostgreSQL, and a node that dies."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from callers import Traffic, bundle_writer

from nbprod import engine as engines
from nbprod.config import Model, Serving, Settings
from nbprod.data import prediction_log
from nbprod.engine import Engine, end_engine, free_port, start_engine, starting
from nbprod.errors import ServingError
from nbprod.serving.ray_backend import RayBackend, proxy_environment

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]
# The switch that keeps an engine on loopback also keeps other nodes out; this one joins all the
# same, and its own processes stay on loopback, too.
_JOIN = """
import ray._private.ray_constants as constants
import ray._private.services as services
import ray.scripts.scripts as scripts
constants.ENABLE_RAY_CLUSTER = True
services.resolve_ip_for_localhost = lambda host: host
scripts.main()
"""


@contextlib.contextmanager
def second_node(engine: Engine, folder: Path) -> Iterator[psutil.Process]:
    """A worker node of the engine; it carries the engine's marker, and ends with it."""
    options = {
        "address": engine.address,
        "node-ip-address": "127.0.0.1",
        "num-cpus": "2",
        "object-store-memory": str(128 * 1024 * 1024),
        **{name: str(free_port()) for name in starting._PORTS},
    }
    command = [sys.executable, "-c", _JOIN, "start", "--block", "--disable-usage-stats"]
    with (folder / "node.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *(f"--{name}={value}" for name, value in options.items())],
            env=psutil.Process(engine.pid).environ(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        engines.connect(engine)
        import ray

        deadline = time.monotonic() + 120
        while sum(node["Alive"] for node in ray.nodes()) < 2:
            assert process.poll() is None, (folder / "node.log").read_text()[-2000:]
            assert time.monotonic() < deadline, "the second node did not come up"
            time.sleep(0.2)
        yield psutil.Process(process.pid)
    finally:
        kill_9(process.pid)
        process.wait()


def kill_9(pid: int) -> None:
    """A power cut: every process of a node at once."""
    with contextlib.suppress(psutil.NoSuchProcess):
        node = psutil.Process(pid)
        for process in [*node.children(recursive=True), node]:
            with contextlib.suppress(psutil.NoSuchProcess):
                os.kill(process.pid, signal.SIGKILL)


def test_a_node_that_dies_takes_no_acknowledged_prediction_with_it(
    tmp_path: Path, postgres_url: str
) -> None:
    """Several nodes are refused without a shared log. With one, each has a replica; when a node
    is gone the other answers, and every acknowledged prediction is in the log."""
    bundle = bundle_writer()(tmp_path / "1")
    environment = proxy_environment(20_000)
    engine = start_engine(tmp_path / "engine", name="two", environment=environment)
    try:
        with second_node(engine, tmp_path) as node:
            local = Settings(
                project_path=str(tmp_path),
                model=Model(name="trips", outcome="late"),
                serving=Serving(port=free_port(), replicas=2, timeout_ms=20_000),
            )

            def backend(settings: Settings) -> RayBackend:
                return RayBackend(
                    engine,
                    settings,
                    deployment="trips",
                    state_folder=tmp_path / "state",
                    log_folder=tmp_path / "logs",
                    profile_folder=tmp_path / "profiles",
                )

            with pytest.raises(ServingError, match="2 nodes"):
                backend(local).deploy(1, bundle)
            shared = dataclasses.replace(local.serving, log={"url": postgres_url})
            served = backend(dataclasses.replace(local, serving=shared))
            served.deploy(1, bundle)
            there = {process.pid for process in node.children(recursive=True)}
            pids = set(served.replica_pids())
            assert len(pids & there) == len(pids - there) == 1
            with Traffic(served.url) as traffic:
                traffic.wait_for(100, good=True)
                kill_9(node.pid)
                killed = time.monotonic()
                traffic.wait_for(200, good=True)
                while len(alive := set(served.replica_pids()) - pids) < 1:
                    assert time.monotonic() - killed < 120, "no replica took the dead one's place"
                    time.sleep(0.2)
                healed = time.monotonic()
                traffic.wait_for(50, good=True)
            after = [answer for answer in traffic.answers if answer.sent_at > killed]
            first = min(a.sent_at + a.took_s for a in after if a.status == 200)
            print(
                f"kill -9 of a node: next good answer after {first - killed:.1f} s, "
                f"two replicas again after {healed - killed:.1f} s ({alive}), "
                f"{len(traffic.failed)} failed of {len(traffic.answers)}"
            )
            logged = {one.id for one in prediction_log.query(tmp_path / "logs", limit=1_000_000)}
            assert traffic.acknowledged() <= logged
    finally:
        end_engine(engine)
