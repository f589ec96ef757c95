"""The processes of a demo: found by the marker in their environment, ended by their id."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

from nbprod.engine import processes
from nbprod.errors import ServingError

if TYPE_CHECKING:
    import psutil

    from nbprod.lifecycle.project import Project

_GRACE_S = 5.0


def end_marked(name: str, value: str) -> list[str]:
    """End what still carries the marker; what had to be ended, as text."""
    import psutil

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


def kill_one_replica(project: Project) -> int:
    """End one replica of the champion with SIGKILL, as the kernel would; its process id."""
    from nbprod.lifecycle.delivery import replica_pids

    pids = replica_pids(project)
    if not pids:
        raise ServingError("no replica answers", hint="`nbprod status` shows the deployment")
    os.kill(pids[0], signal.SIGKILL)
    return pids[0]
