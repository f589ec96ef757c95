"""Callers at a steady rate, in one small process of their own: python rollout_callers.py URL RATE FILE

A request is due when the clock says so, whether or not the ones before it were answered, and its
time counts from then: a service that stalls is measured stalling. The process is lean, for it
shares the cores with what it measures: 300 requests a second take it a twentieth of one.
It goes before everything else where it may (root): it stands for callers on other machines, whom
the processor of this one does not keep waiting. How late each request was sent is told all the
same. RATE 0 sends as fast as CONNECTIONS callers get answers. SIGTERM ends it; a line
for each answer is in FILE then: when it was due, how long it took, how much of that passed before
it was sent, the HTTP status (0: none came), and the body.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

CONNECTIONS, PACE_CONNECTIONS = 64, 16
# Those who wait for a release that hangs must not keep the others from asking.
MOST_CONNECTIONS = 512
DEADLINE_S = 20.0


@dataclass(frozen=True)
class Answer:
    due_at: float  # seconds, monotonic clock
    took_s: float
    status: int
    trip: str  # the request's key
    late_s: float = 0.0  # of took_s: until the callers sent it
    release: str = ""
    role: str = ""


class Steady:
    """What the process found; complete once it has ended."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def answers(self) -> list[Answer]:
        found = []
        for line in self._path.read_text(encoding="utf-8").splitlines():
            due_at, took_s, late_s, status, number, text = json.loads(line)
            body = json.loads(text) if status == 200 else {}
            told = {name: str(body.get(name, "")) for name in ("release", "role")}
            found.append(Answer(due_at, took_s, status, f"S{number}", late_s, **told))
        return found


@contextlib.contextmanager
def steady(url: str, rate: float, path: Path, *, core: int | None = None) -> Iterator[Steady]:
    """Callers at ``rate`` requests a second (0: at the most) until the block ends."""
    command = [sys.executable, __file__, url, str(rate), str(path)]
    process = subprocess.Popen(command)
    if core is not None:
        os.sched_setaffinity(process.pid, {core})
    try:
        yield Steady(path)
    finally:
        process.terminate()
        code = process.wait(timeout=60)
    assert code == 0, f"the callers ended with {code}"


def _request(host: str, number: int) -> bytes:
    minutes = 20 + 2 * (number % 20)
    row = {"trip": f"S{number}", "km": 10, "minutes": float(minutes), "city": "Bern"}
    body = json.dumps({"instances": [row]}).encode()
    head = f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


class _Connection(asyncio.Protocol):
    """One caller's open connection: a request, its answer, the next one."""

    def __init__(self, callers: _Callers) -> None:
        self._callers = callers
        self._transport: asyncio.Transport | None = None
        self._held = b""
        self._asked: tuple[int, float, float] | None = None  # number, due_at, sent_at

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._callers.free(self)

    def ask(self, number: int, due_at: float) -> None:
        assert self._transport is not None
        self._asked, self._held = (number, due_at, time.monotonic()), b""
        self._transport.write(_request(self._callers.host, number))

    def data_received(self, data: bytes) -> None:
        self._held += data
        head, end, body = self._held.partition(b"\r\n\r\n")
        if not end:
            return
        lowered = head.lower()
        length = int(lowered.partition(b"content-length:")[2].split(b"\r\n")[0])
        if len(body) >= length and self._asked is not None:
            asked, self._asked = self._asked, None
            self._callers.answered(asked, int(head[9:12]), body)
            assert self._transport is not None
            if b"connection: close" in lowered:
                self._transport.close()
            else:
                self._callers.free(self)

    def connection_lost(self, _: Exception | None) -> None:
        if self._asked is not None:
            self._callers.answered(self._asked, 0, b"the connection was lost")
        self._callers.lost(self)


class _Callers:
    def __init__(self, url: str, rate: float) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._place = parts.hostname, parts.port
        self.host = parts.netloc
        self._rate = rate
        self._free: deque[_Connection] = deque()
        self._waiting: deque[tuple[int, float]] = deque()
        self._number = 0
        self._open = 0
        self._under_way = 0
        self._ended = False
        self.found: list[tuple[float, float, float, int, int, bytes]] = []

    def free(self, connection: _Connection) -> None:
        if self._waiting:
            connection.ask(*self._waiting.popleft())
        elif not self._rate and not self._ended:
            connection.ask(*self._next(time.monotonic()))
        else:
            self._free.append(connection)

    def lost(self, connection: _Connection) -> None:
        with contextlib.suppress(ValueError):
            self._free.remove(connection)
        self._open -= 1

    def answered(self, asked: tuple[int, float, float], status: int, body: bytes) -> None:
        number, due_at, sent_at = asked
        self._under_way -= 1
        took_s = time.monotonic() - due_at
        self.found.append((due_at, took_s, sent_at - due_at, status, number, body))

    def _next(self, due_at: float) -> tuple[int, float]:
        self._number += 1
        self._under_way += 1
        return self._number, due_at

    async def _connect(self) -> None:
        self._open += 1
        try:
            await asyncio.get_running_loop().create_connection(
                lambda: _Connection(self), *self._place
            )
        except OSError:
            self._open -= 1

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        loop.add_signal_handler(signal.SIGTERM, ended.set)
        for _ in range(PACE_CONNECTIONS if self._rate else CONNECTIONS):
            await self._connect()
        due_at = time.monotonic()
        while not ended.is_set():
            if not self._rate:
                await asyncio.sleep(0.05)
                continue
            due_at += 1 / self._rate
            if (wait_s := due_at - time.monotonic()) > 0:
                await asyncio.sleep(wait_s)
            asked = self._next(due_at)
            if self._free:
                self._free.popleft().ask(*asked)
            else:
                self._waiting.append(asked)
                if self._open < MOST_CONNECTIONS:
                    self._connecting = asyncio.create_task(self._connect())
        self._ended = True
        deadline = time.monotonic() + DEADLINE_S
        while self._under_way and time.monotonic() < deadline:
            await asyncio.sleep(0.02)


def main(url: str, rate: str, path: str) -> None:
    """Call until SIGTERM, then write down what was answered."""
    gc.disable()  # a pause of the caller would be taken for the service's
    with contextlib.suppress(AttributeError, PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    callers = _Callers(url, float(rate))
    asyncio.run(callers.run())
    lines = [
        json.dumps([due_at, took_s, late_s, status, number, body.decode("utf-8", "replace")]) + "\n"
        for due_at, took_s, late_s, status, number, body in callers.found
    ]
    Path(path).write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
