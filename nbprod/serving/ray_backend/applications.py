"""The applications of one deployment on Ray Serve: started, updated, awaited, ended."""

from __future__ import annotations

import functools
import logging
import math
import signal
import time
from typing import TYPE_CHECKING, Any

from nbprod import traffic
from nbprod.errors import ServingError
from nbprod.serving.ray_backend import haproxy
from nbprod.serving.ray_backend.remote import (
    RemoteKeeper,
    RemoteWorker,
    keep_to_loopback,
    keeper_name,
    link_path,
    worker_name,
)
from nbprod.serving.replicas import Ingress, ReleaseWorker

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from pathlib import Path

    from nbprod.config import Settings
    from nbprod.records import Json
    from nbprod.serving.dispatching import Keeper, Worker
    from nbprod.serving.options import ServiceOptions

START_S = 180.0
_POLL_S = 0.25  # each look costs this process and the engine's controller some 20 ms
_CPUS = 0.1  # of one replica; the proxy and the controller take none
# Ingress replicas that start side by side while releases change, beside those that answer: a
# replica spends its start on imports, and one after another would keep a machine's cores idle.
_SURGE, _SURGE_SHARE = 2, 0.25
_MAX_ONGOING = 2000  # of one replica: its own queue refuses first, with a clear answer
_MESSAGE_LINES = 3
_STARTED = ("RUNNING", "UNHEALTHY")  # the engine mends what became unhealthy by itself
_ROUNDING = 1e-4  # of Ray's fractions
_FREED_S = 5.0  # until the engine has heard that a process which ended gave its GPU back
# What a rollout adds at its fullest: what is on trial, the previous release kept warm, and the
# ingress replica that takes the new champion in.
ROLLOUT_PROCESSES = 3
LOGGING: Json = {"log_level": "WARNING", "enable_access_log": False}


