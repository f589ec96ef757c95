"""Parts of heavy dependencies that are left out cost nothing and break nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from nbprod import imports
from nbprod.imports import write_left_out

if TYPE_CHECKING:
    from pathlib import Path

CHECK = """
import sys
import jsonschema
import nbformat
assert not hasattr(sys.modules.get("rfc3987_syntax"), "is_valid_syntax")
jsonschema.validate({"a": "2013-01-01"}, {"properties": {"a": {"format": "date"}}})
nbformat.validate(nbformat.v4.new_notebook())
"""


def _python(code: str, **environ: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, **environ})


def test_this_process_validates_without_them() -> None:
    """What needs jsonschema works where the part was never imported."""
    _python("from nbprod.imports import leave_out_slow_imports as leave\nleave()\n" + CHECK)


def test_other_processes_find_a_stand_in_that_fails(tmp_path: Path) -> None:
    """Through PYTHONPATH the same holds for processes that others start."""
    _python(CHECK, PYTHONPATH=str(write_left_out(tmp_path / "left-out")))


def test_a_worker_of_the_engine_imports_behind_others(tmp_path: Path) -> None:
    """Its libraries are there before its script runs, whose own thread kept its priority."""
    folder = write_left_out(tmp_path / "left-out")
    own = tmp_path / "own"
    own.mkdir()
    (own / "sitecustomize.py").write_text("import builtins\nbuiltins.own = True\n")
    script = tmp_path / "setup_worker.py"
    script.write_text(
        "import builtins, os, sys\n"
        "print('ray' in sys.modules, os.getpriority(os.PRIO_PROCESS, 0), builtins.own)\n"
    )
    other = tmp_path / "other.py"
    other.write_text(script.read_text())
    path = os.pathsep.join(map(str, (folder, own)))
    told = [
        subprocess.run(
            [sys.executable, str(one)],
            check=True,
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": path},
        ).stdout.split()
        for one in (script, other)
    ]
    here = str(os.getpriority(os.PRIO_PROCESS, 0))
    assert told == [[str(sys.platform == "linux"), here, "True"], ["False", here, "True"]]


@pytest.mark.skipif(sys.platform != "linux", reason="a thread has a priority of its own on Linux")
@pytest.mark.parametrize("busy", [True, False])
@pytest.mark.parametrize(("room", "back"), [(True, True), (True, False), (False, True)])
def test_work_goes_into_idle_time_only_where_there_is_some(
    monkeypatch: pytest.MonkeyPatch, room: bool, back: bool, busy: bool
) -> None:
    """Elsewhere, or with no way back, it might never be done; who asked keeps its priority."""
    monkeypatch.setattr(os, "getloadavg", lambda: (99.0 if busy else 0.0, 0.0, 0.0))
    monkeypatch.setattr(imports, "_has_room", lambda: room)
    monkeypatch.setattr(imports, "_may_come_back", lambda: back)

    def told() -> tuple[int, int]:
        return os.sched_getscheduler(0), os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    here = told()
    policy, niceness = imports.behind_others(told, in_idle_time=True)
    assert (policy == os.SCHED_IDLE) is (room and back)
    assert niceness == max(here[1], 2 if busy else 10)
    assert told() == here


@pytest.mark.skipif(
    sys.platform != "linux" or not imports._may_come_back(), reason="needs the privilege to do so"
)
def test_work_is_called_back_from_idle_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """There may be none left: then it goes on, behind others, as where there never was any."""
    monkeypatch.setattr(imports, "_has_room", lambda: True)
    monkeypatch.setattr(imports, "_LONGEST_IN_IDLE_TIME_S", 0.2)

    def until_called_back() -> int:
        assert os.sched_getscheduler(0) == os.SCHED_IDLE
        deadline = time.monotonic() + 60
        while os.sched_getscheduler(0) == os.SCHED_IDLE and time.monotonic() < deadline:
            time.sleep(0.05)
        return os.sched_getscheduler(0)

    assert imports.behind_others(until_called_back, in_idle_time=True) == os.SCHED_OTHER


@pytest.mark.skipif(sys.platform != "linux", reason="it is told by /proc")
def test_there_is_no_room_where_every_processor_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine tenths used are too many."""
    for unused, expected in ((89, True), (9, False)):
        seen = iter([(1000, 5000), (1000 + unused, 5100)])
        monkeypatch.setattr(imports, "_processor_time", lambda seen=seen: next(seen))
        assert imports._has_room() is expected
