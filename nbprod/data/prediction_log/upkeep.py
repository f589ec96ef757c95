"""What a log needs from time to time: closed segments made small, old records forgotten."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from nbprod.data.prediction_log.database import shared
from nbprod.data.prediction_log.parts import compact, remove_before

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path


def keep_up(folder: Path, oldest: datetime | None = None) -> dict[str, int]:
    """Compact the log and forget what was recorded before ``oldest``; how much of each.

    Rows that were refused are somebody's data as well: their files go with the log's.
    """
    if oldest:
        _forget_refused(folder, oldest)
    if (database := shared(folder)) is not None:
        return {"compacted": 0, "removed": database.remove_before(oldest) if oldest else 0}
    return {
        "compacted": compact(folder),
        "removed": remove_before(folder, oldest) if oldest else 0,
    }


def _forget_refused(folder: Path, oldest: datetime) -> None:
    """Remove what replicas last wrote before then of the rows and requests they refused."""
    for path in (*folder.glob("quarantine/*.jsonl"), *folder.glob("requests/*.jsonl")):
        with contextlib.suppress(FileNotFoundError):  # another upkeep was quicker
            if path.stat().st_mtime < oldest.timestamp():
                path.unlink()


class Upkeep:
    """Starts the upkeep of a log in a child process when it is due, and never waits for it."""

    def __init__(self, folder: Path, *, keep_s: float = 0.0, every_s: float = 600.0) -> None:
        self._command = [sys.executable, "-m", "nbprod.data.prediction_log", str(folder)]
        if keep_s:
            self._command.append(str(keep_s))
        self._every_s = every_s
        self._due = time.monotonic() + every_s
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None

    def tick(self) -> None:
        """Call it now and then."""
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                return
            if time.monotonic() < self._due:
                return
            self._due = time.monotonic() + self._every_s
            self._child = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )

    def close(self) -> None:
        """End a child that is at work; what it was about is done by the next one."""
        with self._lock:
            if self._child is not None and self._child.poll() is None:
                self._child.terminate()
                self._child.wait()
