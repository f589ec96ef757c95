"""The server's end of a desk: one question at a time, each within its time, few waiting."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

from nbprod.server.problems import RefusedError

if TYPE_CHECKING:
    import logging

_MOST_BYTES = 256 * 1024**2  # of one answer


class Worker:
    """A process that answers questions; started at the first one, again when it died.

    limit_s: how long one question may take; then the process is ended. most_waiting: how many
    questions may stand in line; more are refused with 429.
    """

    def __init__(
        self, log: logging.Logger, *, limit_s: float, most_waiting: int, python: str = ""
    ) -> None:
        self._log = log
        self._limit_s = limit_s
        self._most_waiting = most_waiting
        self._python = python or sys.executable
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._waiting = 0
        self._closed = False
        self._warming: asyncio.Task[None] | None = None

    async def ask(self, question: str, folder: str = "", **arguments: Any) -> Any:
        """The desk's answer as plain data; RefusedError where there is none."""
        if self._waiting >= self._most_waiting:
            raise RefusedError(429, "too many questions at once", hint="ask again in a moment")
        self._waiting += 1
        try:
            async with self._turn:
                request = {"question": question, "folder": folder, "arguments": arguments}
                told = await self._answered(json.dumps(request).encode() + b"\n", question)
        finally:
            self._waiting -= 1
        if "result" in told:
            return told["result"]
        if "crash" in told:
            self._log.error("nbprod: %s failed:\n%s", question, told["crash"])
            raise RuntimeError(question)
        raise RefusedError.of_json(told["error"], status=told["status"])

    def warm_up(self, after_s: float) -> None:
        """Start the process in a while, where no question has started it until then."""
        if self._warming is None:
            self._warming = asyncio.create_task(self._warm(after_s))

    async def _warm(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        if self._process is None and not self._closed:
            with contextlib.suppress(RefusedError):  # the question itself will tell
                await self.ask("ready")

    async def _answered(self, request: bytes, question: str) -> dict[str, Any]:
        process = await self._alive()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            async with asyncio.timeout(self._limit_s):
                process.stdin.write(request)
                await process.stdin.drain()
                line = await process.stdout.readline()
        except (TimeoutError, asyncio.CancelledError) as error:
            await self._end()  # half an answer must not become the next one's
            if isinstance(error, asyncio.CancelledError):
                raise
            raise RefusedError(
                504,
                f"{question} took longer than {self._limit_s:g} s and was ended",
                hint="a smaller notebook or window answers sooner",
            ) from error
        except (OSError, ValueError) as error:
            await self._end()
            raise RefusedError(503, "the answer was lost", hint="ask again") from error
        if not line:
            await self._end()
            raise RefusedError(
                503, f"the process that answers {question} ended", hint="ask again in a moment"
            )
        told: dict[str, Any] = json.loads(line)
        return told

    async def _alive(self) -> asyncio.subprocess.Process:
        if self._closed:
            raise RefusedError(503, "the server is shutting down", hint="start it again")
        if self._process is None or self._process.returncode is not None:
            # -P: nothing that lies in the working folder is imported by its name
            self._process = await asyncio.create_subprocess_exec(
                *(self._python, "-P", "-m", "nbprod.server.desk"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=_MOST_BYTES,
                start_new_session=True,
            )
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    async def close(self) -> None:
        """End the process; later questions are refused."""
        self._closed = True
        if self._warming is not None:
            self._warming.cancel()
        await self._end()
