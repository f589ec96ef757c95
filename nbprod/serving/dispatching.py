"""Where a request is answered: in this process, or by the process of another release."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import os
import time
from typing import TYPE_CHECKING, Protocol

from nbprod import traffic
from nbprod.errors import RefusedError
from nbprod.records import Json, TrafficState, new_id
from nbprod.serving.replies import PredictRequest, Reply, problem
from nbprod.serving.shadowing import ShadowMirror

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbprod.serving.service import Service

_LOGGER = logging.getLogger(__name__)
_RETRY_S = 0.1
_OPEN_S = 30.0
_PATIENCE = 0.4  # of the deadline, for what is on trial: the champion needs the rest
_VERBS = ("promote", "rollback", "abort", "traffic", "pause", "resume", "unshadow")
_BACKWARD = ("rollback", "abort")


class Keeper(Protocol):
    """The traffic keeper, wherever it runs."""

    async def status(self) -> Json:
        """See `TrafficKeeper.status`."""

    async def wait(self, listener: str, release: str, pid: int, revision: int, tally: Json) -> Json:
        """See `TrafficKeeper.wait`."""

    async def leave(self, listener: str) -> None:
        """See `TrafficKeeper.leave`."""

    async def change(self, verb: str, given: Json) -> Json:
        """See `TrafficKeeper.change`."""


class Worker(Protocol):
    """The process of another release."""

    async def answer(self, request: PredictRequest, role: str) -> Reply:
        """The answer of that release."""

    async def shadow(self, shown: bytes) -> int:
        """Has a shadow answer what it was shown; how many rows it could not."""

    async def ping(self) -> None:
        """Returns once the way to that process is open."""

    async def check(self) -> list[Json]:
        """Its golden requests replayed; a finding for each one that differs."""


class Dispatcher:
    """Follows the traffic state and sends each request to the release it names.

    The champion answers in this very process once the ingress has settled: no second hop on
    its path. Every other release, and a new champion until then, is reached through ``worker``.
    The last state stays in force while the keeper cannot be reached.
    """

    def __init__(
        self,
        service: Service,
        version: int,
        *,
        keeper: Keeper,
        worker: Callable[[int], Worker],
    ) -> None:
        self._service = service
        self._version = version
        self._keeper = keeper
        self._worker = worker
        self._workers: dict[int, Worker] = {}
        self._state = TrafficState()
        self._key = service.predictor.contract.key
        self._tally: dict[str, dict[str, int]] = {}  # role -> requests, errors
        self._shadows = ShadowMirror(self._worker_of, service.metrics)
        self._opening: set[asyncio.Task[None]] = set()
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Learn the state, then follow it in a task of this event loop."""
        self._follow((await self._keeper.status())["traffic"])
        self._watching = asyncio.create_task(self._watch(), name="traffic")

    async def stop(self) -> None:
        """Follow no more."""
        if self._watching is not None:
            self._watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watching
        await self._shadows.stop()
        with contextlib.suppress(Exception):  # the keeper forgets it by itself
            await asyncio.wait_for(self._keeper.leave(self._service.writer_id), 1.0)

    async def answer(self, request: PredictRequest) -> Reply:
        """The answer of the release that the traffic state gives this request to."""
        state = self._state
        role = traffic.assign(state, self._key_of(request))
        version = state.roles.get(role, self._version)
        previous = self._previous(state, role)
        asked = request if previous is None else self._in_half_the_time(request)
        if version == self._version:
            reply = await self._service.answer(asked, role)
        else:
            reply = await self._forwarded(asked, role, version)
        # The champion's, where it stood in for a release on trial.
        self._count(str(reply.body.get("role", role)), failed=reply.status >= 500)
        if reply.status >= 500 and previous is not None:
            reply = await self._from_previous(request, previous, reply)
        if state.shadows:
            self._shadows.offer(request, reply)
        return reply

    def _previous(self, state: TrafficState, role: str) -> int | None:
        """The release kept warm that answers in this one's place, where the envelope wants it."""
        if self._service.options.on_unavailable != "previous" or role == "previous":
            return None
        return state.roles.get("previous")

    def _in_half_the_time(self, request: PredictRequest) -> PredictRequest:
        """The other half is for the release that may have to answer instead."""
        limit = self._service.options.timeout_s
        return dataclasses.replace(request, timeout_s=min(request.timeout_s or limit, limit) / 2)

    async def _from_previous(self, request: PredictRequest, version: int, failed: Reply) -> Reply:
        """The previous release's answer, marked degraded; the failure where it has none."""
        asked = dataclasses.replace(self._in_half_the_time(request), degraded=True)
        if version == self._version:
            reply = await self._service.answer(asked, "previous")
        else:
            reply = await self._forwarded(asked, "previous", version)
        if reply.status != 200:
            return failed
        self._service.metrics.count("degraded_predictions", len(request.rows))
        return reply

    def _count(self, role: str, *, failed: bool) -> None:
        """Add to what the keeper is told of a role since the present state began."""
        tally = self._tally.setdefault(role, {"requests": 0, "errors": 0})
        tally["requests"] += 1
        tally["errors"] += failed

    async def administer(self, verb: str, given: Json) -> Reply:
        """A rollout verb; without one, the state. A rollback is proven by golden requests."""
        if verb and verb not in _VERBS:
            return problem(404, f"no verb {verb!r}", hint=f"one of: {', '.join(_VERBS)}")
        try:
            if not verb:
                return Reply(200, await self._keeper.status())
            done = await self._keeper.change(verb, given)
        except Exception as error:  # noqa: BLE001 - the engine's many ways to lose a process
            _LOGGER.warning("%s: the keeper does not answer: %s", verb, type(error).__name__)
            hint = "it is being restarted; look at GET /admin/traffic before trying again"
            return problem(503, "the traffic keeper does not answer", hint=hint, retry_after_s=1)
        if "error" in done:
            status = 409 if done["error"]["type"] == RefusedError.__name__ else 503
            return problem(status, done["error"]["message"], hint=done["error"]["hint"])
        if verb in _BACKWARD:
            done["verified"] = await self._verified(done["traffic"]["roles"]["champion"])
        return Reply(200, done)

    async def _verified(self, version: int) -> bool:
        try:
            if version == self._version:
                return not await asyncio.to_thread(self._service.golden_findings)
            return not await self._worker_of(version).check()
        except Exception as error:  # noqa: BLE001 - the traffic is back whatever this says
            _LOGGER.error("release %s could not be verified: %s", version, error)
            return False

    async def _forwarded(self, request: PredictRequest, role: str, version: int) -> Reply:
        """Through another process; should that fail, by a release that has a role here too.

        What is on trial gets a part of the deadline only: a caller whose release hangs, dies or
        cannot compute is answered by the champion, and the failure is the trial's.
        """
        limit = self._service.options.timeout_s
        deadline = time.monotonic() + min(request.timeout_s or limit, limit)
        while (left := deadline - time.monotonic()) > 0:
            here = role == "canary" and self._state.roles.get("champion") == self._version
            reply = await self._asked(version, request, role, left * _PATIENCE if here else left)
            if reply is not None and not (here and reply.status >= 500):
                return reply
            if here:
                # Answered by another release in the end, but this one failed its caller.
                self._count(role, failed=True)
                return await self._service.answer(request, "champion")
            await asyncio.sleep(_RETRY_S)
            version = self._state.roles.get(role, version)
            if version == self._version:
                return await self._service.answer(request, role)
        return problem(
            504,
            f"release {version} gave no answer in time",
            hint="try again",
            request_id=request.request_id,
            retry_after_s=1,
        )

    async def _asked(
        self, version: int, request: PredictRequest, role: str, patience_s: float
    ) -> Reply | None:
        """The answer of another process; None where it gives none in time."""
        try:
            async with asyncio.timeout(patience_s):
                return await self._worker_of(version).answer(request, role)
        except Exception as error:  # noqa: BLE001 - the engine's many ways to lose a process
            self._service.metrics.count("forward_failures", release=str(version))
            _LOGGER.warning("release %s did not answer: %s", version, type(error).__name__)
            return None

    def _worker_of(self, version: int) -> Worker:
        if version not in self._workers:
            self._workers[version] = self._worker(version)
        return self._workers[version]

    def _key_of(self, request: PredictRequest) -> str:
        """What places a request in a rollout, so that a user stays on one side.

        The key that the caller named (``X-Routing-Key``), else the contract's key of the first
        row, else the request id: that is the caller's own, or chance.
        """
        if request.routing_key:
            return request.routing_key
        if not self._key or not request.rows:
            return request.request_id or new_id()
        return "\x1f".join(str(request.rows[0].get(name)) for name in self._key)

    # ------------------------------------------------------------ following the state

    async def _watch(self) -> None:
        reachable = True
        while True:
            try:
                news = await self._keeper.wait(
                    self._service.writer_id,
                    self._service.options.release,
                    os.getpid(),
                    self._state.revision,
                    self._tally,
                )
                reachable = True
                if news["revision"] != self._state.revision:
                    self._follow(news)
            except Exception as error:  # noqa: BLE001 - the last state stays until the keeper is back
                if reachable:
                    _LOGGER.warning("the traffic keeper does not answer: %s", type(error).__name__)
                reachable = False
                await asyncio.sleep(_RETRY_S)

    def _follow(self, news: Json) -> None:
        state = TrafficState.from_json(news)
        if state.revision != self._state.revision:
            self._tally = {}
        self._state = state
        self._shadows.follow(state.shadows)
        needed = {*state.roles.values(), *state.shadows} - {self._version}
        self._workers = {v: one for v, one in self._workers.items() if v in needed}
        # The way to a process that may be needed at once (a rollback's) is opened before.
        for version in needed - set(self._workers):
            task = asyncio.create_task(self._open(version))
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)

    async def _open(self, version: int) -> None:
        with contextlib.suppress(Exception):  # tried again when a request needs it
            await asyncio.wait_for(self._worker_of(version).ping(), _OPEN_S)
