"""How a serving process of the engine reaches the others, and keeps to itself."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod import engine as engines
from nbprod.serving.links import Link

if TYPE_CHECKING:
    from nbprod.records import Json
    from nbprod.serving.replies import PredictRequest, Reply

_LOGGER = logging.getLogger(__name__)
_RELINK_S = 0.2
LINKS = "NBPROD_LINKS"  # names the folder of the links' sockets, which only this user may enter


def link_path() -> str:
    """Where this process is to listen for links; empty where the engine has no place for them."""
    folder = os.environ.get(LINKS, "")
    return str(Path(folder, f"w{os.getpid()}")) if folder else ""


def keeper_name(deployment: str) -> str:
    """The name of a deployment's keeper among the engine's actors."""
    return f"nbprod-traffic-{deployment}"


def companion_name(deployment: str) -> str:
    """The name of what watches a deployment among the engine's actors."""
    return f"nbprod-controller-{deployment}"


@dataclass(frozen=True)
class RemoteKeeper:
    """The keeper's actor; looked up anew each time, since it may have been restarted."""

    name: str

    def _actor(self) -> Any:
        import ray

        return ray.get_actor(self.name, namespace=engines.NAMESPACE)

    async def status(self) -> Json:
        """See `TrafficKeeper.status`."""
        answer: Json = await self._actor().status.remote()
        return answer

    async def wait(self, listener: str, release: str, pid: int, revision: int, tally: Json) -> Json:
        """See `TrafficKeeper.wait`."""
        answer: Json = await self._actor().wait.remote(listener, release, pid, revision, tally)
        return answer

    async def leave(self, listener: str) -> None:
        """See `TrafficKeeper.leave`."""
        await self._actor().leave.remote(listener)

    async def change(self, verb: str, given: Json) -> Json:
        """See `TrafficKeeper.change`."""
        answer: Json = await self._actor().change.remote(verb, given)
        return answer


class RemoteWorker:
    """A release's worker application: over a link where it runs on this machine, else a handle."""

    def __init__(self, deployment: str, version: int) -> None:
        self._name = worker_name(deployment, version)
        self._handle: Any = None
        self._link: Link | None = None
        self._linking: asyncio.Task[None] | None = None
        self._elsewhere = False  # on another machine, or on an engine that is not ours

    async def answer(self, request: PredictRequest, role: str) -> Reply:
        """The answer of that release's process."""
        reply: Reply = await self._call("answer", request, role)
        return reply

    async def shadow(self, shown: bytes) -> int:
        """See `ReleaseWorker.shadow`."""
        failed: int = await self._call("shadow", shown)
        return failed

    async def ping(self) -> None:
        """Returns once the way to that process is open."""
        await self._call("ping")

    async def check(self) -> list[Json]:
        """Its golden requests replayed there."""
        findings: list[Json] = await self._call("check")
        return findings

    async def _call(self, method: str, *arguments: Any) -> Any:
        """A method of that process.

        Where it has ended, the way to the one in its place is opened: that takes no time where it
        runs already, and who asks is told soon where it has yet to start.
        """
        if not self._elsewhere and (self._link is None or self._link.broken):
            if self._linking is None or self._linking.done():
                self._linking = asyncio.create_task(self._open())
            # The first one is waited for.
            await asyncio.wait({self._linking}, timeout=_RELINK_S if self._link else None)
        if self._link is not None:
            return await self._link.call(method, *arguments)
        return await getattr(await self._handled(), method).remote(*arguments)

    async def _handled(self) -> Any:
        """The engine's handle. Who makes one waits for its controller, so not in the event loop."""
        if self._handle is None:
            from ray import serve

            make = functools.partial(serve.get_deployment_handle, "worker", app_name=self._name)
            self._handle = await asyncio.to_thread(make)
        return self._handle

    async def _open(self) -> None:
        try:
            path = await (await self._handled()).listen.remote()
            if not path or not Path(path).exists():
                self._elsewhere = True
                return
            self._link = await Link.to(path)
        except Exception as error:  # noqa: BLE001 - the next call tries again, and says so
            _LOGGER.warning("no link to %s: %s", self._name, type(error).__name__)


def worker_name(deployment: str, version: int | str) -> str:
    """The application that answers for a release outside the ingress."""
    return f"{deployment}--r{version}"


def keep_to_loopback() -> None:
    """Keep a replica's own listeners off the network: only the proxy is for callers.

    The internal gRPC server takes pickles; Serve binds it to every address, without asking for
    the engine's token. The HTTP server behind HAProxy is bound like the proxy itself. Only a
    local engine is on loopback; on a cluster other nodes must reach both.
    """
    if engines.MARKER not in os.environ:
        return
    import ray.serve._private.replica as replica

    add_port = replica.add_port_to_grpc_server
    replica.add_port_to_grpc_server = lambda server, address: add_port(
        server, address.replace("[::]", "127.0.0.1")
    )

    start_http = replica.start_asgi_http_server

    async def start_on_loopback(app: Any, options: Any, **more: Any) -> Any:
        return await start_http(app, options.model_copy(update={"host": "127.0.0.1"}), **more)

    replica.start_asgi_http_server = start_on_loopback
