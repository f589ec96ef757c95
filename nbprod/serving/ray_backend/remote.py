"""How a serving process of the engine reaches the others, and keeps to itself."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod import engine as engines

if TYPE_CHECKING:
    from nbprod.records import Json
    from nbprod.serving.replies import PredictRequest, Reply


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
    """A release's worker application, through a handle."""

    def __init__(self, deployment: str, version: int) -> None:
        from ray import serve

        name = worker_name(deployment, version)
        self._handle = serve.get_deployment_handle("worker", app_name=name)

    async def answer(self, request: PredictRequest, role: str) -> Reply:
        """The answer of that release's process."""
        reply: Reply = await self._handle.answer.remote(request, role)
        return reply

    async def answer_many(self, requests: list[PredictRequest], role: str) -> list[Reply]:
        """That process's answers to several requests, in one call."""
        replies: list[Reply] = await self._handle.answer_many.remote(requests, role)
        return replies

    async def ping(self) -> None:
        """Returns once the way to that process is open."""
        await self._handle.ping.remote()

    async def check(self) -> list[Json]:
        """Its golden requests replayed there."""
        findings: list[Json] = await self._handle.check.remote()
        return findings


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
