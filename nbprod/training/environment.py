"""What else a run depends on: seeds, installed distributions, the state of the repository."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_GIT_TIMEOUT_S = 30


def set_seeds(seed: int) -> None:
    """Seeds Python's and NumPy's global generators, and torch's where it was imported."""
    import numpy as np

    random.seed(seed)
    np.random.seed(seed)
    torch = sys.modules.get("torch")
    if torch is not None:
        torch.manual_seed(seed)


def library_lock() -> str:
    """The installed distributions, one ``name==version`` a line, sorted."""
    found = {
        f"{item.metadata['Name']}=={item.version}"
        for item in metadata.distributions()
        if item.metadata["Name"]
    }
    return "\n".join(sorted(found, key=str.lower)) + "\n"


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
    try:
        done = subprocess.run(
            [git, "-C", str(folder), *arguments],
            capture_output=True,
            check=False,
            timeout=_GIT_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
