"""Ending exactly what belongs to an engine: by the marker its processes carry, never by name."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from nbprod.engine.description import FILE, MARKER, Engine
from nbprod.engine.joining import disconnect, is_client_of
from nbprod.engine.waiting import until
from nbprod.errors import ServingError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TERM_S, _KILL_S = 2.0, 5.0


def end_engine(engine: Engine) -> None:
    """End exactly the engine's processes and remove its traces; ServingError if one stays.

    An engine that nbprod did not start is only disconnected from.
    """
    if is_client_of(engine):
        disconnect()
    if not engine.local:
        return
    _end(engine.id, engine.pid)
    if left := engine_processes(engine.id):
        raise ServingError(
            f"{len(left)} processes of engine {engine.id} are still there: "
            + ", ".join(str(process.pid) for process in left),
            hint="they belong to this engine alone: end them by these ids",
        )
    shutil.rmtree(engine.temp_path, ignore_errors=True)
    for file in (FILE, "token"):
        Path(engine.folder, file).unlink(missing_ok=True)


def engine_processes(engine_id: str) -> list[psutil.Process]:
    """The live processes whose environment carries this engine's marker."""
    return processes(MARKER, engine_id)


def processes(marker: str, value: str) -> list[psutil.Process]:
    """The live processes that were started with ``marker=value`` in their environment.

    Only processes that this user may look into are seen.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get(marker) == value:
                found.append(process)
    return found


def _end(engine_id: str, pid: int) -> None:
    """TERM, then KILL, until no process of the engine is left or the time is up."""
    for terminate, limit_s in ((True, _TERM_S), (False, _KILL_S)):
        for _ in until(limit_s):
            members = _members(engine_id, pid)
            if not members:
                return
            _signal(members, terminate=terminate)
            psutil.wait_procs(members, timeout=0.5)


def _members(engine_id: str, pid: int) -> list[psutil.Process]:
    """The marked processes, and the children of the first while it is one of them."""
    marked = {process.pid: process for process in engine_processes(engine_id)}
    if pid in marked:
        with contextlib.suppress(psutil.Error):
            for child in marked[pid].children(recursive=True):
                marked.setdefault(child.pid, child)
    return list(marked.values())


def _signal(members: Iterable[psutil.Process], *, terminate: bool) -> None:
    for process in members:
        with contextlib.suppress(psutil.Error):
            if terminate:
                process.terminate()
            else:
                process.kill()
