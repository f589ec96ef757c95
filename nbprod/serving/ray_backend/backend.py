"""Releases on Ray Serve: one ingress that holds the champion, one worker for each other release.

The ingress is the only application with a route, and the champion answers inside it: no second
hop on the main path. A canary, or the previous champion kept warm, runs in a process of its own
and is reached through a handle when the traffic state says so. A promotion or a rollback is one
change of that state. A promotion can wait: the ingress takes the canary in before it. A rollback
cannot: the ingress follows (`settle`). Both may be interrupted and repeated at any time, for what
answers is the state's alone, whatever the ingress holds.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import socket
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import engine as engines
from nbprod import traffic
from nbprod.errors import RefusedError, ServingError
from nbprod.records import Json, TrafficState, sha256
from nbprod.serving.admin import call_admin
from nbprod.serving.auth import admin_token
from nbprod.serving.keeper import TRAFFIC_FILE
from nbprod.serving.local_backend import port_taken
from nbprod.serving.options import ServiceOptions, check_exposure, service_options
from nbprod.serving.ray_backend.applications import ROLLOUT_PROCESSES, Applications
from nbprod.serving.ray_backend.keeping import Keeping

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.config import Settings
    from nbprod.engine import Engine


class RayBackend:
    """One deployment on one engine.

    state_folder: holds the traffic state, the bundles' places and the admin token.
    """

    def __init__(
        self,
        engine: Engine,
        settings: Settings,
        *,
        deployment: str,
        state_folder: str | Path,
        log_folder: str | Path,
        profile_folder: str | Path,
    ) -> None:
        self.engine = engine
        self.settings = settings
        self.deployment = deployment
        self._applications = Applications(settings, deployment)
        self._state_folder = Path(state_folder).resolve()
        self._keeping = Keeping(deployment, self._traffic_path)
        self._log_folder = Path(log_folder)
        self._profile_folder = Path(profile_folder)
        self.token_path = self._state_folder / "admin-token"

    @property
    def url(self) -> str:
        """Where the deployment answers."""
        host = self.settings.serving.host
        shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 - not bound here
        return f"http://{shown}:{self.settings.serving.port}"

    # ------------------------------------------------------------ verbs

    def deploy(
        self, version: int, bundle: str | Path, *, by: str = "", reason: str = ""
    ) -> TrafficState:
        """Serve a release as champion; over a running champion it takes over without a gap.

        Raises ServingError naming the port that is taken, the resource that is missing, or why
        the release does not start: then nothing of it is left.
        """
        check_exposure(self.settings, self._options(version))
        self._connect()
        if self._is_running():
            return self._replace(version, bundle, by=by, reason=reason)
        check_port(self.settings.serving.host, self.settings.serving.port)
        self._applications.check_resources()
        self._remember(version, bundle)
        try:
            self._applications.start_serve()
            self._keeping.start()
            self._run_ingress(version)
            return self._keeping.change("deploy", version=version, by=by, reason=reason)
        except BaseException:
            self.undeploy()
            raise

    def restore(self) -> TrafficState:
        """Start again what the traffic state on disk names: an engine died, the state did not.

        On failure the state stays, so that it can be tried again.
        """
        self._connect()
        check_port(self.settings.serving.host, self.settings.serving.port)
        self._applications.check_resources()
        try:
            self._applications.start_serve()
            self._keeping.start()
            state = self._keeping.state()
            self._run_ingress(state.roles["champion"])
            for version in _others(state):
                self._run_worker(version, behind=version in state.shadows)
        except BaseException:
            self._applications.end()
            raise
        return state

    def start_companion(self, kind: type, *arguments: Any) -> None:
        """Keep one object of a class in a process of its own beside the deployment.

        Does nothing where it is there already; the engine starts it again when it dies.
        """
        self._connect()
        self._keeping.start_companion(kind, *arguments)

    def start_canary(
        self,
        version: int,
        bundle: str | Path,
        fraction: float,
        *,
        by: str = "",
        reason: str = "",
        experiment: Json | None = None,
    ) -> TrafficState:
        """Start a release beside the champion and give it a fraction of the requests in [0, 1].

        experiment: the plan of an A/B test. Raises ServingError when the release does not start:
        the champion's traffic never noticed.
        """
        self._connect()
        before = self._keeping.state()
        traffic.with_canary(before, version, fraction)  # refused before anything is started
        if version in before.roles.values() and before.roles.get("canary") != version:
            raise RefusedError(
                f"release {version} has a role here already",
                hint="`nbprod status` shows it; `nbprod rollback` brings previous back",
            )
        self._remember(version, bundle)
        with self._alone():
            shadowed = version in before.shadows  # at a priority that no caller shall wait for
            if shadowed or version not in self._applications.started():
                self._applications.check_resources(processes=ROLLOUT_PROCESSES)
                self._run_worker(version)
            given = {"version": version, "fraction": fraction, "by": by, "reason": reason}
            state = self._keeping.change("canary", **given, experiment=experiment or {})
            self._keep_workers(_others(state) | self._outside())
        return state

    def start_shadow(
        self, version: int, bundle: str | Path, *, by: str = "", reason: str = ""
    ) -> TrafficState:
        """Start a release that sees the live requests and answers nobody.

        Raises ServingError when it does not start, or answers requests already.
        """
        self._connect()
        traffic.with_shadow(self._keeping.state(), version)  # refused before anything is started
        self._remember(version, bundle)
        with self._alone():
            began = version not in self._applications.started()
            if began:
                self._run_worker(version, behind=True)
            try:
                return self._keeping.change("shadow", version=version, by=by, reason=reason)
            except ServingError:
                if began:
                    needed = _others(self._keeping.state()) | self._outside()
                    self._applications.keep_workers(needed)
                raise

    def set_traffic(self, fraction: float, *, by: str = "", reason: str = "") -> TrafficState:
        """Another share of the requests, in [0, 1], for the canary."""
        self._connect()
        return self._keeping.change("traffic", fraction=fraction, by=by, reason=reason)

    def promote(self, **given: Any) -> TrafficState:
        """Make the canary the champion; the old champion stays warm as previous.

        The ingress takes the canary in first, so that no request of the new champion ever takes
        a second hop. given: ``by``, ``reason``, ``evidence``; ``revision`` refuses the promotion,
        with ServingError, where the traffic has changed since.
        """
        self._connect()
        try:
            with self._alone():
                self._take_in_canary(given.get("revision"))
                state = self._keeping.change("promote", **given)
        finally:
            self.settle()  # back, where the canary was ended meanwhile
        return state

    def rollback(self, *, by: str = "", reason: str = "", settle: bool = True) -> Json:
        """Take the newest change back: a canary ends, or previous is champion again.

        The traffic is back after ``duration_ms``, counted from the call and without joining the
        engine; settle: then also bring the champion into the ingress, which takes seconds.
        Returns ``traffic``; ``confirmed``: every replica follows it; ``verified``: the release
        answers its golden requests; ``duration_ms``.
        """
        started = time.monotonic()
        given = {"by": by, "reason": reason}
        try:
            done = call_admin(self.url, self._token(), "rollback", given)
        except ServingError as error:
            if error.details.get("status", 503) < 500:
                raise
            self._connect()  # no replica answers: the keeper itself is asked
            done = {
                "traffic": self._keeping.change("rollback", **given).to_json(),
                "confirmed": False,
            }
        else:
            traffic.reached("traffic changed")
        done["duration_ms"] = round((time.monotonic() - started) * 1000, 1)
        if settle:
            self.settle()
        return done

    def settle(self, *, patient: bool = True) -> None:
        """Bring the processes to what the traffic state says; does nothing where they are.

        What answers now ends last, so this may be interrupted, and repeated, at any point.
        patient: wait for a command that moves processes now, instead of leaving it to that one.
        """
        self._connect()
        with self._alone(patient) as alone:
            if not alone:
                return
            status = self.status()
            state = TrafficState.from_json(status["traffic"])
            champion = state.roles["champion"]
            for version in _others(state) - self._applications.started():
                self._run_worker(version, behind=version in state.shadows)
            if not self._ingress_holds(champion, status):
                self._run_ingress(champion)
            now = self._keeping.state()
            # Where the traffic has changed meanwhile, its own settling waits for this one, and
            # needs the processes that it names.
            moved = now.revision != state.revision
            self._keep_workers(_others(state) | (_all(now) if moved else set()))
        if moved:
            self.settle()

    def status(self) -> Json:
        """``traffic``, ``history``, and ``replicas`` of the ingress, each with release and pid."""
        self._connect()
        return self._keeping.ask("status")

    def replica_pids(self) -> list[int]:
        """Process ids of the ingress replicas, which hold the champion."""
        return [int(replica["pid"]) for replica in self.status()["replicas"]]

    def undeploy(self) -> None:
        """End the deployment's applications, requests in them finished; the engine goes on."""
        self._connect()
        self._applications.end()
        self._keeping.end()
        for file in (self._traffic_path, self._bundles_path, self.token_path):
            file.unlink(missing_ok=True)

    # ------------------------------------------------------------ applications

    def _replace(self, version: int, bundle: str | Path, *, by: str, reason: str) -> TrafficState:
        """A release over a running champion: on trial without requests, then promoted."""
        if self._keeping.state().roles["champion"] == version:
            self.settle()
            return self._keeping.state()
        self.start_canary(version, bundle, 0.0, by=by, reason=reason)
        return self.promote(by=by, reason=reason)

    def _take_in_canary(self, revision: int | None) -> None:
        """Put the canary into the ingress while it is one; the champion gets a process first.

        Until the traffic changes each replica forwards what the state gives to the other release.
        """
        status = self.status()
        state = TrafficState.from_json(status["traffic"])
        canary = traffic.after_promotion(state).roles["champion"]
        if revision not in (None, state.revision):
            return  # refused by the keeper in a moment
        champion = state.roles["champion"]
        if champion not in self._applications.started():
            self._run_worker(champion)
        if not self._ingress_holds(canary, status):
            try:
                self._run_ingress(canary)
            except ServingError:  # the replicas of before still answer, and are to stay
                self._run_ingress(champion)
                raise

    def _outside(self) -> set[int]:
        """The champion, where an ingress replica forwards to it: a promotion was cut off."""
        status = self.status()
        champion = int(status["traffic"]["roles"]["champion"])
        return set() if self._ingress_holds(champion, status) else {champion}

    def _ingress_holds(self, version: int, status: Json) -> bool:
        """Whether every replica of the ingress holds this release, and none is being replaced.

        A command that was ended while replicas changed leaves the engine changing them.
        """
        held = {replica["release"] for replica in status["replicas"]}
        return held <= {str(version)} and self._applications.ingress_rests()

    def _run_ingress(self, version: int) -> None:
        self._applications.run_ingress(version, self._bundle(version), self._options(version))
        traffic.reached("ingress replaced")

    def _run_worker(self, version: int, *, behind: bool = False) -> None:
        bundle, options = self._bundle(version), self._options(version)
        self._applications.run_worker(version, bundle, options, behind=behind)
        traffic.reached("worker started")

    def _keep_workers(self, versions: set[int]) -> None:
        self._applications.keep_workers(versions)
        traffic.reached("workers ended")

    @contextlib.contextmanager
    def _alone(self, patient: bool = True) -> Iterator[bool]:
        """One command at a time moves processes; a rollback's traffic does not wait for it.

        Gives False where another one does and ``patient`` is not asked for.
        """
        self._state_folder.mkdir(parents=True, exist_ok=True)
        with (self._state_folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | (0 if patient else fcntl.LOCK_NB))
            except BlockingIOError:
                yield False
            else:
                yield True

    def _connect(self) -> None:
        engines.connect(self.engine)

    def _is_running(self) -> bool:
        return self._keeping.is_there() and "champion" in self._keeping.state().roles

    # ------------------------------------------------------------ files

    @property
    def _traffic_path(self) -> Path:
        return self._state_folder / TRAFFIC_FILE

    @property
    def _bundles_path(self) -> Path:
        return self._state_folder / "bundles.json"

    def _remember(self, version: int, bundle: str | Path) -> None:
        """Where a release lies, for a later command that has to start it again."""
        self._state_folder.mkdir(parents=True, exist_ok=True)
        file = self._bundles_path
        known = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        known[str(version)] = str(Path(bundle).resolve())
        aside = file.with_suffix(".part")
        aside.write_text(json.dumps(known), encoding="utf-8")
        aside.replace(file)

    def _bundle(self, version: int) -> Path:
        return Path(json.loads(self._bundles_path.read_text(encoding="utf-8"))[str(version)])

    def _token(self) -> str:
        return admin_token(self.token_path)

    def _options(self, version: int) -> ServiceOptions:
        return service_options(
            self.settings,
            deployment=self.deployment,
            release=str(version),
            log_folder=self._log_folder,
            profile_folder=self._profile_folder,
            admin_digest=sha256(self._token()),
        )


def _all(state: TrafficState) -> set[int]:
    return {*state.roles.values(), *state.shadows}


def _others(state: TrafficState) -> set[int]:
    """The releases that need a process of their own: all but the champion."""
    answering = {version for role, version in state.roles.items() if role != "champion"}
    return answering | set(state.shadows)


def check_port(host: str, port: int) -> None:
    """Refuse a port that somebody listens on, with ServingError, before anything is started."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise port_taken(host, port, error) from error
