"""Promotion and rollback again and again under traffic, replicas killed: `make soak`."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from pathlib import Path

import psutil
import pytest
from command import nbprod

from nbprod.data import prediction_log
from nbprod.engine import engine_processes, free_port
from nbprod.lifecycle.delivery import replica_pids
from nbprod.lifecycle.demo.traffic import Traffic
from nbprod.lifecycle.loop import log_folder
from nbprod.lifecycle.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]
CYCLES = int(os.environ.get("NBPROD_SOAK_CYCLES", "8"))
RECOVERY_S = 15.0  # after a kill -9 a caller may see an error for so long


def _memory(engine_id: str) -> float:
    """Resident memory of the whole engine, megabytes."""
    sizes = []
    for process in engine_processes(engine_id):
        try:
            sizes.append(process.memory_info().rss)
        except psutil.Error:
            continue
    return sum(sizes) / 1024**2


def test_no_request_fails_and_nothing_is_lost_over_many_rollouts(
    walked: Path, tmp_path: Path
) -> None:
    """Zero failed requests outside the moments after a kill, zero lost predictions."""
    folder = tmp_path / "project"
    shutil.copytree(walked, folder)
    second = [("train", "-p", "regularisation", "0.5"), ("gate",)]
    second += [("approve", "--reason", "soak", "--by", "reviewer@example.com"), ("release",)]
    for verb in second:
        assert nbprod(*verb, cwd=folder).code == 0
    arguments = {"serving.port": free_port(), "serving.replicas": 2}
    project = Project.load(folder, arguments=arguments)
    golden = json.loads((folder / ".nbprod/releases/1/golden.json").read_text())
    rows = [row for request in golden for row in request["instances"]]
    deployment = project.deploy(1)
    started, kills = time.monotonic(), []
    traffic = Traffic(deployment.url, rows, started, rate=30.0)
    traffic.start()
    try:
        for cycle in range(CYCLES):
            project.deploy(2, trial="canary", percent=30)
            traffic.wait_for(150)
            project.promote(reason="soak")
            traffic.wait_for(150)
            project.rollback(reason="soak")
            traffic.wait_for(150)
            kills.append(time.monotonic() - started)
            os.kill(replica_pids(project)[0], signal.SIGKILL)
            traffic.wait_for(500)
            print(f"cycle {cycle}: {traffic.sent} requests, {_memory(deployment.engine_id):.0f} MB")
    finally:
        traffic.stop()
        project.undeploy()
    failed = [item for item in traffic.exchanges if item.failed]
    near = [i for i in failed if any(k <= i.at_s <= k + RECOVERY_S for k in kills)]
    print(f"{len(failed)} failed requests, {len(near)} of them within {RECOVERY_S} s of a kill")
    assert len(failed) == len(near), [item for item in failed if item not in near][:3]
    ids = {name for item in traffic.exchanges for name in item.prediction_ids}
    logged = prediction_log.query(log_folder(project), limit=len(ids) + 100_000)
    assert ids <= {record.id for record in logged}
