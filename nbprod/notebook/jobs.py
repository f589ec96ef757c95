"""One execution of a notebook as a value."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from nbprod.records import Progress


@dataclass
class Job:
    """One execution: what the engine needs beyond the notebook itself."""

    source: Path
    target: Path  # where the executed copy is kept
    folder: Path  # scratch, removed at the end
    cwd: Path
    environ: dict[str, str]
    deadline: float  # of time.monotonic()
    timeout_s: float
    progress: Progress | None
    parameterized: bool
    on_kernel: Callable[[int], None] | None = None
    secrets: tuple[str, ...] = ()  # what must not be kept, beyond what looks like a secret
    imports: tuple[str, ...] = ()
    current: int = -1  # index of the cell that runs

    def remaining_s(self, _cell: Any = None) -> float:
        """Seconds until the deadline, never 0: nbclient takes that for "no limit"."""
        return max(0.01, self.deadline - time.monotonic())
