"""Real flights sent over HTTP by several callers at once, every answer written down."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Exchange:
    """One request and what came back; ``at_s`` is seconds since the demo's start."""

    at_s: float
    latency_ms: float
    status: int  # 0: no answer at all
    release: str
    role: str
    rows: tuple[int, ...]  # which flights
    prediction_ids: tuple[str, ...]  # in their order; empty without an answer
    message: str = ""

    @property
    def failed(self) -> bool:
        """True for anything but an answer: a caller would have noticed."""
        return self.status != 200


@dataclass
class Traffic:
    """Callers in threads; ``exchanges`` grows while they run.

    url: of the endpoint. rows: flights, each sent once, in order, again from the start when
    they end. rate: requests a second over all callers, which may be changed while they run; a
    slow answer lowers it. flights: in one request, as an airport's desk would ask for a bank.
    """

    url: str
    rows: Sequence[Row]
    started_at: float  # time.monotonic() of the demo's start
    rate: float = 20.0
    flights: int = 8
    callers: int = 4
    exchanges: list[Exchange] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _next: Iterator[int] = field(default_factory=lambda: iter(()))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def start(self) -> None:
        """Let every caller begin."""
        self._next = iter(range(10**9))
        for number in range(self.callers):
            thread = threading.Thread(
                target=self._call, args=(number,), name=f"nbprod-demo-caller-{number}", daemon=True
            )
            thread.start()
            self._threads.append(thread)

    def stop(self) -> None:
        """Let every caller finish the request it is in."""
        self._stop.set()
        for thread in self._threads:
            thread.join(timeout=60)

    @property
    def sent(self) -> int:
        """Requests that have ended so far."""
        return len(self.exchanges)

    @property
    def answered(self) -> int:
        """Flights that have been answered so far."""
        return sum(len(exchange.prediction_ids) for exchange in list(self.exchanges))

    def wait_for(self, requests: int, *, timeout_s: float = 120.0) -> None:
        """Return when so many more requests have ended, or when the time is up."""
        target, deadline = self.sent + requests, time.monotonic() + timeout_s
        while self.sent < target and time.monotonic() < deadline:
            self._stop.wait(0.05)

    def _call(self, number: int) -> None:
        import httpx

        self._stop.wait(number / self.rate)  # one after the other, not all at once
        with httpx.Client(base_url=self.url, timeout=30.0, trust_env=False) as client:
            while not self._stop.is_set():
                with self._lock:
                    rows = tuple(next(self._next) % len(self.rows) for _ in range(self.flights))
                began = time.monotonic()
                exchange = self._exchange(client, rows, began)
                self.exchanges.append(exchange)  # a list's append is atomic
                pause_s = self.callers / self.rate
                self._stop.wait(max(0.0, pause_s - (time.monotonic() - began)))

    def _exchange(self, client: Any, rows: tuple[int, ...], began: float) -> Exchange:
        import httpx

        status, release, role, message = 0, "", "", ""
        ids: tuple[str, ...] = ()
        try:
            body = {"instances": [self.rows[row] for row in rows]}
            response = client.post("/predict", json=body)
            status = response.status_code
            if status == 200:
                answer = response.json()
                release, role = str(answer["release"]), str(answer["role"])
                ids = tuple(answer["prediction_ids"])
            else:
                message = response.text[:300]
        except httpx.HTTPError as error:
            message = f"{type(error).__name__}: {error}"
        return Exchange(
            at_s=began - self.started_at,
            latency_ms=(time.monotonic() - began) * 1000,
            status=status,
            release=release,
            role=role,
            rows=rows,
            prediction_ids=ids,
            message=message,
        )
