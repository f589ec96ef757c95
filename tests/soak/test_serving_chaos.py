"""What dies beside a serving model: the proxy, and the disk under the log. `make soak`."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import rollout_project
from callers import bundle_writer, trip
from ray_trips import trips_on_ray
from served import serving_trips

from nbprod.data import prediction_log
from nbprod.engine import engine_processes

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]
_SPEC = importlib.util.spec_from_file_location(
    "ray_serve", Path(__file__).parents[1] / "engines" / "test_ray_serve.py"
)
RAY = importlib.util.module_from_spec(_SPEC)
sys.modules["ray_serve"] = RAY  # dataclasses look their module up
_SPEC.loader.exec_module(RAY)
served = RAY.served
ROW = {"trip": "T1", "km": 10, "minutes": 50.0, "city": "Bern"}


def _proxies(engine_id: str) -> list[psutil.Process]:
    """The HAProxy processes of an engine."""
    return [
        process
        for process in engine_processes(engine_id)
        if any(part.endswith("haproxy.cfg") for part in process.cmdline())
    ]


def test_kill_9_of_the_proxy_loses_no_acknowledged_prediction(served: Any) -> None:
    """Callers see errors until it is back, and the log has every prediction that was answered."""
    with RAY.Traffic(served.backend.url) as traffic:
        traffic.wait_for(50, good=True)
        proxies = _proxies(served.engine.id)
        assert proxies, "no HAProxy runs"
        for process in proxies:
            os.kill(process.pid, signal.SIGKILL)
        killed = time.monotonic()
        traffic.wait_for(50, good=True)
        again = min(a.sent_at for a in traffic.answers if a.status == 200 and a.sent_at > killed)
    print(f"answered again {again - killed:.1f} s after kill -9 of the proxy")
    print(f"{len(traffic.failed)} failed requests of {len(traffic.answers)}")
    assert traffic.acknowledged() <= served.logged()


def _code(client: httpx.Client, body: Any) -> int:
    """The status; 0 where the connection was closed without one.

    HAProxy keeps no body of this size, so it cannot send it once more when its replica dies.
    """
    try:
        return client.post("/predict", json=body).status_code
    except httpx.RemoteProtocolError:
        return 0


def test_a_row_that_kills_its_replica_kills_two_at_most(tmp_path: Path) -> None:
    """The third replica refuses it; whoever was in a batch with it is answered by another one."""
    deadly = "    if (frame['minutes'] == 14.0).any():\n        os._exit(9)\n"
    transform = rollout_project.features("import os\n", deadly + rollout_project.GOOD_BODY)
    with trips_on_ray(tmp_path, replicas=3) as (_, backend):
        backend.deploy(1, bundle_writer()(tmp_path / "1", features=transform))
        before = backend.replica_pids()
        with RAY.Traffic(backend.url, callers=6) as traffic:
            traffic.wait_for(60, good=True)
            body = {"instances": [trip("poison", 14.0)]}
            code = httpx.post(f"{backend.url}/predict", json=body, timeout=60).status_code
            traffic.wait_for(200, good=True)
        dead = [pid for pid in before if not psutil.pid_exists(pid)]
        failed = [(answer.status, answer.body) for answer in traffic.failed]
        print(f"poison: {code}; replicas dead: {len(dead)} of {len(before)}; others: {failed=}")
        assert code == 500
        assert 1 <= len(dead) <= 2
        assert failed == []


def test_a_replica_out_of_memory_fails_its_own_requests_only(served: Any) -> None:
    """What does not fit is refused or fails, small requests go on, and the log has every answer."""
    victim = psutil.Process(served.backend.replica_pids()[0])
    _, hard = victim.rlimit(psutil.RLIMIT_AS)
    long = "x" * 1400  # 15 MB of body: more than the process ever held free
    huge = {"instances": [ROW | {"trip": f"T{n}{long}"} for n in range(10_000)]}
    with RAY.Traffic(served.backend.url, callers=2) as traffic:
        traffic.wait_for(50, good=True)
        victim.rlimit(psutil.RLIMIT_AS, (victim.memory_info().vms, hard))
        starved = time.monotonic()
        with httpx.Client(base_url=served.backend.url, timeout=60, trust_env=False) as client:
            codes = [_code(client, huge) for _ in range(12)]
        traffic.wait_for(200, good=True)
    after = [answer for answer in traffic.answers if answer.sent_at > starved]
    failed = [(one.status, round(one.took_s, 2)) for one in after if one.status != 200]
    print(f"large requests without memory: {codes}; small ones: {len(after)}, {failed=}")
    assert set(codes) - {200}, "memory never ran out"
    assert set(codes) <= {0, 200, 500, 502, 503, 504}
    assert traffic.acknowledged() <= served.logged()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one megabyte; mounting it takes root, as the nightly run has."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "nbprod-soak", str(folder)]
    subprocess.run(mount, check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.parametrize("refuse", [False, True], ids=["answer", "refuse"])
def test_a_full_disk_is_seen_and_nothing_acknowledged_is_missing(
    tmp_path: Path, small_disk: Path, refuse: bool
) -> None:
    """On a full disk requests are answered or refused as chosen, and /readyz and /metrics say so;
    what was answered with its record written is in the log; with room again it is healthy."""
    logs = small_disk / "logs"
    filler = small_disk / "filler"
    with serving_trips(tmp_path, log_folder=logs, refuse_unlogged=refuse) as (address, _):
        url = f"http://{address}"

        def ask(count: int) -> list[httpx.Response]:
            body = {"instances": [ROW] * 20}
            with httpx.Client(base_url=url, timeout=30) as client:
                return [client.post("/predict", json=body) for _ in range(count)]

        good = ask(5)
        filler.write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 40_000))
        full = ask(60)
        codes = {response.status_code for response in full}
        assert 503 in codes if refuse else codes == {200}
        degraded = httpx.get(f"{url}/readyz").json()["degraded"]
        assert "No space left" in degraded
        text = httpx.get(f"{url}/metrics").text
        unlogged = sum(
            float(line.split()[-1])
            for line in text.splitlines()
            if line.startswith("nbprod_unlogged_predictions_total")
        )
        assert unlogged > 0
        filler.unlink()
        good += ask(5)
        assert httpx.get(f"{url}/readyz").json()["degraded"] == ""
        answered = [one for one in (*good, *full) if one.status_code == 200]
        ids = {name for response in answered for name in response.json()["prediction_ids"]}
        logged = {record.id for record in prediction_log.query(logs, limit=100_000)}
        missing = len(ids - logged)
        print(json.dumps({"answered": len(ids), "not logged, and counted": missing}))
        assert missing == (0 if refuse else unlogged)
        assert prediction_log.damage(logs, None) == {"damaged": 0, "torn": 0}
