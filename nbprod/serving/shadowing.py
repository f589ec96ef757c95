"""Live requests shown to shadows: after their answer has left, in bounded numbers, many at once.

A shadow never delays or fails a live answer. What it cannot take is dropped and counted; what it
answers is in its own process's log, each record beside the live prediction it belongs to. All of
it costs the champion's process one call for many requests: they go over as bytes, and
nothing comes back but how many rows failed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import pickle
from collections import deque
from typing import TYPE_CHECKING

from nbprod.serving.replies import PredictRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbprod.records import Json
    from nbprod.serving.dispatching import Worker
    from nbprod.serving.metrics import Metrics
    from nbprod.serving.replies import Reply

_LOGGER = logging.getLogger(__name__)
_MAX_QUEUED_ROWS = 5000
_MAX_ROWS = 512  # of one call: the way to another process costs more than a row
_GATHER_S = 0.1  # between two calls, so that each carries many requests; nobody waits for one
_TIMEOUT_S = 30.0
# Rows, request id, what places it in a rollout, and the live predictions of the rows.
_Shown = tuple[list["Json"], str, str, list[str]]


def shown_requests(packed: bytes) -> list[PredictRequest]:
    """The requests that were shown to a shadow, in its own process."""
    taken: list[_Shown] = pickle.loads(packed)  # noqa: S301 - from the champion, over the engine's own way
    return [
        PredictRequest(rows, request_id, routing_key=key, shadow_of=tuple(live))
        for rows, request_id, key, live in taken
    ]


class ShadowMirror:
    """The queue and the task of each shadow, in the event loop of an ingress replica."""

    def __init__(self, worker: Callable[[int], Worker], metrics: Metrics) -> None:
        self._worker = worker
        self._metrics = metrics
        self._queues: dict[int, deque[_Shown]] = {}
        self._rows: dict[int, int] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}

    def follow(self, versions: Iterable[int]) -> None:
        """From now on these releases are the shadows."""
        wanted = set(versions)
        for version in set(self._tasks) - wanted:
            self._tasks.pop(version).cancel()
            del self._queues[version], self._rows[version]
        for version in wanted - set(self._tasks):
            self._queues[version], self._rows[version] = deque(), 0
            name = f"shadow {version}"
            self._tasks[version] = asyncio.create_task(self._feed(version), name=name)

    async def stop(self) -> None:
        """Show nothing more."""
        tasks = list(self._tasks.values())
        self.follow(())
        for task in tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def offer(self, request: PredictRequest, reply: Reply) -> None:
        """Show an answered request to every shadow that has room for it; costs no waiting."""
        if not self._queues or reply.status != 200 or reply.body.get("degraded"):
            return
        rows, good = request.rows, reply.body.get("rows")
        if good is not None:  # a part of the rows was answered
            rows = [rows[place] for place in good]
        shown = rows, request.request_id, request.routing_key, reply.body["prediction_ids"]
        for version, queue in self._queues.items():
            if self._rows[version] + len(rows) > _MAX_QUEUED_ROWS:
                self._drop(version, len(rows), "full")
                continue
            queue.append(shown)
            self._rows[version] += len(rows)

    async def _feed(self, version: int) -> None:
        """One call at a time: a shadow that is slow gets less, not more."""
        queue = self._queues[version]
        while True:
            if self._rows[version] < _MAX_ROWS:
                await asyncio.sleep(_GATHER_S)
            taken: list[_Shown] = []
            count = 0
            while queue and (not taken or count + len(queue[0][0]) <= _MAX_ROWS):
                taken.append(queue.popleft())
                count += len(taken[-1][0])
            if not taken:
                continue
            self._rows[version] -= count
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    failed = await self._worker(version).shadow(pickle.dumps(taken, -1))
            except Exception as error:  # noqa: BLE001 - the engine's many ways to lose a process
                self._drop(version, count, type(error).__name__)
                continue
            if failed:
                self._drop(version, failed, "failed")

    def _drop(self, version: int, rows: int, reason: str) -> None:
        self._metrics.count("shadow_rows_dropped", rows, release=str(version), reason=reason)
        if reason not in ("full", "failed"):
            _LOGGER.warning("shadow %s did not answer: %s", version, reason)
