"""A fresh environment from a run's lock: a virtual environment with the locked versions in it.

pip installs them from the indexes that its own configuration names. nbprod itself is copied from
the one that runs: it is what reproduces, not what is reproduced.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import nbprod.errors as own
from nbprod.errors import MissingDependencyError
from nbprod.training.libraries import needed_libraries

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.records import Progress
    from nbprod.training.libraries import Library

_TIMEOUT_S = 3600


def build_environment(
    folder: Path, lock: Mapping[str, Library], *, python: str, progress: Progress
) -> str:
    """Makes a virtual environment in a folder; the path of its interpreter.

    lock: what the run could reach is installed, each at its locked version and nothing besides.
    python: the version the run had, "3.11.9"; its major and minor part are kept.
    Raises MissingDependencyError with pip's own reason where it cannot be made.
    """
    libraries = needed_libraries(lock)
    progress(f"a fresh environment of {len(libraries)} locked libraries", 0.0)
    base = _interpreter(python)
    _run([base, "-m", "venv", "--without-pip", str(folder)], "the virtual environment")
    inside = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    wanted = folder / "requirements.txt"
    lines = sorted(f"{item.name}=={item.version}" for item in libraries.values())
    wanted.write_text("\n".join(lines) + "\n", encoding="utf-8")
    install = [sys.executable, "-m", "pip", "--python", str(inside), "install", "--no-deps"]
    install += ["--no-compile", "--no-input", "--quiet", "--disable-pip-version-check"]
    _run([*install, "--requirement", str(wanted)], "pip")
    where = [str(inside), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(_run(where, "the fresh interpreter").strip())
    source = Path(own.__file__).parent
    shutil.copytree(source, packages / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return str(inside)


def _interpreter(version: str) -> str:
    """An interpreter of the same major and minor version: this one, or one on the path."""
    wanted = ".".join(version.split(".")[:2])
    if not version or wanted == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    found = shutil.which(f"python{wanted}")
    if found is None:
        raise MissingDependencyError(
            f"the run had Python {wanted}, which is not on this machine",
            hint=f"install Python {wanted}, or run nbprod with it",
        )
    return found


def _run(command: list[str], what: str) -> str:
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise MissingDependencyError(
            f"{what} failed: {error}", hint="is there room on the disk, and an index to be reached?"
        ) from error
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        last = (errors or done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise MissingDependencyError(
            f"{what} failed: {last.removeprefix('ERROR: ')}",
            hint="is the package index reachable? see `pip config list`",
        )
    return done.stdout
