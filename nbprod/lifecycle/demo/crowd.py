"""The processes of a demo: found by the marker in their environment, ended by their id."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

import psutil

from nbprod.engine import engine_processes, processes
from nbprod.errors import ServingError
from nbprod.lifecycle import deployments

if TYPE_CHECKING:
    from nbprod.lifecycle.project import Project

_GRACE_S = 5.0
_CAUGHT_S = 90.0
_AGAIN_S = 0.3


def end_marked(name: str, value: str) -> list[str]:
    """End what still carries the marker; what had to be ended, as text."""
    # What was told to end a moment ago may need one: only what stays is left behind.
    deadline = time.monotonic() + _GRACE_S
    while (found := _others(name, value)) and time.monotonic() < deadline:
        time.sleep(0.1)
    described = []
    for process in found:
        try:
            described.append(f"{process.pid} {' '.join(process.cmdline())[:80]}")
            process.send_signal(signal.SIGKILL)
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(found, timeout=_GRACE_S)
    return described


def _others(name: str, value: str) -> list[psutil.Process]:
    return [process for process in processes(name, value) if process.pid != os.getpid()]


def crash_canary(project: Project, version: int) -> float:
    """End the canary's process with SIGKILL as often as it comes back, until its trial is over.

    Returns the seconds until the controller had ended it. Raises ServingError when it does not.
    """
    current = deployments.running(project)
    began = time.monotonic()
    while "canary" in deployments.live(project, current)["traffic"]["roles"]:
        if time.monotonic() - began > _CAUGHT_S:
            raise ServingError(
                f"a canary that crashes again and again was not ended within {_CAUGHT_S:g} s",
                hint="`nbprod status` says what the rollout waits for",
            )
        for process in engine_processes(current.engine_id):
            with contextlib.suppress(psutil.Error):
                if f"--r{version}:" in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
        time.sleep(_AGAIN_S)
    return time.monotonic() - began


def kill_one_replica(project: Project) -> int:
    """End one replica of the champion with SIGKILL, as the kernel would; its process id."""
    from nbprod.lifecycle.delivery import replica_pids

    pids = replica_pids(project)
    if not pids:
        raise ServingError("no replica answers", hint="`nbprod status` shows the deployment")
    os.kill(pids[0], signal.SIGKILL)
    return pids[0]
