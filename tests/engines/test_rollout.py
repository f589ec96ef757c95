"""Rollouts on a real Ray, moved by the controller alone: good releases arrive, bad ones do not.

Callers never stop. Whatever the release on trial does, no request fails, the champion's answers
are its own, and the table that is printed says how long it took to be rid of it.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from callers import Traffic
from command import nbprod
from rollout_project import BAD, MINUTES, Served, deployed

from nbprod.data import prediction_log
from nbprod.engine import disconnect, engine_processes, read_engine
from nbprod.errors import NbprodError
from nbprod.lifecycle import rollouts
from nbprod.lifecycle.loop import log_folder
from nbprod.records import Deployment

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Release 1 as champion, and the controller beside it."""
    with deployed(tmp_path_factory.mktemp("rollout")) as made:
        yield made


def p99_ms(traffic: Traffic, since: float, until: float) -> float:
    took = sorted(a.took_s for a in traffic.answers if since <= a.sent_at < until)
    return 1000 * took[int(0.99 * (len(took) - 1))] if took else float("nan")


def test_a_shadow_is_compared_and_costs_nobody_an_answer(served: Served) -> None:
    """The shadow's answers are in the log beside the live ones, and nobody ever gets one."""
    served.backend.start_shadow(2, served.bundle("2", bias=1.0))
    with Traffic(served.backend.url, callers=2, minutes=MINUTES) as traffic:
        traffic.wait_for(80)
    assert traffic.failed == []
    assert {answer.body["role"] for answer in traffic.answers} == {"champion"}
    report, deadline = served.project.shadow_report(2), time.monotonic() + 60
    while report.pairs <= 40 and time.monotonic() < deadline:  # it goes last on the machine
        time.sleep(0.5)
        report = served.project.shadow_report(2)
    assert report.pairs + report.unpaired == len(traffic.answers)
    assert report.pairs > 40
    assert report.agreement == 0.0
    assert report.fields[0].mean_difference == pytest.approx(1.0)
    assert served.project.abort(reason="seen enough").traffic.shadows == ()


def test_a_good_canary_arrives_by_itself(served: Served) -> None:
    """The controller takes every step, each with its evidence, and promotes; then a rollback."""
    served.backend.start_canary(3, served.bundle("3"), 0.1)
    with Traffic(served.backend.url, callers=3, minutes=MINUTES, pause_s=0.02) as traffic:
        served.until(lambda state: state.roles["champion"] == 3)
        traffic.wait_for(30)
        record = served.project.rollback(reason="to see the way back")
        back_at = time.monotonic()
        traffic.wait_for(50)
    assert traffic.failed == []
    assert {a.body["release"] for a in traffic.answers if a.sent_at > back_at} == {"1"}
    steps = {step.action: step for step in record.history}
    assert steps["promote"].by == rollouts.CONTROLLER
    assert steps["promote"].evidence["observed"]["canary"]["requests"] >= 30
    assert {check["verdict"] for check in steps["promote"].evidence["checks"]} == {"pass"}
    found = prediction_log.query(log_folder(served.project), limit=1_000_000)
    assert traffic.acknowledged() <= {prediction.id for prediction in found}


