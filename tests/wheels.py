"""The wheel as somebody gets it: built here, installed somewhere else, without Node."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILT = ROOT / "nbprod" / "labextension" / "static" / "style.js"


def build_wheel(folder: Path) -> Path:
    """The wheel of this checkout, with the front end that `make extension` built."""
    assert BUILT.exists(), f"{BUILT} is missing: `make extension` builds it (Node 20 or newer)"
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--disable-pip-version-check"]
    pip(sys.executable, "wheel", *options, "--wheel-dir", str(folder), str(ROOT))
    (wheel,) = folder.glob("nbprod-*.whl")
    return wheel


def environment(folder: Path, *, shares: bool) -> Path:
    """The Python of a new environment; shares: it sees the libraries of this one."""
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    if shares:
        here = sysconfig.get_path("purelib")
        more = [line for path in Path(here).glob("*.pth") for line in _folders(path)]
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        site = folder / "lib" / version / "site-packages" / "others.pth"
        site.write_text("\n".join([here, *(m for m in more if m != str(ROOT))]) + "\n")
    return python


def _folders(path: Path) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.startswith("/")]


def pip(python: str | Path, *arguments: str) -> None:
    """Run pip for an environment, its own or this one's."""
    command = [sys.executable, "-m", "pip", "--python", str(python), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def without_node(python: Path, home: Path) -> dict[str, str]:
    """What a process of that environment sees: its own commands, a new home, and no Node."""
    home.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PATH": str(python.parent), "HOME": str(home), "NO_COLOR": "1"}


def run(python: Path, home: Path, *arguments: str) -> str:
    """What a command of that environment prints, on both streams."""
    done = subprocess.run(
        [str(python), *arguments],
        env=without_node(python, home),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout
