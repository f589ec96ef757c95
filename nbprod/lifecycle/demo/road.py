"""The demo's steps in order: each one is a verb of `Project`, as a person would call it.

Nothing is simulated: real flights, real papermill, MLflow, Ray Serve and whylogs. Whatever
happens on the way, `clean_up` ends every process that was started; each carries the marker
``NBPROD_DEMO=<id>`` in its environment, so that none can be overlooked.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.engine import free_port
from nbprod.errors import ConfigError, NbprodError
from nbprod.lifecycle.demo import crowd, evidence
from nbprod.lifecycle.demo.traffic import Traffic
from nbprod.lifecycle.project import Project
from nbprod.lifecycle.scaffold import scaffold
from nbprod.records import Demonstration, DemoStep, Progress, new_id

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER = "NBPROD_DEMO"
_OWN_FILE = ".nbprod-demo"
_APPROVER = "head-of-ops@example.com"
# Requests a second, eight flights in each: few while the second release is made, because two cores
# train and answer; then as many as leave room for a canary beside the champion.
_QUIET_RATE = 2.0
_BUSY_RATE = 8.0
# The deadline of one request. Training and serving share this machine, whatever else it does: a
# late answer shows in the report's latencies, and a lost one must not hide behind it.
_TIMEOUT_MS = 10_000.0
# The second release: the same notebook with other hyperparameters, as a colleague might try.
_OTHER_PARAMETERS = {"learning_rate": 0.1, "max_iter": 90}


def run_demo(folder: str | Path, *, flights: int = 3000, progress: Progress) -> Demonstration:
    """Walk the whole road in a folder; the report lies there as report.html.

    flights: at least so many later flights are sent. Raises ConfigError when the folder holds
    something else than an earlier demo.
    """
    target = Path(folder).resolve()
    _make_room(target)
    marker = new_id()
    with _marked(marker), _terminated_as_interrupted():
        road = Road(target, flights, progress)
        try:
            record = road.walk()
        finally:
            road.clean_up()
            left = crowd.end_marked(MARKER, marker)
        if left:
            raise NbprodError(
                f"the demo left {len(left)} processes behind: {', '.join(left)}",
                hint="they have been ended; this is a bug of nbprod, please report it",
            )
    return record


def _make_room(target: Path) -> None:
    if not target.exists():
        return
    if any(target.iterdir()) and not (target / _OWN_FILE).exists():
        raise ConfigError(
            f"{target} is not empty and was not made by the demo",
            hint="name another folder with --folder; nothing was changed",
        )
    shutil.rmtree(target)


@contextlib.contextmanager
def _marked(marker: str) -> Iterator[None]:
    before = os.environ.get(MARKER)
    os.environ[MARKER] = marker
    try:
        yield
    finally:
        if before is None:
            del os.environ[MARKER]
        else:
            os.environ[MARKER] = before


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """A polite end from outside (SIGTERM, a closed terminal) cleans up as Ctrl-C does."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Road:
    """One walk: the project, what was measured on the way, and the timeline."""

    def __init__(self, folder: Path, flights: int, progress: Progress) -> None:
        self.folder = folder
        self.flights = flights
        self.progress = progress
        self.started_at = time.monotonic()
        self.steps: list[DemoStep] = []
        self.records: dict[str, Any] = {}
        self.moments: dict[str, float] = {}  # name -> seconds since the start
        self.traffic: Traffic | None = None
        self.project: Project | None = None

    # ------------------------------------------------------------ the walk

    def walk(self) -> Demonstration:
        """Every step of the road, in order; the record with what was measured."""
        project = self._make_project()
        self._to_first_release(project)
        self._serve(project)
        self._second_release(project)
        self._rollout(project)
        self._look_back(project)
        return evidence.conclude(self, project)

    def _make_project(self) -> Project:
        with self._step("init", "a project from the flights recipe") as note:
            made = scaffold(self.folder, recipe="flights", progress=self.progress)
            (self.folder / _OWN_FILE).touch()
            self.project = Project.load(
                self.folder,
                arguments={
                    "serving.port": free_port(),
                    "serving.replicas": 2,
                    "serving.timeout_ms": _TIMEOUT_MS,
                },
                progress=self.progress,
            )
            note(f"{len(made.files)} files")
        return self.project

    def _to_first_release(self, project: Project) -> None:
        with self._step("inspect", "what the notebook holds") as note:
            inspection = self._keep("inspection", project.inspect())
            tagged = sum(1 for cell in inspection.cells if cell.role)
            note(f"{len(inspection.cells)} cells, {tagged} with a role")
        with self._step("extract", "notebook -> module") as note:
            extraction = self._keep("extraction", project.extract())
            note(f"{len(extraction.files)} files, version {extraction.version[:12]}")
        with self._step("contract", "inferred from the data") as note:
            contract = self._keep("contract", project.infer_contract())
            note(f"{len(contract.input)} input columns, {len(contract.features)} features")
        with self._step("parity", "train path against serve path") as note:
            parity = self._keep("parity", project.check_parity()).raise_if_failed()
            note(f"{parity.rows} rows, {len(parity.relations)} relations hold")
        self.records["first"] = self._candidate(project, "1", {})

    def _candidate(self, project: Project, number: str, parameters: dict[str, Any]) -> Any:
        """train -> gate -> approve -> release, for one of the two candidates."""
        with self._step(f"train {number}", "one reproducible run") as note:
            run = self._keep(f"run {number}", project.train(parameters))
            shown = ", ".join(f"{name} {value:.3f}" for name, value in sorted(run.metrics.items()))
            note(f"candidate {run.candidate.number}: {shown}")
        with self._step(f"gate {number}", "validation notebooks judge it") as note:
            gate = self._keep(f"gate {number}", project.gate(run))
            gate.raise_if_failed()
            note(f"{gate.verdict}: {len(gate.checks)} checks, every sabotage caught")
        with self._step(f"approve {number}", "a person looks at sample predictions") as note:
            page = project.review(run)
            approval = project.approve(
                run, reason="looked at the most surprising predictions", by=_APPROVER
            )
            note(f"by {approval.by} ({page.name})")
        with self._step(f"release {number}", "frozen with its evidence") as note:
            release = self._keep(f"release {number}", project.release(run))
            verified = project.verify(release).raise_if_failed()
            note(f"version {release.version}, {verified.files} files hashed")
        return release

    # ------------------------------------------------------------ serving under traffic

    def _serve(self, project: Project) -> None:
        with self._step("deploy", "on Ray Serve, two replicas") as note:
            deployment = self._keep("deployment", project.deploy(self.records["first"]))
            note(deployment.url)
        rows, outcomes = evidence.later_flights(project, limit=2 * self.flights)
        self.records["outcomes"] = outcomes
        self.traffic = Traffic(deployment.url, rows, self.started_at, rate=_QUIET_RATE)
        self.traffic.start()
        self.moments["deploy"] = self._now()
        with self._step("broken rows", "each refused with the field's name") as note:
            refused = evidence.send_broken(deployment.url, rows[0])
            self.records["refused"] = refused
            note("; ".join(f"{item['status']} {item['named']}" for item in refused))

    def _second_release(self, project: Project) -> None:
        """Traffic flows on while the second candidate is made."""
        self.records["second"] = self._candidate(project, "2", _OTHER_PARAMETERS)

    def _rollout(self, project: Project) -> None:
        traffic = self.traffic
        assert traffic is not None
        traffic.rate = _BUSY_RATE
        with self._step("kill -9", "one replica of the champion") as note:
            self.moments["kill"] = self._now()
            pid = crowd.kill_one_replica(project)
            traffic.wait_for(40)
            note(f"process {pid}; traffic goes on")
        self._bad_canary(project)
        with self._step("canary", "release 2 gets a fifth of the traffic") as note:
            self.moments["canary"] = self._now()
            project.deploy(self.records["second"], trial="canary", percent=20)
            began = self._now()
            traffic.wait_for(80)
            share = evidence.share(traffic, self.records["second"], since=began)
            note(f"{share:.0%} of the answers since then came from it")
        with self._step("promote", "release 2 is champion, release 1 stays warm") as note:
            self.moments["promote"] = self._now()
            project.promote(by=_APPROVER, reason="the canary looks good")
            traffic.wait_for(40)
            note("")
        with self._step("rollback", "all traffic back to release 1") as note:
            self.moments["rollback"] = self._now()
            deployment = project.rollback(by=_APPROVER, reason="to see how fast it is")
            acknowledged = evidence.rollback_ms(deployment)
            self.records["rollback_ms"] = acknowledged
            self.moments["rolled back"] = self.moments["rollback"] + acknowledged / 1000
            traffic.wait_for(40)
            traffic.wait_for((self.flights - traffic.answered) // traffic.flights)
            note(f"acknowledged after {acknowledged:.0f} ms")
        traffic.stop()

    def _bad_canary(self, project: Project) -> None:
        """A canary whose process crashes again and again: nobody but the controller ends it."""
        with self._step("bad canary", "its process crashes again and again") as note:
            self.moments["bad canary"] = self._now()
            second = self.records["second"]
            project.deploy(second, trial="canary", percent=20)
            took_s = crowd.crash_canary(project, second.version)
            step = project.status().history[-1]
            note(f"{step.action} by the {step.by} after {took_s:.0f} s; the champion stood in")

    # ------------------------------------------------------------ looking back

    def _look_back(self, project: Project) -> None:
        traffic = self.traffic
        assert traffic is not None
        with self._step("outcomes", "the flights have landed") as note:
            receipt = evidence.post_outcomes(traffic, self.records["outcomes"])
            note(f"{receipt['accepted']} joined by prediction id")
        with self._step("monitor", "later months against training") as note:
            health = self._keep("health", project.monitor())
            columns = (c for report in health.drift for c in report.columns if c.drifted)
            drifted = sorted({column.column.rpartition(".")[2] for column in columns})
            quality = ", ".join(f"{name} {value:.3f}" for name, value in health.quality.items())
            note(f"{', '.join(drifted) or 'nothing'} drifted; {quality}")
        with self._step("why", "one prediction, reconstructed") as note:
            example = evidence.an_example(traffic, self.records["second"])
            explanation = self._keep("why", project.why(example))
            assert explanation.release is not None
            note(f"{example} <- release {explanation.release.version}")
        with self._step("prediction log", "every acknowledged id is looked up") as note:
            missing = evidence.missing_from_log(project, traffic)
            self.records["missing"] = missing
            note(f"{len(missing)} of {traffic.answered:,} missing")
        with self._step("undeploy", "nothing stays behind") as note:
            project.undeploy()
            note("")

    # ------------------------------------------------------------ bookkeeping

    def clean_up(self) -> None:
        """End the traffic and the engine, whatever happened before."""
        if self.traffic is not None:
            self.traffic.stop()
        if self.project is not None:
            with contextlib.suppress(NbprodError):  # it may not have come as far as a deployment
                self.project.undeploy()

    def _now(self) -> float:
        return time.monotonic() - self.started_at

    def _keep(self, name: str, record: Any) -> Any:
        self.records[name] = record
        return record

    @contextlib.contextmanager
    def _step(self, name: str, what: str) -> Iterator[Any]:
        start = self._now()
        self.progress(f"[{start:5.1f} s] {name}: {what}", None)
        said: list[str] = []
        yield said.append
        record = self.records.get(name)
        self.steps.append(
            DemoStep(
                name=name,
                start_s=start,
                duration_s=self._now() - start,
                result=said[-1] if said and said[-1] else what,
                record_id=getattr(record, "id", ""),
            )
        )
