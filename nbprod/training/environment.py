"""What else a run depends on: seeds, the machine, the state of the repository."""

from __future__ import annotations

import platform
import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from nbprod.records import Machine

_TIMEOUT_S = 30


def set_seeds(seed: int) -> None:
    """Seeds Python's and NumPy's global generators, and torch's where it was imported."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def this_machine() -> Machine:
    """What this process runs on."""
    import psutil

    return Machine(
        python=platform.python_version(),
        system=platform.platform(),
        processor=_processor(),
        cores=psutil.cpu_count() or 0,
        memory_bytes=psutil.virtual_memory().total,
        accelerators=_accelerators(),
    )


def _processor() -> str:
    """The processor's name, as Linux tells it, else the machine type."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def _accelerators() -> tuple[str, ...]:
    """The names of the GPUs that torch sees, where it was imported, else those of the driver."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        count = torch.cuda.device_count()
        return tuple(str(torch.cuda.get_device_name(number)) for number in range(count))
    listing = shutil.which("nvidia-smi")
    if listing is None:
        return ()
    told = _output([listing, "--query-gpu=name", "--format=csv,noheader"])
    return tuple(line.strip() for line in told.splitlines() if line.strip())


@dataclass(frozen=True)
class CodeState:
    """The repository's commit, and what was not committed; empty outside a repository."""

    commit: str = ""
    dirty: bool = False
    diff: str = ""


def code_state(folder: Path) -> CodeState:
    """The git commit of a folder, whether the folder has changes, and the changes as a diff.

    The diff is of tracked files; that untracked ones exist makes the state dirty, too.
    """
    commit = _git(folder, "rev-parse", "HEAD").strip()
    if not commit:
        return CodeState()
    status = _git(folder, "status", "--porcelain", "--", ".")
    diff = _git(folder, "diff", "HEAD", "--", ".")
    return CodeState(commit, bool(status.strip()), diff)


def _git(folder: Path, *arguments: str) -> str:
    """What git prints; empty where there is no git, no repository or no commit."""
    git = shutil.which("git")
    if git is None:
        return ""
    return _output([git, "-C", str(folder), *arguments])


def _output(command: list[str]) -> str:
    """What a command prints; empty where it fails."""
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=_TIMEOUT_S)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
