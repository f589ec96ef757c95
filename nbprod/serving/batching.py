"""Batching without a timer: a batch is what queued while the last one was computed and answered.

Waiting for company would cost every lonely request the wait. One thread computes, so the event
loop stays free and a model is never called from two threads at once.

Callers who ask again as soon as they are answered would fall into two halves, each of which
waits while the other is computed: two batches cost nearly twice what one of both does. So when
several were answered, or some wait, the next batch starts once as many have come, or a small part
of the last one's time later. Whoever is alone is computed at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_GATHER = 0.5  # of a batch's time, for its callers to ask again
_GATHER_S = 0.01  # at most
Job = TypeVar("Job")
Answer = TypeVar("Answer")


class QueueFullError(Exception):
    """More requests wait than may wait."""


class ClosedError(Exception):
    """The batcher takes no more requests."""


@dataclass(eq=False)
class _Entry(Generic[Job, Answer]):
    job: Job
    rows: int
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Answer]


class Batcher(Generic[Job, Answer]):
    """Hands queued jobs to one computing thread, as many at once as have come.

    compute: jobs -> a future of as many answers, in their order; called in the thread, which
    goes on with the next batch while the future (a log being written) is still open.
    max_rows: of one batch; 1 computes each job alone. A larger job is a batch of its own.
    max_queued: jobs that may wait before `submit` raises QueueFullError.
    """

    def __init__(
        self,
        compute: Callable[[list[Job]], Future[list[Answer]]],
        *,
        max_rows: int = 1024,
        max_queued: int = 1000,
    ) -> None:
        self._compute = compute
        self._max_rows = max_rows
        self._max_queued = max_queued
        self._waiting: deque[_Entry[Job, Answer]] = deque()
        self._waiting_rows = 0
        self._wanted = 0  # jobs for which the thread is woken; fewer end no gathering
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="batcher", daemon=True)
        self._thread.start()

    @property
    def queued(self) -> int:
        """Jobs that wait at this moment."""
        return len(self._waiting)

    async def submit(self, job: Job, *, rows: int) -> Answer:
        """The job's answer. A caller that stops waiting before its batch starts costs nothing."""
        loop = asyncio.get_running_loop()
        entry: _Entry[Job, Answer] = _Entry(job, rows, loop, loop.create_future())
        with self._changed:
            if self._closed:
                raise ClosedError
            if len(self._waiting) >= self._max_queued:
                raise QueueFullError
            self._waiting.append(entry)
            self._waiting_rows += rows
        # A turn of the loop later: what else has come by now is handed over first, and computed
        # with it. A thread woken at once would take the first request alone.
        entry.loop.call_soon(self._wake)
        try:
            return await entry.future
        except asyncio.CancelledError:
            self._forget(entry)
            raise

    def _forget(self, entry: _Entry[Job, Answer]) -> None:
        """Leave out a job that nobody waits for: what it holds is not to wait for its turn."""
        with self._changed, contextlib.suppress(ValueError):  # it is being computed
            self._waiting.remove(entry)
            self._waiting_rows -= entry.rows

    def _wake(self) -> None:
        with self._changed:
            if len(self._waiting) >= self._wanted or self._waiting_rows >= self._max_rows:
                self._changed.notify()

    def close(self) -> None:
        """Answer what waits, then end the thread; a second call does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while batch := self._take():
            started = time.perf_counter()
            try:
                answers = self._compute([entry.job for entry in batch])
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a model raises
                answers = Future()
                answers.set_exception(error)
            seconds = time.perf_counter() - started
            # Counted before the answers leave: a lone caller may be back at once.
            together = len(batch) + len(self._waiting)
            answers.add_done_callback(functools.partial(_deliver, batch))
            if answers.done() and together > 1 and self._max_rows > 1:
                self._gather(together, min(_GATHER * seconds, _GATHER_S))

    def _gather(self, together: int, most_s: float) -> None:
        """Wait until so many jobs are there, those of the callers answered just now among them."""
        until = time.perf_counter() + most_s
        with self._changed:
            self._wanted = together
            while (
                not self._closed
                and len(self._waiting) < together
                and self._waiting_rows < self._max_rows
                and (left := until - time.perf_counter()) > 0
            ):
                self._changed.wait(left)
            self._wanted = 0

    def _take(self) -> list[_Entry[Job, Answer]]:
        """The next batch, at least one job; empty when closed and done."""
        with self._changed:
            while True:
                batch: list[_Entry[Job, Answer]] = []
                rows = 0
                while self._waiting and (
                    not batch or rows + self._waiting[0].rows <= self._max_rows
                ):
                    entry = self._waiting.popleft()
                    self._waiting_rows -= entry.rows
                    if not entry.future.cancelled():
                        batch.append(entry)
                        rows += entry.rows
                if batch:
                    return batch
                if self._closed:
                    return []
                self._changed.wait()


def _deliver(batch: Sequence[_Entry[Job, Answer]], answers: Future[list[Answer]]) -> None:
    """Wake each event loop once for all its jobs of the batch."""
    by_loop: dict[asyncio.AbstractEventLoop, list[int]] = {}
    for place, entry in enumerate(batch):
        by_loop.setdefault(entry.loop, []).append(place)
    for loop, places in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, batch, places, answers)


def _resolve(
    batch: Sequence[_Entry[Job, Answer]], places: list[int], answers: Future[list[Answer]]
) -> None:
    error = answers.exception()
    for place in places:
        future = batch[place].future
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(answers.result()[place])
