"""Calls over a real Unix socket: beside each other, of any size, and told when the other end dies."""

from __future__ import annotations

import asyncio
import importlib
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprod.serving.links import Link, LinkBrokenError, listen

ENDING = """
import asyncio, os, sys
from nbprod.serving.links import listen
async def main():
    async def end(): os._exit(1)
    async def hang(): await asyncio.sleep(60)
    await listen(sys.argv[1], {"end": end, "hang": hang})
    print("ready", flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


async def _twice(value: Any, wait_s: float = 0.0) -> Any:
    await asyncio.sleep(wait_s)
    return value * 2


async def _fails() -> None:
    raise ValueError("no")


@pytest.fixture(params=["asyncio", "uvloop"])
def runner(request: pytest.FixtureRequest) -> Iterator[asyncio.Runner]:
    """The event loop of the standard library, and the one that the engine has."""
    made = None if request.param == "asyncio" else importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=made) as runner:
        yield runner


def linked(
    runner: asyncio.Runner, tmp_path: Path, scenario: Callable[[Link], Awaitable[None]]
) -> None:
    async def run() -> None:
        server = await listen(tmp_path / "s", {"twice": _twice, "fails": _fails})
        async with server:
            await scenario(await Link.to(tmp_path / "s"))

    runner.run(asyncio.wait_for(run(), 30))


def test_calls_run_beside_each_other_and_each_gets_its_own_answer(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    """The first one waits, and hundreds behind it are answered meanwhile."""

    async def scenario(link: Link) -> None:
        slow = asyncio.create_task(link.call("twice", "slow", 0.5))
        found = await asyncio.gather(*(link.call("twice", number) for number in range(300)))
        assert found == [2 * number for number in range(300)]
        assert not slow.done()
        assert await slow == "slowslow"

    linked(runner, tmp_path, scenario)


def test_a_call_of_many_megabytes_arrives_whole(runner: asyncio.Runner, tmp_path: Path) -> None:
    """Larger than any buffer of the socket, in both directions."""

    async def scenario(link: Link) -> None:
        sent = bytes(range(256)) * 2**15
        assert await link.call("twice", sent) == sent * 2

    linked(runner, tmp_path, scenario)


def test_what_fails_over_there_is_told_and_the_link_goes_on(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    """An exception, a method that is not offered, a caller that gave up."""

    async def scenario(link: Link) -> None:
        with pytest.raises(LinkBrokenError, match="ValueError: no"):
            await link.call("fails")
        with pytest.raises(LinkBrokenError, match="KeyError"):
            await link.call("close")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(link.call("twice", 1, 0.05), 0.01)
        await asyncio.sleep(0.1)  # the answer that nobody waits for
        assert await link.call("twice", 2) == 4
        assert not link.broken

    linked(runner, tmp_path, scenario)


def test_a_process_that_dies_fails_every_call_under_way(
    runner: asyncio.Runner, tmp_path: Path
) -> None:
    """At once, whatever they wait for; and so does the next call, and the next link."""
    path = tmp_path / "s"
    command = [sys.executable, "-c", ENDING, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()

        async def scenario() -> None:
            link = await Link.to(path)
            calls = [link.call("hang"), link.call("end"), link.call("hang")]
            found = await asyncio.gather(*calls, return_exceptions=True)
            assert [type(one) for one in found] == [LinkBrokenError] * 3
            assert link.broken
            process.wait()
            with pytest.raises(LinkBrokenError):
                await link.call("hang")
            with pytest.raises(LinkBrokenError):
                await Link.to(path)

        runner.run(asyncio.wait_for(scenario(), 30))
