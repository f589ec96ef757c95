"""The user's code crashes, hangs, prints and is killed in a child; the parent says what happened."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest

from nbprod.engine import processes
from nbprod.errors import ExecutionError
from nbprod.lifecycle.isolation import run_job
from nbprod.predictor import load_package, save_state

FEATURES = """\
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    pass


def transform(frame, state):
    print("about to work")
    {body}
    return frame
"""


@pytest.fixture
def transform(tmp_path: Path):
    """Run a transform with this body in a child process."""

    def run(body: str, **options):
        package = tmp_path / "shaky"
        package.mkdir(exist_ok=True)
        files = {"__init__.py": "", "features.py": FEATURES.replace("{body}", body)}
        for name, text in files.items():
            (package / name).write_text(text)
        hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
        version = hashlib.sha256(body.encode()).hexdigest()
        manifest = {"format": 1, "package": "shaky", "version": version, "files": hashes}
        (package / "nbprod.json").write_text(json.dumps(manifest))
        pd.DataFrame({"x": [1, 2]}).to_parquet(tmp_path / "rows.parquet")
        save_state(load_package(package, version).features.State(), tmp_path / "state")
        arguments = {
            "package": str(package),
            "version": version,
            "state": str(tmp_path / "state"),
            "frame": str(tmp_path / "rows.parquet"),
            "out": str(tmp_path / "out.parquet"),
        }
        return run_job("transform", arguments, cwd=tmp_path, **options)

    return run


def test_a_job_answers_and_tells_its_progress(transform, capfd: pytest.CaptureFixture[str]) -> None:
    """What the user's code prints does not reach the command's own output."""
    told: list[str] = []
    assert transform("pass", progress=lambda message, _: told.append(message)) == {"rows": 2}
    assert told == ["transforming in a fresh process"]
    assert "about to work" not in capfd.readouterr().out


def test_an_exception_comes_back_with_its_place(transform) -> None:
    """Message, file and line of the user's own code, and a next step."""
    with pytest.raises(ExecutionError, match="no such carrier") as caught:
        transform("raise KeyError('no such carrier')")
    assert "features.py" in str(caught.value)
    assert caught.value.hint


def test_a_crash_is_told_with_the_last_output(transform) -> None:
    """A segmentation fault in a library ends the child, not the command."""
    with pytest.raises(ExecutionError, match="signal 11") as caught:
        transform("sys.stdout.flush(); os.kill(os.getpid(), signal.SIGSEGV)")
    assert "about to work" in caught.value.message


def test_a_silent_exit_is_not_taken_for_success(transform) -> None:
    """Without an answer there is no result."""
    with pytest.raises(ExecutionError, match="status 5"):
        transform("os._exit(5)")


def test_a_loop_is_ended_at_its_deadline_with_what_it_started(
    transform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time limit ends the child's whole process group."""
    monkeypatch.setenv("NBPROD_TEST_LOOP", "1")
    body = "subprocess.Popen(['sleep', '300']); time.sleep(300)"
    with pytest.raises(ExecutionError, match="within 6 s"):
        transform(body, timeout_s=6)
    left = [p for p in processes("NBPROD_TEST_LOOP", "1") if p.name() == "sleep"]
    assert left == []
