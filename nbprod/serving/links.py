"""Calls between two processes of one machine: frames over a Unix socket, many under way at once.

The engine's own way to another process costs a request about as much as a model does. What goes
over a link costs the event loops that are there already a write and a read: a canary, a rollback
or a shadow then takes little from whoever answers beside it. A link that breaks fails every call
under way on it; the caller decides what that means.
"""

from __future__ import annotations

import asyncio
import pickle
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

_HEAD = 4  # bytes: how long the frame behind them is


class LinkBrokenError(ConnectionError):
    """The other process has ended, or cannot be reached."""


class _Frames(asyncio.Protocol):
    """Values in both directions, each in a frame of its own.

    They are pickled: both ends are processes of one deployment, and only their user may enter
    the folder of the socket.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The other end is there."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are no subclass of it

    def data_received(self, data: bytes) -> None:
        """Cut what came into frames."""
        held, start = self._held, 0
        held += data
        while len(held) >= (body := start + _HEAD):
            end = body + int.from_bytes(held[start:body], "big")
            if len(held) < end:
                break
            self.taken(pickle.loads(bytes(held[body:end])))  # noqa: S301 - see above
            start = end
        del held[:start]

    def send(self, value: Any) -> None:
        """Hand a value over; lost where the other end is gone."""
        packed = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
        if self._transport is None:
            raise LinkBrokenError("the link was never made")
        self._transport.write(len(packed).to_bytes(_HEAD, "big") + packed)

    def taken(self, value: Any) -> None:
        """A value came."""
        raise NotImplementedError


class Link(_Frames):
    """The calling end."""

    def __init__(self) -> None:
        super().__init__()
        self._calls: dict[int, asyncio.Future[Any]] = {}
        self._number = 0
        self.broken = False

    @classmethod
    async def to(cls, path: str | Path) -> Link:
        """A link to who listens there; LinkBrokenError where nobody does."""
        try:
            _, link = await asyncio.get_running_loop().create_unix_connection(cls, str(path))
        except OSError as error:
            raise LinkBrokenError(f"{path}: {error}") from error
        return link

    async def call(self, method: str, *arguments: Any) -> Any:
        """What a method of the other process gives; LinkBrokenError where it gives nothing."""
        if self.broken:
            raise LinkBrokenError("the other process has ended")
        self._number += 1
        number = self._number
        future = self._calls[number] = asyncio.get_running_loop().create_future()
        try:
            self.send((number, method, arguments))
            return await future
        finally:
            del self._calls[number]

    def taken(self, value: Any) -> None:
        """An answer; nobody may wait for it any more."""
        number, answer, error = value
        future = self._calls.get(number)
        if future is None or future.done():
            return
        if error:
            future.set_exception(LinkBrokenError(error))
        else:
            future.set_result(answer)

    def connection_lost(self, _: Exception | None) -> None:
        """Every call under way fails."""
        self.broken = True
        for future in self._calls.values():
            if not future.done():
                future.set_exception(LinkBrokenError("the other process has ended"))


class _Answering(_Frames):
    """The answering end of one connection."""

    def __init__(self, methods: Mapping[str, Callable[..., Awaitable[Any]]]) -> None:
        super().__init__()
        self._methods = methods
        self._tasks: set[asyncio.Task[None]] = set()

    def taken(self, value: Any) -> None:
        """A call: calls run beside each other."""
        task = asyncio.get_running_loop().create_task(self._answer(*value))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, number: int, method: str, arguments: tuple[Any, ...]) -> None:
        try:
            answer = await self._methods[method](*arguments)
        except Exception as error:  # noqa: BLE001 - the caller is told
            self.send((number, None, f"{type(error).__name__}: {error}"))
        else:
            self.send((number, answer, ""))


async def listen(
    path: str | Path, methods: Mapping[str, Callable[..., Awaitable[Any]]]
) -> asyncio.Server:
    """Answer calls of these methods at a Unix socket, in this event loop."""
    loop = asyncio.get_running_loop()
    return await loop.create_unix_server(lambda: _Answering(methods), str(path))
