"""Processes as a test looks at them: any may end between two looks."""

from __future__ import annotations

import psutil


def command_line(process: psutil.Process) -> str:
    """What a process was started with; empty once it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:  # a zombie is one
        return ""