class Applications:
    """The ingress and the workers of one deployment; this process is a client of the engine."""

    def __init__(self, settings: Settings, deployment: str) -> None:
        self._settings = settings
        self._deployment = deployment

    def start_serve(self) -> None:
        """Start the proxy and the controller, where the engine has none yet."""
        serving = self._settings.serving
        # The service keeps the deadline; this one is for a service that is gone. HAProxy has its
        # own, and a replica behind it is faster without one.
        timeout_s = None if haproxy.in_use() else serving.timeout_ms / 1000 + 1
        quiet_serve().start(
            proxy_location="HeadOnly",
            http_options={
                "host": serving.host,
                "port": serving.port,
                "request_timeout_s": timeout_s,
            },
            logging_config=LOGGING,
        )

    def run_ingress(self, version: int, bundle: Path, options: ServiceOptions) -> None:
        """Put a release into the ingress replicas: each new one answers before an old one ends."""
        bound = ingress_application(
            self._settings,
            bundle,
            options,
            version=version,
            keeper=functools.partial(RemoteKeeper, keeper_name(self._deployment)),
            worker=functools.partial(RemoteWorker, self._deployment),
        )
        self._ask(bound, self._deployment, "/")
        traffic.reached("ingress asked")
        self._await(self._deployment)

    def ingress_rests(self) -> bool:
        """Whether the engine is not about to change the ingress, or has tried to in vain."""
        application = quiet_serve().status().applications.get(self._deployment)
        return application is not None and application.status.value in _STARTED

    def run_worker(
        self, version: int, bundle: Path, options: ServiceOptions, *, behind: bool = False
    ) -> None:
        """One process for one release; batching lets it answer for several ingress replicas.

        behind: a shadow's, at the lowest priority; a process that is there already with another
        one is replaced.
        A release that does not start is taken away again; the ServingError says why.
        """
        serve = quiet_serve()
        self.check_resources(processes=1)
        bound = serve.deployment(name="worker", num_replicas=1, **_common(self._settings))(
            ReleaseWorker
        ).bind(bundle, options, prepare=prepare_replica, link_path=link_path, behind=behind)
        name = worker_name(self._deployment, version)
        try:
            self._ask(bound, name, None)
            traffic.reached("worker asked")
            self._await(name)
        except BaseException:
            serve.delete(name, _blocking=True)
            raise

    def workers(self) -> dict[int, str]:
        """Release -> application, for every release that has a process of its own."""
        return self._workers_of(quiet_serve().status().applications)

    def _workers_of(self, names: Iterable[str]) -> dict[int, str]:
        prefix = worker_name(self._deployment, "")
        return {int(name.removeprefix(prefix)): name for name in names if name.startswith(prefix)}

    def started(self) -> set[int]:
        """The releases whose process has started: not one that does so now, or did in vain."""
        applications = quiet_serve().status().applications
        return {
            version
            for version, name in self._workers_of(applications).items()
            if applications[name].status.value in _STARTED
        }

    def keep_workers(self, versions: Collection[int]) -> None:
        """End the processes of all other releases, requests in them finished."""
        for version, name in self.workers().items():
            if version not in versions:
                quiet_serve().delete(name, _blocking=True)

    def end(self) -> None:
        """End every application of the deployment, requests in them finished."""
        self.keep_workers(())
        quiet_serve().delete(self._deployment, _blocking=True)

    def check_resources(self, processes: int = 0) -> None:
        """Refuse what the engine can never place: it would wait for it without a word.

        processes: how many more are to hold a model beside those that run; the ingress replicas
        where it is not given. GPUs are counted free, since a model keeps its share.
        """
        import ray

        serving = self._settings.serving
        if serving.device.startswith("cuda") and not serving.gpus:
            raise ServingError(
                f"[serving] device is {serving.device} and gpus is 0: a replica would see no GPU",
                hint="gpus = 1, or the share of one that a replica needs, such as 0.25",
            )
        there = ray.cluster_resources()
        for name, amount in {"GPU": serving.gpus, "CPU": _CPUS}.items():
            if there.get(name, 0.0) < amount:
                raise ServingError(
                    f"a replica needs {amount:g} {name}, the engine has {there.get(name, 0.0):g}",
                    hint="lower [serving] gpus, or name a cluster that has them: [serving] address",
                )
        self._check_free_gpus(processes or _lowest(self._settings))
        nodes = sum(1 for node in ray.nodes() if node["Alive"])
        if nodes > 1 and not self._settings.serving.log.get("url"):
            raise ServingError(
                f"the engine has {nodes} nodes, and the prediction log lies on one disk",
                hint="a node's disk dies with it: set [serving.log] url to a PostgreSQL",
            )

    def _check_free_gpus(self, processes: int) -> None:
        import ray

        each = self._settings.serving.gpus
        needed, total = each * processes, ray.cluster_resources().get("GPU", 0.0)
        deadline = time.monotonic() + _FREED_S
        while needed > (free := ray.available_resources().get("GPU", 0.0)) + _ROUNDING:
            if needed > total + _ROUNDING or time.monotonic() > deadline:
                raise ServingError(
                    f"{processes} more processes with {each:g} GPU each need {needed:g}, "
                    f"and {free:g} of {total:g} are free",
                    hint="a rollout holds the champion, what is on trial, the previous release and "
                    "a replica that takes over: lower [serving] gpus until they fit side by side",
                )
            time.sleep(_POLL_S)

    def _ask(self, bound: Any, name: str, route: str | None) -> None:
        """Have the engine start it, which from now on it does whether or not somebody waits."""
        serve = quiet_serve()
        target = serve.RunTarget(bound, name=name, route_prefix=route, logging_config=LOGGING)
        serve.run_many([target], wait_for_applications_running=False)

    def _await(self, name: str) -> None:
        serve = quiet_serve()
        deadline = time.monotonic() + START_S
        while True:
            application = serve.status().applications.get(name)
            status = application.status.value if application else ""
            if status == "RUNNING":
                return
            if status in ("DEPLOY_FAILED", "UNHEALTHY"):
                raise ServingError(
                    f"{name} does not start: {_reason(application)}",
                    hint="it took no traffic; the engine's logs and `nbprod verify` say more",
                )
            if time.monotonic() > deadline:
                raise ServingError(
                    f"{name} did not start within {START_S:g} s: {_reason(application)}",
                    hint="look at the machine's load and memory, then try again",
                )
            time.sleep(_POLL_S)


