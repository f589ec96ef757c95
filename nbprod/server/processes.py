"""A job's processes: asked to end, and ended with whatever they started."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import signal
    from collections.abc import Sequence


def signal_group(pid: int, number: signal.Signals) -> None:
    """Signal a job's process group."""
    if pid:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, number)


def descendants(pid: int) -> list[Any]:
    """Every process that a job started, and those that they started."""
    import psutil

    try:
        return list(psutil.Process(pid).children(recursive=True)) if pid else []
    except psutil.Error:
        return []


def end_processes(processes: Sequence[Any]) -> None:
    """End what is left; a process is known by its id and its start, so no other is hit."""
    import psutil

    for process in processes:
        with contextlib.suppress(psutil.Error):
            if process.is_running():
                process.kill()
