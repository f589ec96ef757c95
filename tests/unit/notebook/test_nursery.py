"""Kernels forked from a process that has imported what they need: each as fresh as a started one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest

from nbprod.errors import ExecutionError
from nbprod.notebook.execution import execute_notebook

TELLS = """\
import json, os, random, sys
import numpy
told = {
    "drawn": [random.random(), numpy.random.rand()],
    "seen": [getattr(json, "mine", None), os.environ.get("MINE"), "mine" in globals()],
    "here": os.getcwd(), "value": os.environ.get("NBPROD_VALUE"),
    "parent": os.getppid(), "group": os.getpgid(0) == os.getpid(), "argv": sys.argv[0],
}
json.mine = os.environ["MINE"] = mine = "left behind"
print(json.dumps(told))
"""


def _run(folder: Path, *sources: str, **options: Any) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), folder / "b.ipynb")
    options = {"parameters": {}, "cwd": folder, "imports": ("numpy",), **options}
    execute_notebook(folder / "b.ipynb", folder / "o.ipynb", **options)
    done = nbformat.read(folder / "o.ipynb", as_version=4)
    return "".join(o.text for cell in done.cells for o in cell.outputs if "text" in o)


def _told(folder: Path, **options: Any) -> dict[str, Any]:
    import json

    told: dict[str, Any] = json.loads(_run(folder, TELLS, **options))
    return told


def test_a_fork_knows_nothing_of_the_one_before(tmp_path: Path) -> None:
    """Neither its changes nor its random numbers; folder, group and environment are its own."""
    first = _told(tmp_path / "1", environ={"NBPROD_VALUE": "one"})
    second = _told(tmp_path / "2", environ={"NBPROD_VALUE": "two"})
    assert first["parent"] == second["parent"] != os.getpid()  # one nursery forked both
    assert first["seen"] == second["seen"] == [None, None, False]
    assert len({*first["drawn"], *second["drawn"]}) == 4
    assert [first["value"], second["value"]] == ["one", "two"]
    assert [first["here"], second["here"]] == [str(tmp_path / "1"), str(tmp_path / "2")]
    assert first["group"]
    assert first["argv"] == "ipykernel_launcher"


def test_what_libraries_read_early_has_a_nursery_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another environment is another process; a relative PYTHONPATH is no fork at all."""
    usual = _told(tmp_path / "1")["parent"]
    assert _told(tmp_path / "2", environ={"OMP_NUM_THREADS": "3"})["parent"] != usual
    monkeypatch.setenv("PYTHONPATH", "here")
    assert _told(tmp_path / "3")["parent"] == os.getpid()


def test_a_nursery_that_died_is_replaced(tmp_path: Path) -> None:
    """Killed between two kernels, it is only missed by the time that another takes to start."""
    first = _told(tmp_path / "1")["parent"]
    psutil.Process(first).kill()
    assert _told(tmp_path / "2")["parent"] not in (first, os.getpid())


def test_a_forked_kernel_that_dies_or_hangs_is_told_apart(tmp_path: Path) -> None:
    """As a started one, and what it started ends with it."""
    with pytest.raises(ExecutionError) as died:
        _run(tmp_path / "1", "import os\nos.kill(os.getpid(), 9)")
    assert died.value.details["reason"] == "died"
    hangs = "import subprocess\nprint(subprocess.Popen(['sleep', '600']).pid, flush=True)"
    with pytest.raises(ExecutionError) as hung:
        _run(tmp_path / "2", hangs, "import time\ntime.sleep(600)", timeout_s=4)
    assert hung.value.details["reason"] == "timeout"
    done = nbformat.read(tmp_path / "2" / "o.ipynb", as_version=4)
    _, alive = psutil.wait_procs(
        [psutil.Process(pid) for pid in _pids(done) if psutil.pid_exists(pid)], timeout=10
    )
    assert alive == []


def _pids(node: Any) -> list[int]:
    return [int(o.text) for cell in node.cells for o in cell.outputs if o.get("name") == "stdout"]
