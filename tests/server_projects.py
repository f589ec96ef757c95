"""Small projects for the tests of the Jupyter server."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from jupyter_rest import jupyter
from running import command_line

TOML = '[model]\nname = "m"\nowner = "me@example.com"\n\n[notebooks]\ntrain = "train.ipynb"\n'
LOAD = "import pandas as pd\ntrips = pd.DataFrame({'km': [1.0, 2.0, 3.0], 'late': [0, 1, 0]})"
SLOW = "import os\nimport pathlib\nimport time\npathlib.Path('pid').write_text(str(os.getpid()))\n"
SLOW += "time.sleep(600)\n"
CELLS = {
    "data": LOAD,
    "features": "X = trips[['km']] * 2",
    "train": "from sklearn.dummy import DummyClassifier\n"
    "model = DummyClassifier().fit(X, trips['late'])",
    "predict": "answers = pd.DataFrame({'late': model.predict(X)}, index=X.index)",
}


def cells_of(sources: dict[str, str]) -> list[dict[str, object]]:
    """Cells in the shape that the editor sends; each key is id and role."""
    return [
        {"id": name, "cell_type": "code", "source": text, "tags": [f"nbprod:{name}"]}
        for name, text in sources.items()
    ]


def write_project(folder: Path, **changes: str) -> Path:
    """A project of four tagged cells; changes: other sources by role."""
    folder.mkdir(parents=True)
    (folder / "nbprod.toml").write_text(TOML + '\n[data]\nlabel = "late"\n')
    shell = {"cell_type": "code", "outputs": [], "execution_count": None}
    cells = [
        {**shell, "id": cell["id"], "source": cell["source"], "metadata": {"tags": cell["tags"]}}
        for cell in cells_of({**CELLS, **changes})
    ]
    notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (folder / "train.ipynb").write_text(json.dumps(notebook))
    return folder


def until(seen: Callable[[], Any], timeout_s: float = 180.0) -> Any:
    """What was looked for, as soon as it is there."""
    deadline = time.monotonic() + timeout_s
    while not (found := seen()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def asleep(project: Path) -> int:
    """The process in which the slow project's cell sleeps, once it does."""
    found = until(lambda: (project / "pid").exists() and (project / "pid").read_text())
    (project / "pid").unlink()
    return int(found)


def gone(pid: int) -> bool:
    """Whether a process has ended; a zombie has."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def server_ends(folder: Path, number: signal.Signals) -> None:
    """End a server by a signal in the middle of a job: nothing that it started lives on."""
    project = write_project(folder / "root" / "slow", data=f"{SLOW}{LOAD}")
    with jupyter(folder / "root") as server:
        server.get("project", path="slow")
        server.start("extractions", {"prove": True}, project="slow")
        asleep(project)
        started = psutil.Process(server.process.pid).children(recursive=True)
        assert any("nbprod.server.desk" in command_line(process) for process in started)
        assert any("--prove" in command_line(process) for process in started)
        os.kill(server.process.pid, number)
        server.process.wait(timeout=30)
        until(lambda: all(gone(process.pid) for process in started))
