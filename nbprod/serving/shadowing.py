"""Live requests shown to shadows: after their answer has left, in bounded numbers, many at once.

A shadow never delays or fails a live answer. What it cannot take is dropped and counted; what it
answers is in its own process's log, each record beside the live prediction it belongs to.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from nbprod.serving.dispatching import Worker
    from nbprod.serving.metrics import Metrics
    from nbprod.serving.replies import PredictRequest, Reply

_LOGGER = logging.getLogger(__name__)
_MAX_QUEUED_ROWS = 5000
_MAX_ROWS = 512  # of one call: the way to another process costs more than a row
_GATHER_S = 0.02  # between two calls, so that each carries many requests
_TIMEOUT_S = 30.0


class ShadowMirror:
    """The queue and the task of each shadow, in the event loop of an ingress replica."""

    def __init__(self, worker: Callable[[int], Worker], metrics: Metrics) -> None:
        self._worker = worker
        self._metrics = metrics
        self._queues: dict[int, deque[PredictRequest]] = {}
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
        mirrored = dataclasses.replace(
            request, rows=rows, partial=False, shadow_of=tuple(reply.body["prediction_ids"])
        )
        for version, queue in self._queues.items():
            if self._rows[version] + len(rows) > _MAX_QUEUED_ROWS:
                self._drop(version, len(rows), "full")
                continue
            queue.append(mirrored)
            self._rows[version] += len(rows)

    async def _feed(self, version: int) -> None:
        """One call at a time: a shadow that is slow gets less, not more."""
        queue = self._queues[version]
        while True:
            await asyncio.sleep(_GATHER_S)
            taken: list[PredictRequest] = []
            count = 0
            while queue and (not taken or count + len(queue[0].rows) <= _MAX_ROWS):
                taken.append(queue.popleft())
                count += len(taken[-1].rows)
            if not taken:
                continue
            self._rows[version] -= count
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    replies = await self._worker(version).answer_many(taken, "shadow")
            except Exception as error:  # noqa: BLE001 - the engine's many ways to lose a process
                self._drop(version, count, type(error).__name__)
                continue
            failed = sum(
                len(request.rows)
                for request, reply in zip(taken, replies, strict=True)
                if reply.status != 200
            )
            if failed:
                self._drop(version, failed, "failed")

    def _drop(self, version: int, rows: int, reason: str) -> None:
        self._metrics.count("shadow_rows_dropped", rows, release=str(version), reason=reason)
        if reason not in ("full", "failed"):
            _LOGGER.warning("shadow %s did not answer: %s", version, reason)
