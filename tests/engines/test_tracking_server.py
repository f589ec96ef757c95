"""The road with a real `mlflow server` on a real PostgreSQL, and what is left of it when that dies."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

import pytest
from command import nbprod

from nbprod import tracking
from nbprod.engine import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.engine

_START_S = 180


@contextlib.contextmanager
def _server(database: str, folder: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """An MLflow server with its runs in PostgreSQL and its artifacts served from a folder."""
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", database, "--workers", "1"]
    command += ["--artifacts-destination", str(folder / "artifacts"), "--serve-artifacts"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env={**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"},
        )
        try:
            _wait(uri, process, folder / "server.log")
            yield uri, process
        finally:
            _end(process)


def _wait(uri: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3000:]
        with contextlib.suppress(OSError):
            if urllib.request.urlopen(f"{uri}/health", timeout=2).status == 200:
                return
        time.sleep(0.3)
    raise AssertionError(f"no answer within {_START_S} s: {log.read_text()[-3000:]}")


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def test_train_gate_release_on_a_server_and_after_its_death(
    postgres_url: str, copy: Path, tmp_path: Path
) -> None:
    """The candidate, its files and its aliases are on the server; without it the store goes on.

    A dead server refuses a new training, which leaves nothing; the release of what was gated, its
    verification and its reproduction need no server.
    """
    database = postgres_url.replace("postgresql://", "postgresql+psycopg://", 1)
    shutil.rmtree(copy / ".nbprod" / "runs")
    shutil.rmtree(copy / ".nbprod" / "releases")
    for name in ("gates", "approvals", "parity", "release-records"):
        shutil.rmtree(copy / ".nbprod" / name)
    for path in (copy / ".nbprod").glob("mlflow.db*"):
        path.unlink()
    with _server(database, tmp_path) as (uri, process):
        environ = {"NBPROD_STORE_TRACKING_URI": uri}
        trained = nbprod("train", "--json", cwd=copy, environ=environ)
        assert trained.code == 0, trained.err
        run = trained.record
        assert run["candidate"]["number"] == 1
        assert tracking.aliases(uri, "strong-wine") == {"candidate": 1}
        _looked_at(uri, run)
        assert nbprod("gate", cwd=copy, environ=environ).code == 0
        assert not (copy / ".nbprod" / "mlflow.db").exists()
        _end(process)
        before = sorted((copy / ".nbprod" / "runs").iterdir())
        dead = nbprod("train", "--json", cwd=copy, environ=environ)
        assert dead.code == 3, dead.out + dead.err
        assert uri in dead.record["error"]["message"]
        assert "reachable" in dead.record["error"]["hint"]
        assert sorted((copy / ".nbprod" / "runs").iterdir()) == before
        yes = ("approve", "--reason", "looked at it", "--by", "reviewer@example.com")
        for verb in (yes, ("release",), ("verify",), ("reproduce", "--here")):
            done = nbprod(*verb, cwd=copy, environ=environ)
            assert done.code == 0, (verb, done.out, done.err)


def _looked_at(uri: str, run: dict) -> None:
    """What the server gives back is what the run says."""
    from mlflow import MlflowClient

    client = MlflowClient(uri)
    logged = client.get_run(run["mlflow_run_id"])
    assert logged.info.status == "FINISHED"
    assert logged.data.tags["nbprod.digest"] == run["candidate"]["digest"]
    assert logged.data.tags["nbprod.snapshot"] == run["snapshot"]["digest"]
    assert run["metrics"].items() <= logged.data.metrics.items()
    version = client.get_model_version("strong-wine", "1")
    assert version.run_id == run["mlflow_run_id"]
    text = client.download_artifacts(run["mlflow_run_id"], "bundle/bundle.json")
    with open(text, encoding="utf-8") as file:
        assert json.load(file)["module_version"] == run["candidate"]["module_version"]