@pytest.mark.parametrize("trouble", list(BAD))
def test_a_bad_canary_is_ended_by_the_controller(
    served: Served, trouble: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """No caller sees it: the champion stands in until the controller has ended it."""
    number = 10 + list(BAD).index(trouble)
    bundle = served.bundle(str(number), features=BAD[trouble])
    with Traffic(served.backend.url, callers=3, minutes=MINUTES, pause_s=0.02) as traffic:
        traffic.wait_for(60)
        quiet_until = time.monotonic()
        served.backend.start_canary(number, bundle, 0.3)
        began = time.monotonic()
        served.until(lambda state: "canary" not in state.roles)
        ended = time.monotonic()
        traffic.wait_for(30)
    record = served.project.status()
    assert traffic.failed == []
    assert (record.history[-1].action, record.history[-1].by) == ("abort", rollouts.CONTROLLER)
    late = {a.body["release"] for a in traffic.answers if a.sent_at > ended}
    assert late == {"1"}
    served.until(lambda _: f"release {number} was taken off" in told(served))
    assert died_over_and_over(served) == []
    quiet, busy = p99_ms(traffic, 0.0, quiet_until), p99_ms(traffic, began, ended)
    with capsys.disabled():
        print(
            f"\n  {trouble:24} ended after {ended - began:5.1f} s, {len(traffic.answers):5} "
            f"requests, 0 failed, p99 {quiet:.0f} -> {busy:.0f} ms: {record.history[-1].reason}"
        )


def told(served: Served) -> str:
    """What the owner was alerted of."""
    path = log_folder(served.project) / "alerts.jsonl"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def died_over_and_over(served: Served) -> list[str]:
    """The logs of processes that aborted in the handler of their own abort, thousands deep.

    Such a stack grows into the memory that the replicas share with Ray's node, which then crashes.
    """
    engine = read_engine(served.project.store.root / "engine")
    assert engine is not None
    logs = sorted(Path(engine.ray_path, "session_latest", "logs").glob("worker-*.err"))
    assert logs
    return [path.name for path in logs if "while already in" in path.read_text(errors="replace")]


def test_a_dead_controller_comes_back_and_a_pause_holds(served: Served) -> None:
    """Killed, it looks again; while paused nothing moves; after it the canary goes on."""
    served.backend.start_canary(3, served.folder / "bundles/3/bundle", 0.3)
    served.project.pause(reason="lunch")
    import ray

    ray.kill(ray.get_actor("nbprod-controller-trips", namespace="nbprod"), no_restart=False)
    with Traffic(served.backend.url, callers=3, minutes=MINUTES, pause_s=0.02) as traffic:
        traffic.wait_for(300)
        assert served.state().roles == {"champion": 1, "canary": 3}
        served.project.pause(resume=True)
        served.until(lambda state: state.roles["champion"] == 3)
    assert traffic.failed == []
    served.project.rollback()


def test_an_ab_test_is_read_from_the_outcomes(served: Served) -> None:
    """Twice as many rebook with the new release: the test says so, on the plan fixed before."""
    plan = rollouts.experiment_plan(served.project) | {"label_delay_s": 0.0}
    served.backend.start_canary(3, served.folder / "bundles/3/bundle", 0.5, experiment=plan)
    served.project.pause(reason="the controller shall not act on what this test reads")
    with Traffic(served.backend.url, callers=3, minutes=MINUTES) as traffic:
        traffic.wait_for(600)
    outcomes = [
        {
            "prediction_id": answer.body["prediction_ids"][0],
            "name": "rebooked",
            "outcome": number % 10 < (8 if answer.body["role"] == "canary" else 3),
        }
        for number, answer in enumerate(traffic.answers)
    ]
    served.project.record_outcomes(outcomes)
    decision = served.project.advance_rollout()
    assert decision.action == "hold"
    assert decision.experiment["decision"] == "better"
    assert decision.experiment["ratio_ok"] is True
    served.project.abort()


def test_a_verb_leaves_no_client_of_the_engine_behind(served: Served) -> None:
    """Whoever called it is not ended with the engine, a minute later, as Ray does to its clients."""
    import ray

    disconnect()
    environment = dict(os.environ)
    with pytest.raises(NbprodError, match="canary"):
        served.project.promote()  # not before it has looked whether one was cut off
    assert not ray.is_initialized()
    assert dict(os.environ) == environment  # a Ray of the caller's own finds no token of this one


def test_a_killed_engine_comes_back_with_its_rollout(served: Served) -> None:
    """After the machine's restart `deploy` brings champion and canary back as they were."""
    served.backend.start_canary(3, served.folder / "bundles/3/bundle", 0.4)
    before = served.state()
    record = served.project.store.load(Deployment, "deployments", "trips")
    disconnect()  # this process joined through the backend: Ray would end it with the engine
    for process in engine_processes(record.engine_id):
        os.kill(process.pid, signal.SIGKILL)
    done = nbprod("deploy", "--json", cwd=served.folder)
    try:
        assert done.code == 0, done.err
        again = Deployment.from_json(done.record)
        assert again.traffic == before
        with Traffic(again.url, callers=1, minutes=MINUTES) as traffic:
            traffic.wait_for(40)
        assert traffic.failed == []
        assert {answer.body["role"] for answer in traffic.answers} == {"champion", "canary"}
    finally:
        assert nbprod("undeploy", cwd=served.folder).code == 0
