"""Releases that go wrong in every way under steady traffic, and rollouts again and again: `make soak`.

The chaos matrix is the first test: it prints a line for each trouble. The second one promotes and
rolls back in turns and kills replicas.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from command import nbprod
from rollout_callers import steady
from rollout_project import BAD, Served, deployed

from nbprod import traffic
from nbprod.data import prediction_log
from nbprod.engine import engine_processes, free_port
from nbprod.errors import ServingError
from nbprod.lifecycle.delivery import replica_pids
from nbprod.lifecycle.demo.traffic import Traffic
from nbprod.lifecycle.loop import log_folder
from nbprod.lifecycle.project import Project

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]
CYCLES = int(os.environ.get("NBPROD_SOAK_CYCLES", "8"))
RATE, SHARE, TRIAL_S = 300.0, 0.3, 4.0  # requests a second; the trial's part of them
RECOVERY_S = 15.0  # after a kill -9 a caller may see an error for so long


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Release 1 as champion, and no controller: a person takes everything back here."""
    with deployed(tmp_path_factory.mktemp("chaos"), controlled=False) as made:
        yield made


@dataclass
class Line:
    """What callers saw of one trouble."""

    trouble: str
    asked: int
    failed: int
    by_trial: int  # answers of the release that goes wrong
    stood_in: int  # its callers whom the champion answered
    wrong_after: int  # its answers to requests sent after the rollback was acknowledged
    acknowledged_ms: float
    last_ms: float  # its last answer, after the rollback was called


def test_whatever_a_release_does_no_request_fails(
    served: Served, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every trouble as a canary and, promoted, as champion; taken back by a rollback in a second."""
    lines = [_refused(served, tmp_path)]
    for number, (trouble, text) in enumerate(BAD.items(), 10):
        bundle = served.bundle(str(number), features=text)
        lines.append(_tried(served, tmp_path, trouble, number, bundle))
    number = 30
    bundle = served.bundle(str(number), features=BAD["answers one thing only"])
    name = "answers one thing only, promoted"
    lines.append(_tried(served, tmp_path, name, number, bundle, promoted=True))
    with capsys.disabled():
        print(f"\n  {'a release that':34} requests failed answers stood in wrong after", end="")
        print("  rollback ms  last answer ms")
        for one in lines:
            print(f"  {one.trouble:34} {one.asked:8} {one.failed:6} {one.by_trial:7}", end="")
            print(f" {one.stood_in:8} {one.wrong_after:11}", end="")
            print(f" {one.acknowledged_ms:12.0f} {one.last_ms:15.0f}")
    assert [one.trouble for one in lines if one.failed or one.wrong_after] == []
    assert [one.trouble for one in lines if max(one.acknowledged_ms, one.last_ms) >= 1000] == []
    assert sum(one.by_trial for one in lines) > 0
    assert sum(one.stood_in for one in lines) > 0


def _refused(served: Served, folder: Path) -> Line:
    broken = served.bundle("broken", broken=True)
    with steady(served.backend.url, RATE, folder / "seen.jsonl") as found:
        time.sleep(1)
        with pytest.raises(ServingError, match="does not start"):
            served.backend.start_canary(9, broken, SHARE)
        time.sleep(1)
    answers = found.answers
    failed = sum(answer.status != 200 for answer in answers)
    strange = sum(answer.release not in ("", "1") for answer in answers)
    return Line("does not load", len(answers), failed, strange, 0, strange, 0.0, 0.0)


def _tried(
    served: Served, folder: Path, trouble: str, number: int, bundle: Path, *, promoted: bool = False
) -> Line:
    with steady(served.backend.url, RATE, folder / "seen.jsonl") as found:
        time.sleep(1)
        served.backend.start_canary(number, bundle, SHARE)
        began = time.monotonic()
        time.sleep(TRIAL_S)
        if promoted:
            served.project.promote(reason="chaos")
            began = time.monotonic()
            time.sleep(TRIAL_S)
        called = time.monotonic()
        done = served.backend.rollback(reason="chaos", settle=False)
        acknowledged = time.monotonic()
        served.backend.settle()
        time.sleep(1)
    answers, bad = found.answers, str(number)
    its = [answer for answer in answers if answer.release == bad]
    late = [a.due_at + a.took_s - called for a in its if a.due_at + a.took_s > called]
    trial = [a for a in answers if began < a.due_at < called]
    stood_in = [a for a in trial if a.release == "1" and traffic.place(a.trip, number) < SHARE]
    return Line(
        trouble,
        len(answers),
        sum(answer.status != 200 for answer in answers),
        len(its),
        len(stood_in),
        sum(answer.due_at > acknowledged for answer in its),
        done["duration_ms"],
        1000 * max(late, default=0.0),
    )


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
    calls = Traffic(deployment.url, rows, started, rate=30.0)
    calls.start()
    try:
        for cycle in range(CYCLES):
            project.deploy(2, trial="canary", percent=30)
            calls.wait_for(150)
            project.promote(reason="soak")
            calls.wait_for(150)
            project.rollback(reason="soak")
            calls.wait_for(150)
            kills.append(time.monotonic() - started)
            os.kill(replica_pids(project)[0], signal.SIGKILL)
            calls.wait_for(500)
            print(f"cycle {cycle}: {calls.sent} requests, {_memory(deployment.engine_id):.0f} MB")
    finally:
        calls.stop()
        project.undeploy()
    failed = [item for item in calls.exchanges if item.failed]
    near = [i for i in failed if any(k <= i.at_s <= k + RECOVERY_S for k in kills)]
    print(f"{len(failed)} failed requests, {len(near)} of them within {RECOVERY_S} s of a kill")
    assert len(failed) == len(near), [item for item in failed if item not in near][:3]
    ids = {name for item in calls.exchanges for name in item.prediction_ids}
    logged = prediction_log.query(log_folder(project), limit=len(ids) + 100_000)
    assert ids <= {record.id for record in logged}
