"""The command line as a person runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Result:
    """What a command left: its exit code and what it printed."""

    code: int
    out: str
    err: str

    @property
    def record(self) -> Any:
        """The record that ``--json`` printed."""
        return json.loads(self.out)


def nbprod(*arguments: str, cwd: Path, environ: dict[str, str] | None = None) -> Result:
    """Run the command line as a person would, in a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "nbprod", *arguments],
        cwd=cwd,
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120", **(environ or {})},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return Result(done.returncode, done.stdout, done.stderr)
