"""A training that is interrupted or killed leaves no run, no candidate and no process behind."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from command import nbprod

from nbprod import tracking


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A starter project whose train cell waits."""
    folder = tmp_path_factory.mktemp("slow") / "project"
    assert nbprod("init", str(folder), cwd=folder.parent).code == 0
    path = folder / "notebooks" / "train.ipynb"
    node = json.loads(path.read_text())
    cell = next(c for c in node["cells"] if c.get("id") == "train")
    waiting = "import time\ntime.sleep(600 if max_iter == 7 else 0)\n"
    cell["source"] = waiting + "".join(cell["source"])
    path.write_text(json.dumps(node))
    assert nbprod("extract", cwd=folder).code == 0
    assert nbprod("contract", "infer", cwd=folder).code == 0
    return folder


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_an_interrupted_training_leaves_nothing(slow: Path, number: signal.Signals) -> None:
    """Whatever ends it while the model trains; the next training is the first candidate."""
    process = subprocess.Popen(
        [sys.executable, "-m", "nbprod", "train", "-p", "max_iter", "7"],
        cwd=slow,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "training on" in line:
            break
    children = psutil.Process(process.pid).children(recursive=True)
    assert children
    process.send_signal(number)
    rest = process.stderr.read() if number == signal.SIGINT else ""
    process.wait(timeout=60)
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "nothing half-written remains" in rest
    _, alive = psutil.wait_procs(children, timeout=30)
    assert alive == []
    assert not list((slow / ".nbprod").glob("runs/*/record.json"))
    if number == signal.SIGINT:
        assert not list((slow / ".nbprod").glob("runs/*"))
    assert tracking.aliases(f"sqlite:///{slow}/.nbprod/mlflow.db", "strong-wine") == {}
    shown = nbprod("gate", "--json", cwd=slow)
    assert shown.code == 3
    assert "no candidate" in shown.record["error"]["message"]