def ingress_application(
    settings: Settings,
    bundle: Path,
    options: ServiceOptions,
    *,
    version: int,
    keeper: Callable[[], Keeper],
    worker: Callable[[int], Worker],
) -> Any:
    """The application that answers HTTP with a release as champion, in its own processes."""
    serve = quiet_serve()
    deployment = serve.deployment(name="ingress", **_common(settings), **_replicas(settings))
    return deployment(serve.ingress()(Ingress)).bind(
        bundle, options, version=version, prepare=prepare_replica, keeper=keeper, worker=worker
    )


def _common(settings: Settings) -> Json:
    actor: Json = {"num_cpus": _CPUS}
    if settings.serving.gpus:
        actor["num_gpus"] = settings.serving.gpus
    return {
        "ray_actor_options": actor,
        "max_ongoing_requests": _MAX_ONGOING,
        "max_constructor_retry_count": 1,  # a release that does not start is not tried again
        "graceful_shutdown_wait_loop_s": 0.5,
        "graceful_shutdown_timeout_s": settings.serving.timeout_ms / 1000 + 5,
        "health_check_period_s": 2,
        "logging_config": LOGGING,
    }


def _replicas(settings: Settings) -> Json:
    wanted = settings.serving.replicas
    low = _lowest(settings)
    if isinstance(wanted, int):
        return {"num_replicas": wanted, "max_surge_percent": _surge_percent(settings, wanted)}
    high = max(low, int(wanted.get("max", low)))
    scaling: Json = {"min_replicas": low, "max_replicas": high}
    if "target" in wanted:
        scaling["target_ongoing_requests"] = float(wanted["target"])
    return {"autoscaling_config": scaling, "max_surge_percent": _surge_percent(settings, high)}


def _lowest(settings: Settings) -> int:
    """How many ingress replicas there are at least."""
    wanted = settings.serving.replicas
    return wanted if isinstance(wanted, int) else int(wanted.get("min", 1))


def _surge_percent(settings: Settings, replicas: int) -> int:
    """As Ray Serve takes it: how many more replicas there may be while releases change."""
    if settings.serving.gpus:  # each holds a model of its own: one by one
        return math.ceil(100 / replicas)
    return min(100, math.ceil(100 * max(_SURGE / replicas, _SURGE_SHARE)))


def _reason(application: Any) -> str:
    """Why an application does not run, in the last words of the process that failed."""
    if application is None:
        return "the engine does not know it"
    messages = [d.message for d in application.deployments.values() if d.message]
    text = "\n".join(messages or [application.message])
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return "\n".join(lines[-_MESSAGE_LINES:])


def prepare_replica() -> None:
    """What a serving process does before it loads a release.

    It opens nothing beyond loopback, and an abort ends it and nothing else. What nbprod tells is
    written into the replica's log, at once: left alone it would be lost, for Ray Serve takes what
    goes to standard error for mere information, and what its own logger is told waits until a
    thousand lines are there.
    """
    keep_to_loopback()
    _end_at_an_abort()
    told = logging.getLogger("nbprod")
    serves = logging.getLogger("ray.serve").handlers
    told.handlers = [getattr(handler, "target", None) or handler for handler in serves]
    told.setLevel(LOGGING["log_level"])
    told.propagate = False


def _end_at_an_abort() -> None:
    """An abort ends the process, as it does where Ray has not set a handler for it.

    Ray's handler writes a stack, for which it maps memory. In a process that is out of it the
    handler aborts in its turn, thousands deep, and its stack grows down into the object store that
    all processes of the node have in common: seen as a raylet that died in ``dlfree``, and the
    whole deployment with it. The same words are in ray-project/ray#28563.
    """
    import ctypes

    # Not `signal.signal`, which only the main thread may call, and an ASGI replica is in another.
    libc = ctypes.CDLL(None)
    libc.signal.argtypes = (ctypes.c_int, ctypes.c_void_p)
    libc.signal.restype = ctypes.c_void_p
    libc.signal(signal.SIGABRT, None)  # SIG_DFL is the null pointer


def quiet_serve() -> Any:
    """Ray Serve, which otherwise tells every step on the terminal."""
    from ray import serve

    logging.getLogger("ray.serve").setLevel(logging.ERROR)
    return serve
