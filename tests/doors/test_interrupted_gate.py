"""A gate or a release that is interrupted or killed: no verdict, nothing half-released, no process left."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from command import Result, nbprod
from running import command_line

from nbprod.records import new_id


@pytest.fixture(scope="module")
def gated(walked: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the walked project whose release was not made yet."""
    target = tmp_path_factory.mktemp("interrupted") / "project"
    shutil.copytree(walked, target)
    _forget_releases(target)
    return target


def _forget_releases(project: Path) -> None:
    for path in (project / ".nbprod" / "releases").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
    for name in ("releases", "release-records"):
        shutil.rmtree(project / ".nbprod" / name, ignore_errors=True)


def _started(project: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "nbprod", *arguments],
        cwd=project,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )


def _refused(result: Result, code: int, *words: str) -> None:
    assert result.code == code, result.out + result.err
    assert "Traceback" not in result.err
    assert "hint:" in result.err
    for word in words:
        assert word in result.err, result.err


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_gate_gives_no_verdict(gated: Path, number: signal.Signals) -> None:
    """Its kernels end with it, and what a killed one left is gone after the next one."""
    waiting = gated / "notebooks" / "gates" / "waiting.ipynb"
    cells = [nbformat.v4.new_code_cell("import time\ntime.sleep(600)")]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), waiting)
    verdicts = gated / ".nbprod" / "gates"
    before = set(verdicts.iterdir())
    process = _started(gated, "gate")
    assert process.stderr is not None
    for line in process.stderr:
        if "waiting.ipynb: cell" in line:
            break
    children = psutil.Process(process.pid).children(recursive=True)
    assert any("nbprod.notebook.nursery" in command_line(child) for child in children)
    process.send_signal(number)
    rest = process.stderr.read() if number == signal.SIGINT else ""
    process.wait(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    left = set(verdicts.iterdir()) - before
    assert [folder for folder in left if (folder / "record.json").exists()] == []
    if number == signal.SIGINT:
        assert (process.returncode, left) == (130, set())
        assert "nothing half-written remains" in rest
    _refused(nbprod("release", cwd=gated), 1, "waiting.ipynb is new", "nbprod gate")
    waiting.unlink()


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_release_is_whole_or_not_there(gated: Path, number: signal.Signals) -> None:
    """Ended while its files are copied; the next one is the release, and nothing lies beside it."""
    _forget_releases(gated)
    folder = gated / ".nbprod" / "releases"
    process = _started(gated, "release")
    while process.poll() is None and not (folder.exists() and any(folder.iterdir())):
        time.sleep(0.0005)
    process.send_signal(number)
    process.communicate(timeout=60)
    if [path.name for path in folder.iterdir()] != ["1"]:
        assert nbprod("verify", cwd=gated).code == 3
        assert process.returncode in (-signal.SIGKILL, 130)
    assert nbprod("release", cwd=gated).code == 0
    assert [path.name for path in folder.iterdir()] == ["1"]
    assert nbprod("verify", cwd=gated).code == 0


def test_a_locked_registry_stops_a_gate_and_no_release(gated: Path) -> None:
    """Another program holds the SQLite file: the gate says so, and leaves no verdict."""
    _forget_releases(gated)
    verdicts = gated / ".nbprod" / "gates"
    before = set(verdicts.iterdir())
    other = sqlite3.connect(gated / ".nbprod" / "mlflow.db")
    other.execute("begin exclusive")
    try:
        _refused(nbprod("gate", cwd=gated), 3, "locked", "another program writes to it")
        assert set(verdicts.iterdir()) == before
        released = nbprod("release", cwd=gated)
    finally:
        other.rollback()
        other.close()
    assert released.code == 0, released.err
    assert "the registry was not asked" in released.err
    assert nbprod("verify", cwd=gated).code == 0


def test_after_a_clock_that_jumps_back_the_newest_is_not_guessed(gated: Path) -> None:
    """A verdict of the future would be the newest for a year: nothing is judged or released."""
    _forget_releases(gated)
    future = f"{int((time.time() + 7200) * 1000):012x}{new_id()[12:]}"
    made = gated / ".nbprod" / "gates" / future
    newest = max((gated / ".nbprod" / "gates").glob("*/record.json"))
    shutil.copytree(newest.parent, made)
    for verb in ("gate", "release"):
        _refused(nbprod(verb, cwd=gated), 3, future, "correct the clock")
    shutil.rmtree(made)
    assert not (gated / ".nbprod" / "releases").exists()


def test_a_candidate_deleted_from_the_registry_goes_nowhere(gated: Path) -> None:
    """Neither judged nor released, by its name, with the way out."""
    from mlflow import MlflowClient

    _forget_releases(gated)
    MlflowClient(f"sqlite:///{gated}/.nbprod/mlflow.db").delete_model_version("strong-wine", "1")
    for verb in ("gate", "release"):
        _refused(nbprod(verb, cwd=gated), 3, "candidate 1 of strong-wine", "nbprod train")
    assert not (gated / ".nbprod" / "releases").exists()
