"""What runs inside a serving process of the engine: the ingress, and a worker of one release.

Both are plain classes; how they reach the engine is handed to them.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from typing import TYPE_CHECKING, Any

from nbprod.errors import ReleaseError
from nbprod.imports import behind_others
from nbprod.serving import links
from nbprod.serving.app import create_app
from nbprod.serving.dispatching import Dispatcher, Keeper, Worker
from nbprod.serving.service import Service
from nbprod.serving.shadowing import shown_requests

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from nbprod.records import Json
    from nbprod.serving.options import ServiceOptions
    from nbprod.serving.replies import PredictRequest, Reply

_SHADOW_NICENESS = 19
_TURN_S = 0.001
_NEW_OBJECTS = 50_000  # beyond those gone again, before the collector looks for cycles


def load_service(bundle: Path, options: ServiceOptions) -> Service:
    """A service that has proven itself: every hash, and every golden request.

    Raises ReleaseError when a golden request is answered differently than in training: such a
    process must never take traffic.
    """
    service = Service(behind_others(lambda: options.load(bundle)), options)
    findings = behind_others(service.golden_findings)
    if findings:
        service.close()
        raise ReleaseError(
            f"release {options.release}: {findings[0]['message']}"
            + (f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""),
            hint=findings[0]["hint"],
        )
    # What is loaded stays: the collector need not look at it in the middle of a request.
    gc.collect()
    gc.freeze()
    # Nor need it run every few requests: rows and records are plain data that go by themselves.
    gc.set_threshold(_NEW_OBJECTS, *gc.get_threshold()[1:])
    # And requests are read and answered while the model computes: their threads would each wait
    # five milliseconds for Python's lock.
    sys.setswitchinterval(_TURN_S)
    return service


def stay_behind_others() -> None:
    """Lower the priority of this whole process, for good: what it does, nobody waits for."""
    if sys.platform != "linux":
        return
    for thread in os.listdir("/proc/self/task"):
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, int(thread), _SHADOW_NICENESS)


class Ingress:
    """Answers HTTP with the champion in its own process, and forwards what is not its own."""

    def __init__(
        self,
        bundle: Path,
        options: ServiceOptions,
        *,
        version: int,
        prepare: Callable[[], None],
        keeper: Callable[[], Keeper],
        worker: Callable[[int], Worker],
    ) -> None:
        prepare()
        self._service = load_service(bundle, options)
        self._dispatcher = Dispatcher(self._service, version, keeper=keeper(), worker=worker)

    def __serve_build_asgi_app__(self) -> Any:
        """The ASGI application, as the engine asks for it after construction."""
        return create_app(
            self._service,
            dispatch=self._dispatcher.answer,
            administer=self._dispatcher.administer,
            lifespan=self._lifespan,
        )

    @contextlib.asynccontextmanager
    async def _lifespan(self, _: Any) -> AsyncIterator[None]:
        await self._dispatcher.start()
        try:
            yield
        finally:
            await self._dispatcher.stop()
            self._service.close()


class ReleaseWorker:
    """Answers for one release that is not the champion: on trial, kept warm, or a shadow.

    link_path: where to take calls over links. behind: it is a shadow, which nobody waits for:
    everything else on the machine goes first.
    """

    def __init__(
        self,
        bundle: Path,
        options: ServiceOptions,
        *,
        prepare: Callable[[], None],
        link_path: Callable[[], str] = str,
        behind: bool = False,
    ) -> None:
        prepare()
        self._link_path = link_path()
        self._listener: asyncio.Server | None = None
        self._starting = asyncio.Lock()
        self._service = load_service(bundle, options)
        if behind:
            stay_behind_others()

    async def answer(self, request: PredictRequest, role: str) -> Reply:
        """The release's answer, logged in this process."""
        return await self._service.answer(request, role)

    async def shadow(self, shown: bytes) -> int:
        """Answer, for the log alone, what came over in one call; how many rows could not be."""
        requests = shown_requests(shown)
        replies = await asyncio.gather(*(self._service.answer(one, "shadow") for one in requests))
        answered = zip(requests, replies, strict=True)
        return sum(len(request.rows) for request, reply in answered if reply.status != 200)

    async def listen(self) -> str:
        """Where this process takes calls over links; empty where it does not."""
        async with self._starting:
            if self._link_path and self._listener is None:
                with contextlib.suppress(FileNotFoundError):  # of a process that had this id before
                    os.unlink(self._link_path)
                offered = (self.answer, self.shadow, self.ping, self.check)
                methods = {method.__name__: method for method in offered}
                self._listener = await links.listen(self._link_path, methods)
        return self._link_path

    async def ping(self) -> None:
        """Nothing; the way here is open."""

    async def check(self) -> list[Json]:
        """The golden requests replayed in this process."""
        return await asyncio.to_thread(self._service.golden_findings)

    def __del__(self) -> None:
        # The engine calls this when the process ends in an orderly way; a constructor that
        # failed left no service.
        if hasattr(self, "_service"):
            self._service.close()
