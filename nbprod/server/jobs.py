"""Jobs: each a child process in its own group, bounded in number, ended with all it started.

A job is `python -m nbprod VERB … --json`: what it prints on the error stream is its log and its
progress, what it prints on standard output is its record. Both go to files, not pipes: an engine
that outlives its command must not hold the job open.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.masking import mask
from nbprod.records import new_id, utc_now
from nbprod.server.job_output import (
    died,
    last_progress,
    place_of,
    problem_of_command,
    result_of,
    with_json,
)
from nbprod.server.problems import RefusedError, problem
from nbprod.server.processes import descendants, end_processes, signal_group
from nbprod.server.schemas import Job
from nbprod.server.verbs import VERBS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.server.verbs import Verb

ENDS_WITH = "NBPROD_ENDS_WITH"  # the process with which a command ends, however that ended
_REMEMBERED = 100  # jobs that have ended
_LOOK_S = 0.15  # between two looks at what a job printed
_GRACE_S = 10.0  # for a job to end by itself once it was asked to
_GRACE_AT_SHUTDOWN_S = 3.0
_MOST_LOG = 256 * 1024  # bytes of one answer


@dataclass
class _Running:
    """A job and what is only known here."""

    job: Job
    verb: Verb
    argv: list[str]
    folder: Path  # of the project
    work: Path  # of its output
    task: asyncio.Task[None] | None = None
    pid: int = 0
    cancelled: bool = False
    done: asyncio.Event = field(default_factory=asyncio.Event)


class Jobs:
    """Every job of this server.

    python: the interpreter that has nbprod. most_running: jobs at once, but for those that move
    traffic: a rollback waits for nobody. most_waiting: how many more are taken.
    """

    def __init__(self, python: str, *, most_running: int, most_waiting: int) -> None:
        self.most_running, self.most_waiting = most_running, most_waiting
        self.revision = 0
        self._python = python
        self._jobs: dict[str, _Running] = {}
        self._work = Path(tempfile.mkdtemp(prefix="nbprod-jobs-"))
        self._news = asyncio.Event()  # set at the next change, and then another one
        self._closed = False

    # ------------------------------------------------------------ asked from outside

    def start(self, verb: str, body: Any, *, folder: Path, project: str, by: str) -> Job:
        """A new job; 409 where the very same is under way, 429 where too many wait."""
        if self._closed:
            raise RefusedError(503, "the server is shutting down", hint="start it again")
        known = VERBS[verb]
        argv = known.arguments(body)
        self._refuse_second(argv, project)
        waiting = sum(run.job.state == "waiting" for run in self._jobs.values())
        if waiting >= self.most_waiting and known.lane != "deployment":
            raise RefusedError(
                429, f"{waiting} jobs are waiting already", hint="cancel some, or wait for them"
            )
        job = Job(
            id=new_id(),
            project=project,
            verb=argv[0] if verb == "rollout" else verb,
            command=("nbprod", *argv),
            state="waiting",
            by=by,
            created_at=utc_now(),
            record_kind="RolloutDecision" if argv[0] == "advance" else known.kind,
        )
        work = self._work / job.id
        work.mkdir()
        self._jobs[job.id] = _Running(job, known, argv, folder, work)
        self._forget()
        self._start_what_may()
        self._tell()
        return self._jobs[job.id].job

    def all(self) -> tuple[Job, ...]:
        """Every job that is remembered, newest first, without its result."""
        jobs = (run.job for run in self._jobs.values())
        newest = sorted(jobs, key=lambda job: job.id, reverse=True)
        return tuple(dataclasses.replace(job, result=None) for job in newest)

    def one(self, job_id: str) -> Job:
        """One job, with its result once it is done."""
        return self._found(job_id).job

    async def changed_since(self, revision: int, wait_s: float) -> None:
        """Return when something has changed since a revision, or after a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait_s):
                while self.revision == revision:
                    await self._news.wait()

    def log(self, job_id: str, offset: int) -> tuple[str, int, bool]:
        """What a job printed from an offset in bytes on: text, where it ends, whether that is all.

        A line that is not whole yet is kept back, so that no character and no secret is cut.
        """
        run = self._found(job_id)
        ended = run.done.is_set()
        content = b""
        with contextlib.suppress(FileNotFoundError), (run.work / "log").open("rb") as file:
            file.seek(max(0, offset))
            content = file.read(_MOST_LOG)
        if not ended or len(content) == _MOST_LOG:
            content = content[: content.rfind(b"\n") + 1] or content[: _MOST_LOG // 2 * (ended)]
        end = offset + len(content)
        complete = ended and end >= self._log_size(run)
        return mask(content.decode("utf-8", errors="replace")), end, complete

    async def cancel(self, job_id: str) -> Job:
        """End a job and whatever it started; one that has ended stays as it is."""
        run = self._found(job_id)
        await self._cancel(run, _GRACE_S)
        return run.job

    async def close(self) -> None:
        """End every job with its children, and remove what they printed."""
        self._closed = True
        live = [run for run in self._jobs.values() if not run.done.is_set()]
        await asyncio.gather(*(self._cancel(run, _GRACE_AT_SHUTDOWN_S) for run in live))
        shutil.rmtree(self._work, ignore_errors=True)

    # ------------------------------------------------------------ which may run

    def _refuse_second(self, argv: Sequence[str], project: str) -> None:
        for run in self._jobs.values():
            if run.argv == argv and run.job.project == project and not run.done.is_set():
                raise RefusedError(
                    409,
                    f"nbprod {' '.join(argv)} is {run.job.state} already",
                    hint="watch that job, or cancel it first",
                    job=run.job.id,
                )

    def _start_what_may(self) -> None:
        """Start waiting jobs in their order: one of the road in each project, few in all."""
        for run in list(self._jobs.values()):
            if run.job.state == "waiting" and run.task is None and self._may_run(run):
                self._change(run, state="running", started_at=utc_now())
                run.task = asyncio.create_task(self._run(run))

    def _may_run(self, run: _Running) -> bool:
        if run.verb.lane == "deployment":
            return True
        others = [
            other
            for other in self._jobs.values()
            if other.job.state == "running" and other.verb.lane != "deployment"
        ]
        if len(others) >= self.most_running:
            return False
        same = [other for other in others if other.job.project == run.job.project]
        return run.verb.lane == "beside" or all(other.verb.lane != "road" for other in same)

    def _forget(self) -> None:
        ended = [run for run in self._jobs.values() if run.done.is_set()]
        for run in ended[: max(0, len(ended) - _REMEMBERED)]:
            shutil.rmtree(run.work, ignore_errors=True)
            del self._jobs[run.job.id]

    # ------------------------------------------------------------ one job's life

    async def _run(self, run: _Running) -> None:
        try:
            status = await self._child(run)
            self._finish(run, status)
        except OSError as error:
            told = problem(503, f"the job could not be started: {error}", hint="free some memory")
            self._change(run, state="failed", ended_at=utc_now(), error=told)
        finally:
            run.done.set()
            self._start_what_may()
            self._tell()

    async def _child(self, run: _Running) -> int:
        command = [self._python, "-P", "-m", "nbprod", *with_json(run.argv, run.folder)]
        with (run.work / "out").open("wb") as out, (run.work / "log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *command,
                cwd=run.folder,
                env={**os.environ, "NO_COLOR": "1", ENDS_WITH: str(os.getpid())},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=log,
                start_new_session=True,
            )
        run.pid = process.pid
        if run.cancelled:
            signal_group(run.pid, signal.SIGINT)
        reading = asyncio.create_task(self._follow(run))
        try:
            return await process.wait()
        finally:
            reading.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await reading

    async def _follow(self, run: _Running) -> None:
        """Turn the lines of the log into progress while the job runs."""
        offset = 0
        while True:
            await asyncio.sleep(_LOOK_S)
            with (run.work / "log").open("rb") as file:
                file.seek(offset)
                content = file.read(_MOST_LOG)
            whole = content[: content.rfind(b"\n") + 1]
            offset += len(whole)
            if told := last_progress(whole.decode("utf-8", errors="replace")):
                self._change(run, progress=told)

    def _finish(self, run: _Running, status: int) -> None:
        result = result_of(run.work / "out")
        error = result.pop("error") if isinstance(result, dict) and "error" in result else None
        if run.cancelled and status != 0:
            gone = problem(409, "the job was cancelled", hint="start it again when you like")
            self._change(run, state="cancelled", exit_code=status, ended_at=utc_now(), error=gone)
            return
        if error is None and status not in (0, 1):
            error = died(status, self.log(run.job.id, 0)[0])
        if error is not None or result is None:
            told = problem_of_command(error) if error else None
            state = "failed" if error else "done"
            self._change(run, state=state, exit_code=status, ended_at=utc_now(), error=told)
            return
        self._change(
            run,
            state="done",
            exit_code=status,
            passed=status == 0,
            ended_at=utc_now(),
            result=result,
            **place_of(run.verb, run.argv, result, status),
        )

    async def _cancel(self, run: _Running, grace_s: float) -> None:
        if run.done.is_set():
            return
        run.cancelled = True
        if run.task is None:
            told = problem(409, "the job was cancelled", hint="it had not begun")
            self._change(run, state="cancelled", ended_at=utc_now(), error=told)
            run.done.set()
            self._tell()
            return
        started = descendants(run.pid)
        signal_group(run.pid, signal.SIGINT)
        try:
            async with asyncio.timeout(grace_s):
                await run.done.wait()
        except TimeoutError:
            started += descendants(run.pid)
            signal_group(run.pid, signal.SIGKILL)
        if run.job.exit_code != 0:  # one that came to its end meanwhile leaves what it made
            end_processes(started)
        await run.done.wait()

    # ------------------------------------------------------------ telling

    def _found(self, job_id: str) -> _Running:
        if job_id not in self._jobs:
            raise RefusedError(
                404,
                f"there is no job {job_id!r}",
                hint="jobs end with the server, and only the last ones are remembered",
            )
        return self._jobs[job_id]

    def _change(self, run: _Running, **changes: Any) -> None:
        run.job = dataclasses.replace(run.job, **changes)
        self._tell()

    def _tell(self) -> None:
        self.revision += 1
        self._news.set()
        self._news = asyncio.Event()

    def _log_size(self, run: _Running) -> int:
        try:
            return (run.work / "log").stat().st_size
        except OSError:
            return 0
