"""The server's end of a desk: late, killed, crowded or closed, the next question is answered."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from pathlib import Path
from typing import Any

import psutil
import pytest
from running import command_line

from nbprod.server.problems import RefusedError
from nbprod.server.worker import Worker

LOG = logging.getLogger("test")
CELL = {"id": "a", "cell_type": "code", "source": "x = 1"}
CELLS: dict[str, Any] = {"path": "x.ipynb", "label": "", "cells": [CELL]}


def processes() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [process for process in children if "nbprod.server.desk" in command_line(process)]


def refused(coroutine: Any) -> int:
    """The status with which a question is refused."""
    with pytest.raises(RefusedError) as caught:
        asyncio.run(coroutine)
    assert caught.value.hint
    return caught.value.status


def test_a_question_that_takes_too_long_is_ended_with_its_process() -> None:
    """504, nothing of it stays; the half answer does not become the next one's."""

    async def late() -> None:
        worker = Worker(LOG, limit_s=0.01, most_waiting=4)
        try:
            await worker.ask("ready")
        finally:
            assert processes() == []
            await worker.close()

    assert refused(late()) == 504


def test_a_desk_that_was_killed_is_started_again(tmp_path: Path) -> None:
    """The question that it took along is refused with 503, or answered; the next is answered."""

    async def killed() -> Any:
        worker = Worker(LOG, limit_s=60, most_waiting=4)
        try:
            await worker.ask("ready")
            (process,) = processes()
            process.kill()
            process.wait()
            with contextlib.suppress(RefusedError):
                await worker.ask("ready")
            return await worker.ask("inspect", **CELLS)
        finally:
            await worker.close()

    told = asyncio.run(killed())
    assert told["inspection"]["cells"][0]["defines"] == ["x"]
    assert processes() == []


def test_few_may_wait_and_none_after_the_end() -> None:
    """429 where more stand in line than may, 503 once the server shuts down."""

    async def crowded() -> None:
        worker = Worker(LOG, limit_s=60, most_waiting=1)
        first = asyncio.create_task(worker.ask("ready"))
        await asyncio.sleep(0)
        try:
            await worker.ask("ready")
        finally:
            await first
            await worker.close()

    async def closed() -> None:
        worker = Worker(LOG, limit_s=60, most_waiting=1)
        await worker.close()
        await worker.ask("ready")

    assert refused(crowded()) == 429
    assert refused(closed()) == 503
