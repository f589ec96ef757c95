"""A Ray cluster that nbprod did not start: `serve deploy` of the file, and `nbprod deploy` by address."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import yaml
from command import Result, nbprod

from nbprod.config import load_settings
from nbprod.data import prediction_log
from nbprod.engine import free_port
from nbprod.serving.ray_backend import serve_config

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]
ENVIRON = {
    "RAY_AUTH_MODE": "disabled",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
    "RAY_SERVE_DIRECT_INGRESS_MIN_DRAINING_PERIOD_S": "0.5",
}


@dataclass(frozen=True)
class Cluster:
    address: str  # host:port of its control service
    dashboard: str  # what `serve deploy` speaks to


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """One node, started as its operator would: by `ray start`, with a dashboard."""
    # A Unix socket's path ends at 107 characters.
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="ray", ignore_cleanup_errors=True) as temp:
        port, dashboard = free_port(), free_port()
        options = {
            "node-ip-address": "127.0.0.1",
            "port": port,
            "dashboard-host": "127.0.0.1",
            "dashboard-port": dashboard,
            "temp-dir": temp,
            "num-cpus": 4,
            "object-store-memory": 128 * 1024 * 1024,
        }
        command = [sys.executable, "-c", "import ray.scripts.scripts as s; s.main()"]
        command += ["start", "--head", "--block", "--include-dashboard=true"]
        with Path(temp, "start.log").open("wb") as log:
            process = subprocess.Popen(
                [*command, *(f"--{name}={value}" for name, value in options.items())],
                env={**os.environ, **ENVIRON},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        try:
            found = Cluster(f"127.0.0.1:{port}", f"http://127.0.0.1:{dashboard}")
            _until(lambda: httpx.get(f"{found.dashboard}/api/version").status_code == 200)
            yield found
        finally:
            node = psutil.Process(process.pid)
            for one in [*node.children(recursive=True), node]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    one.send_signal(signal.SIGKILL)
            process.wait()


def _until(seen: Any, timeout_s: float = 180.0) -> None:
    deadline = time.monotonic() + timeout_s
    while True:
        with contextlib.suppress(httpx.TransportError):
            if seen():
                return
        assert time.monotonic() < deadline
        time.sleep(0.5)


def _run(folder: Path, *arguments: str, **environ: str) -> Result:
    result = nbprod(*arguments, "--project", str(folder), cwd=folder.parent, environ=environ)
    assert result.code == 0, result.err
    return result


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The starter project with one release."""
    folder = tmp_path / "wine"
    assert nbprod("init", str(folder), cwd=tmp_path).code == 0
    for verb in (("extract",), ("contract", "infer"), ("train",), ("gate",), ("release",)):
        _run(folder, *verb)
    with (folder / "nbprod.toml").open("a", encoding="utf-8") as file:
        file.write(f"\n[serving]\nport = {free_port()}\ntimeout_ms = 20000\n")
    return folder


def _rows(folder: Path) -> list[dict[str, Any]]:
    """Rows that the release has answered before."""
    golden = json.loads((folder / ".nbprod" / "releases" / "1" / "golden.json").read_text())
    rows: list[dict[str, Any]] = golden[0]["instances"]
    return rows


def test_serve_deploy_and_nbprod_deploy_on_a_standing_cluster(
    cluster: Cluster, project: Path
) -> None:
    """`serve deploy` starts the release that the file names; taken down, `nbprod deploy` with the
    cluster's address serves it with its rollout; `undeploy` leaves the cluster standing."""
    settings = load_settings(project)
    url = f"http://127.0.0.1:{settings.serving.port}"
    sent = {"instances": _rows(project)}
    file = project / "serve.yaml"
    file.write_text(yaml.safe_dump(serve_config(settings, 1)), encoding="utf-8")
    serve = [sys.executable, "-c", "from ray.serve.scripts import cli; cli()"]
    environ = {**os.environ, **ENVIRON, "RAY_DASHBOARD_ADDRESS": cluster.dashboard}

    def told(*arguments: str) -> str:
        done = subprocess.run(
            [*serve, *arguments], env=environ, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    told("deploy", str(file))
    _until(lambda: httpx.post(f"{url}/predict", json=sent, timeout=30).status_code == 200)
    answer = httpx.post(f"{url}/predict", json=sent, timeout=30).json()
    assert (answer["release"], len(answer["predictions"])) == ("1", len(sent["instances"]))
    logs = project / ".nbprod" / "logs" / settings.model.name
    assert prediction_log.find(logs, answer["prediction_ids"][0])
    assert "RUNNING" in told("status")
    told("shutdown", "--yes")

    by_address = {"NBPROD_SERVING_ADDRESS": cluster.address, **ENVIRON}
    _run(project, "deploy", **by_address)
    again = httpx.post(f"{url}/predict", json=sent, timeout=30).json()
    assert again["predictions"] == answer["predictions"]
    assert prediction_log.find(logs, again["prediction_ids"][0])
    status = _run(project, "status", "--json", **by_address).record
    print(json.dumps(status)[:300])
    _run(project, "undeploy", **by_address)
    # Serve's own proxy belongs to the cluster: it stays, and has nothing there any more.
    assert httpx.post(f"{url}/predict", json=sent, timeout=5).status_code == 404
    assert httpx.get(f"{cluster.dashboard}/api/version").status_code == 200
