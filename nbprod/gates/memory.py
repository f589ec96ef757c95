"""Gate notebooks side by side, as long as their kernels fit into memory.

A notebook starts when what it is expected to need is free, or when nothing else runs; a kernel
that needs more than its limit is ended by name, before the machine begins to swap.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_KERNEL_BYTES = 350 * 1024**2  # numpy, pandas, scikit-learn and the predictor
_SNAPSHOT_FACTOR = 12  # a parquet file, read, copied and predicted
_USABLE = 0.9
_POLL_S = 0.25
_CGROUP = Path("/sys/fs/cgroup")


def free_bytes() -> int:
    """What this process may still use: of the machine, or of its control group where that is less.

    Outside Linux, or without control groups, the machine's own figure.
    """
    import psutil

    free = int(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError):
        limit = int((_CGROUP / "memory.max").read_text())
        used = int((_CGROUP / "memory.current").read_text())
        free = min(free, max(0, limit - used))
    return free


def first_estimate(snapshot: Path) -> int:
    """Bytes that a notebook's kernel may need, before one was ever seen."""
    return _KERNEL_BYTES + _SNAPSHOT_FACTOR * snapshot.stat().st_size


@dataclass
class Room:
    """The memory that kernels share. ``limit``: bytes that one kernel may use at most."""

    estimate: int
    limit: int
    free: int = field(default_factory=lambda: int(_USABLE * free_bytes()))
    _taken: dict[int, int] = field(default_factory=dict, init=False)
    _seen: dict[str, int] = field(default_factory=dict, init=False)  # peak bytes by notebook
    _changed: threading.Condition = field(default_factory=threading.Condition, init=False)

    @classmethod
    def for_notebooks(cls, snapshot: Path, memory_mb: float = 0.0) -> Room:
        """The room of this machine. memory_mb: a limit for each kernel, 0 for what is free."""
        free = int(_USABLE * free_bytes())
        limit = int(memory_mb * 1024**2) or free
        return cls(estimate=min(first_estimate(snapshot), limit), limit=limit, free=free)

    @contextlib.contextmanager
    def place(self, notebook: str) -> Iterator[Watch]:
        """Wait until the notebook's kernel fits, and watch it while it runs."""
        expected = self._seen.get(notebook, self.estimate)
        ticket = threading.get_ident()
        with self._changed:
            while self._taken and sum(self._taken.values()) + expected > self.free:
                self._changed.wait()
            self._taken[ticket] = expected
        watch = Watch(self.limit)
        try:
            yield watch
        finally:
            watch.end()
            with self._changed:
                del self._taken[ticket]
                self._seen[notebook] = max(self._seen.get(notebook, 0), watch.peak)
                self._changed.notify_all()


@dataclass
class Watch:
    """One kernel's process group, measured while it runs and ended beyond its limit."""

    limit: int
    peak: int = 0
    ended: bool = False  # by us, for using too much
    _stop: threading.Event = field(default_factory=threading.Event, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def begin(self, group: int) -> None:
        """Watch the process group of a kernel that has just started."""
        self._thread = threading.Thread(target=self._run, args=(group,), daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop watching."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def _run(self, group: int) -> None:
        while not self._stop.wait(_POLL_S):
            used = _group_bytes(group)
            self.peak = max(self.peak, used)
            if used > self.limit:
                self.ended = True
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(group, signal.SIGKILL)
                return


def _group_bytes(group: int) -> int:
    """Resident bytes of a process and its children; 0 when it is gone."""
    import psutil

    try:
        leader = psutil.Process(group)
        members = [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return 0
    used = 0
    for member in members:
        with contextlib.suppress(psutil.Error):
            used += member.memory_info().rss
    return used
