"""The user's code runs in a child process: it can crash, hang, print and leak there.

The parent writes ``request.json``, the child (``nbprod.lifecycle.child``) answers with
``answer.json``; progress comes back as JSON lines through a pipe of its own, and whatever
the user's code prints goes to ``output.log``, whose end is shown when the child fails.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import nbprod.errors as errors
from nbprod.errors import ExecutionError, NbprodError
from nbprod.masking import mask, mask_values
from nbprod.records import Progress, Record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

AnyRecord = TypeVar("AnyRecord", bound=Record)

_SHOWN_LINES = 12
# Every heavy dependency's telemetry is off before it can be imported by anybody.
QUIET_ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "WHYLOGS_NO_ANALYTICS": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "DO_NOT_TRACK": "1",
    "PYTHONUNBUFFERED": "1",
    "GIT_PYTHON_REFRESH": "quiet",
    # Threads that wait in a loop for each other make training many times slower on a busy machine.
    "OMP_WAIT_POLICY": "PASSIVE",
}


def run_isolated(
    job: str,
    arguments: Mapping[str, Any],
    returns: type[AnyRecord],
    *,
    cwd: Path,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
) -> AnyRecord:
    """The record that a job of ``nbprod.lifecycle.jobs`` returns from a fresh process.

    arguments: plain data. environ: on top of this process's environment.
    Raises the child's own NbprodError, or ExecutionError when it died or outran timeout_s.
    """
    answer = run_job(
        job, arguments, cwd=cwd, progress=progress, environ=environ, timeout_s=timeout_s
    )
    return returns.from_json(answer)


def run_job(
    job: str,
    arguments: Mapping[str, Any],
    *,
    cwd: Path,
    progress: Progress | None = None,
    environ: Mapping[str, str] | None = None,
    timeout_s: float | None = None,
    python: str = "",
) -> Any:
    """What a job returns, as plain data; see `run_isolated`.

    python: another interpreter, one that has nbprod; this process's own by default.
    """
    with tempfile.TemporaryDirectory(prefix="nbprod-job-") as folder:
        work = Path(folder)
        request = {"job": job, "arguments": dict(arguments), "parent": os.getpid()}
        (work / "request.json").write_text(json.dumps(request), encoding="utf-8")
        command = [python or sys.executable, "-m", "nbprod.lifecycle.child", str(work)]
        status = _run_child(command, work, cwd, environ or {}, progress, timeout_s)
        return _answer(work, status, job)


def _run_child(
    command: list[str],
    work: Path,
    cwd: Path,
    environ: Mapping[str, str],
    progress: Progress | None,
    timeout_s: float | None,
) -> int:
    read_fd, write_fd = os.pipe()
    with (work / "output.log").open("wb") as output:
        process = subprocess.Popen(
            [*command, str(write_fd)],
            cwd=cwd,
            env={**os.environ, **QUIET_ENVIRONMENT, **environ},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            pass_fds=(write_fd,),
            start_new_session=True,
        )
    os.close(write_fd)
    try:
        # The pipe ends when the child and whatever inherited its end are gone; a
        # time limit is kept by a watchdog that ends the child's process group.
        with _watchdog(process, timeout_s) as expired:
            _relay(read_fd, progress)
            status = process.wait()
        if expired():
            raise ExecutionError(
                f"the job did not finish within {timeout_s:g} s",
                hint="look for a loop or a wait in the notebook's tagged cells",
            )
        return status
    finally:
        _end_group(process)


@contextlib.contextmanager
def _watchdog(process: subprocess.Popen[bytes], timeout_s: float | None) -> Iterator[Any]:
    import threading

    fired = threading.Event()

    def expire() -> None:
        fired.set()
        _kill_group(process)

    timer = threading.Timer(timeout_s, expire) if timeout_s else None
    if timer:
        timer.daemon = True
        timer.start()
    try:
        yield fired.is_set
    finally:
        if timer:
            timer.cancel()


def _relay(read_fd: int, progress: Progress | None) -> None:
    with os.fdopen(read_fd, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            if not progress:
                continue
            with contextlib.suppress(ValueError):  # a line cut off by the child's death
                message, fraction = json.loads(line)
                progress(message, fraction)


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End the child and what it started; nothing is left when the parent goes on."""
    _kill_group(process)
    process.wait()


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _answer(work: Path, status: int, job: str) -> Any:
    file = work / "answer.json"
    if file.exists():
        answer = json.loads(file.read_text(encoding="utf-8"))
        if "error" in answer:
            raise _error(answer["error"])
        return answer["result"]
    output = mask((work / "output.log").read_text(encoding="utf-8", errors="replace"))
    tail = "\n".join(output.strip().splitlines()[-_SHOWN_LINES:])
    died = f"was killed by signal {-status}" if status < 0 else f"ended with status {status}"
    if "MemoryError" in output or status == -signal.SIGKILL:
        died += " (out of memory?)"
    raise ExecutionError(
        f"the process that ran {job} {died}" + (f":\n{tail}" if tail else ""),
        hint="the notebook's own code ended it; look at its last output above",
    )


def _error(data: dict[str, Any]) -> NbprodError:
    """The child's error again, with its own class, hint and details."""
    details = dict(data)
    cls = getattr(errors, details.pop("type"), NbprodError)
    return cls(mask(details.pop("message")), hint=mask(details.pop("hint")), **mask_values(details))
