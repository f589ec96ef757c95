"""How an ingress replica reaches a worker: over a link, anew where it was replaced, else a handle."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from nbprod.serving.links import LinkBrokenError, listen
from nbprod.serving.ray_backend.remote import RemoteWorker


class Handle:
    """Stands for the engine's: where the worker listens, as long as ``running``."""

    app_name = "trips--r2"

    def __init__(self, path: str) -> None:
        self.path, self.running, self.asked = path, asyncio.Event(), 0
        self.listen = SimpleNamespace(remote=self._listen)
        self.ping = SimpleNamespace(remote=self._ping)

    async def _listen(self) -> str:
        await self.running.wait()
        return self.path

    async def _ping(self) -> None:
        self.asked += 1


def reached(
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    scenario: Callable[[RemoteWorker, Handle], Awaitable[None]],
) -> None:
    async def run() -> None:
        handle = Handle(path)

        def get(*_: object, **__: object) -> Handle:  # waits for the engine's controller
            assert threading.current_thread() is not threading.main_thread()
            return handle

        monkeypatch.setattr("ray.serve.get_deployment_handle", get)
        await scenario(RemoteWorker("trips", 2), handle)

    asyncio.run(asyncio.wait_for(run(), 30))


def test_a_worker_that_was_replaced_is_reached_anew(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """At once where the new process runs; while it has yet to start callers are told soon."""
    path = tmp_path / "w"
    answered: list[str] = []

    async def process(name: str) -> asyncio.Server:
        """What a worker's process does."""

        async def ping() -> None:
            answered.append(name)

        path.unlink(missing_ok=True)
        return await listen(path, {"ping": ping})

    async def scenario(worker: RemoteWorker, handle: Handle) -> None:
        handle.running.set()
        await process("first")
        await worker.ping()
        await process("second")
        assert worker._link is not None
        worker._link._transport.abort()  # the first one has ended
        while not worker._link.broken:
            await asyncio.sleep(0)
        await worker.ping()
        handle.running.clear()
        worker._link._transport.abort()
        while not worker._link.broken:
            await asyncio.sleep(0)
        with pytest.raises(LinkBrokenError):  # long before the new process is there
            await worker.ping()
        handle.running.set()
        await worker.ping()

    reached(monkeypatch, str(path), scenario)
    assert answered == ["first", "second", "second"]


@pytest.mark.parametrize("path", ["", "/nowhere/w1"])
def test_a_worker_on_another_machine_is_asked_through_its_handle(
    monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    """Its socket is not here, or it has none."""

    async def scenario(worker: RemoteWorker, handle: Handle) -> None:
        handle.running.set()
        await worker.ping()
        await worker.ping()
        assert handle.asked == 2

    reached(monkeypatch, path, scenario)
