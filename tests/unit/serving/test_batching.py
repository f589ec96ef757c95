"""The batcher: what queued is computed at once, in order, and nobody waits for a timer."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future

import pytest

from nbprod.serving.batching import Batcher, ClosedError, QueueFullError


class Doubler:
    """Doubles numbers, remembers its batches, and can be held back."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.entered = threading.Event()
        self.gate = threading.Event()
        self.gate.set()

    def __call__(self, jobs: list[int]) -> Future[list[int]]:
        self.entered.set()
        self.gate.wait(5)
        self.batches.append(jobs)
        done: Future[list[int]] = Future()
        done.set_result([2 * job for job in jobs])
        return done


async def held_back(
    batcher: Batcher[int, int], doubler: Doubler, jobs: list[int]
) -> list[int | BaseException]:
    """The answers to jobs that all wait while the first one computes."""
    doubler.gate.clear()
    doubler.entered.clear()
    first = asyncio.create_task(batcher.submit(jobs[0], rows=1))
    await asyncio.to_thread(doubler.entered.wait, 5)
    others = [asyncio.create_task(batcher.submit(job, rows=1)) for job in jobs[1:]]
    await asyncio.sleep(0.01)  # lets each of them be submitted
    doubler.gate.set()
    return await asyncio.gather(first, *others, return_exceptions=True)


def test_what_queued_meanwhile_is_one_batch() -> None:
    """Jobs that came while the first computed are computed together, answers in their order."""
    doubler = Doubler()
    batcher = Batcher(doubler)
    assert asyncio.run(held_back(batcher, doubler, [1, 2, 3, 4])) == [2, 4, 6, 8]
    assert doubler.batches == [[1], [2, 3, 4]]
    batcher.close()


def test_what_comes_in_one_turn_of_the_loop_is_one_batch() -> None:
    """Jobs that are handed over together find an idle thread and are computed together."""
    doubler = Doubler()
    batcher = Batcher(doubler)

    async def one(job: int) -> int:
        time.sleep(0.002)  # as reading a socket does, it lets other threads run
        return await batcher.submit(job, rows=1)

    async def all_at_once() -> list[int]:
        await batcher.submit(0, rows=1)
        await asyncio.sleep(0.05)  # the thread waits by now
        return await asyncio.gather(*(one(job) for job in range(1, 9)))

    assert asyncio.run(all_at_once()) == [2 * job for job in range(1, 9)]
    assert doubler.batches == [[0], list(range(1, 9))]
    batcher.close()


def test_one_row_a_batch_switches_batching_off() -> None:
    """With max_rows = 1 every job is computed alone."""
    doubler = Doubler()
    batcher = Batcher(doubler, max_rows=1)
    asyncio.run(held_back(batcher, doubler, [1, 2, 3]))
    assert doubler.batches == [[1], [2], [3]]
    batcher.close()


def test_a_lonely_job_waits_for_nobody() -> None:
    """A single job is answered at once: there is no timer."""
    batcher = Batcher(Doubler())

    async def timed() -> float:
        await batcher.submit(1, rows=1)
        started = time.perf_counter()
        for number in range(50):
            await batcher.submit(number, rows=1)
        return (time.perf_counter() - started) / 50

    assert asyncio.run(timed()) < 0.02
    batcher.close()


def test_callers_that_ask_again_do_not_fall_into_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who were answered and those who waited meanwhile are computed together from then on;
    a lonely caller waits for nobody even so."""
    monkeypatch.setattr("nbprod.serving.batching._GATHER", 1e9)
    monkeypatch.setattr("nbprod.serving.batching._GATHER_S", 60.0)
    doubler = Doubler()
    batcher = Batcher(doubler)

    async def caller(job: int, times: int) -> None:
        for _ in range(times):
            assert await batcher.submit(job, rows=1) == 2 * job

    async def two_groups() -> None:
        doubler.gate.clear()
        first = [asyncio.create_task(caller(job, 3)) for job in range(4)]
        await asyncio.to_thread(doubler.entered.wait, 5)
        second = [asyncio.create_task(caller(job, 2)) for job in range(4, 8)]
        await asyncio.sleep(0.01)
        doubler.gate.set()
        await asyncio.gather(*first, *second)

    async def alone() -> None:
        async with asyncio.timeout(30):
            await caller(1, 3)

    asyncio.run(two_groups())
    assert [len(batch) for batch in doubler.batches] == [4, 8, 8]
    batcher.close()
    batcher = Batcher(doubler)
    asyncio.run(alone())
    batcher.close()


def test_a_full_queue_refuses() -> None:
    """One job more than may wait raises QueueFullError; those that wait are answered."""
    doubler = Doubler()
    batcher = Batcher(doubler, max_queued=2)

    answers = asyncio.run(held_back(batcher, doubler, [0, 1, 2, 3]))
    assert answers[:3] == [0, 2, 4]
    assert isinstance(answers[3], QueueFullError)
    batcher.close()


def test_a_caller_that_gave_up_costs_nothing() -> None:
    """A cancelled job is not computed."""
    doubler = Doubler()
    batcher = Batcher(doubler)

    async def give_up() -> None:
        doubler.gate.clear()
        first = asyncio.create_task(batcher.submit(1, rows=1))
        await asyncio.to_thread(doubler.entered.wait, 5)
        second = asyncio.create_task(batcher.submit(2, rows=1))
        await asyncio.sleep(0.01)
        assert batcher.queued == 1
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        assert batcher.queued == 0  # nor does it take a place from others
        doubler.gate.set()
        await first
        assert await batcher.submit(3, rows=1) == 6

    asyncio.run(give_up())
    assert doubler.batches == [[1], [3]]
    batcher.close()


def test_an_error_reaches_its_batch_and_the_thread_lives_on() -> None:
    """A raising computation fails its jobs; the next batch is computed."""

    def compute(jobs: list[int]) -> Future[list[int]]:
        done: Future[list[int]] = Future()
        done.set_result([1 // job for job in jobs])
        return done

    batcher = Batcher(compute)

    async def both() -> int:
        with pytest.raises(ZeroDivisionError):
            await batcher.submit(0, rows=1)
        return await batcher.submit(1, rows=1)

    assert asyncio.run(both()) == 1
    batcher.close()


def test_after_the_end_jobs_are_refused() -> None:
    """A closed batcher raises ClosedError, and closing twice is harmless."""
    batcher = Batcher(Doubler())
    batcher.close()
    batcher.close()
    with pytest.raises(ClosedError):
        asyncio.run(batcher.submit(1, rows=1))
