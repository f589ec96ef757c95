"""The demo failed and interrupted at every step after its releases: nothing stays behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbprod.engine import processes

pytestmark = pytest.mark.timeout(2400)
MARKER = "NBPROD_SOAK_DEMO"
FAULT = Path(__file__).parents[1] / "engines" / "demo_fault.py"
STEPS = ("deploy", "broken rows", "kill -9", "canary", "promote", "rollback", "outcomes", "monitor")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demo that was walked to its end: its releases are walked on from."""
    folder = tmp_path_factory.mktemp("demo") / "road"
    command = [sys.executable, "-m", "nbprod", "demo", "--folder", str(folder)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)
    return folder


@pytest.mark.parametrize("how", ["raise", "interrupt"])
@pytest.mark.parametrize("step", STEPS)
def test_a_fault_at_any_step_leaves_no_process(
    finished: Path, tmp_path: Path, step: str, how: str
) -> None:
    """Whatever was started is ended, whichever step fails or is interrupted."""
    marker = f"{step}-{how}"
    done = subprocess.run(
        [sys.executable, str(FAULT), str(finished), str(tmp_path / "road"), step, how],
        env={**os.environ, MARKER: marker},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 7, done.stdout[-2000:] + done.stderr[-2000:]
    assert processes(MARKER, marker) == []
