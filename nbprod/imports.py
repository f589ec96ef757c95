"""What is left out before a heavy dependency is imported: parts that cost seconds and serve nobody.

``jsonschema`` imports ``rfc3987_syntax`` wherever JupyterLab has installed it, and that package
parses a grammar when it is imported: more than two seconds for every process that imports Ray,
nbformat or papermill, so that one format nobody here uses, "iri", could be checked.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

_LEFT_OUT = ("rfc3987_syntax",)
# What every worker of a serving engine imports before it is one, seconds of a core each time.
_WORKERS_IMPORT = ("ray", "ray.serve._private.replica", "nbprod.serving.replicas")
# Before all that, at the process's own priority: these start threads that live as long as it does.
_STARTS_THREADS = ("numpy", "pyarrow")
_NICENESS, _BUSY_NICENESS = 10, 2
_BUSY = 2.0  # the load of a core
_ROOM, _LOOKED_S = 0.1, 0.05  # of the machine's time nobody used, and how long that is looked at
_LONGEST_IN_IDLE_TIME_S = 10.0  # by then others have come who leave none
# Python runs a module of this name before all else; the environment's own comes after it.
_START = """\
import importlib.machinery, importlib.util, os, sys

script = next((os.path.basename(part) for part in sys.orig_argv if part.endswith(".py")), "")
if script in ("setup_worker.py", "default_worker.py"):
    try:
        from nbprod.imports import import_behind_others
    except ImportError:
        pass
    else:
        import_behind_others(engine_alone=script == "setup_worker.py")
others = [path for path in sys.path if path != os.path.dirname(__file__)]
spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
if spec and spec.loader:
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""
Made = TypeVar("Made")


def behind_others(work: Callable[[], Made], *, in_idle_time: bool = False) -> Made:
    """What ``work`` gives, computed at low priority: processes that answer requests go first.

    A process that raises its niceness cannot lower it again; but Linux has one for each thread,
    so a thread works, and then it is gone. Where others keep the machine busy, standing behind
    all of them would take minutes.
    in_idle_time: only while nobody else wants the processor, as long as there is such time now,
    for ten seconds at most. Whoever wakes then never waits, not even for the end of a slice,
    which niceness makes it do. Only for what leaves no thread behind: one could never come back
    from there.
    """
    thread: list[int] = []

    def behind() -> Made:
        if sys.platform == "linux":
            busy = os.getloadavg()[0] > _BUSY * (os.cpu_count() or 1)
            niceness = _BUSY_NICENESS if busy else _NICENESS
            own = os.getpriority(os.PRIO_PROCESS, 0)  # of this thread; it may be behind already
            os.setpriority(os.PRIO_PROCESS, 0, max(own, niceness))
            if in_idle_time and _has_room() and _may_come_back():
                os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
                thread.append(threading.get_native_id())
        return work()

    with ThreadPoolExecutor(1) as pool:
        made = pool.submit(behind)
        if in_idle_time and not wait([made], timeout=_LONGEST_IN_IDLE_TIME_S).done and thread:
            with contextlib.suppress(ProcessLookupError):  # it has just come to its end
                os.sched_setscheduler(thread[0], os.SCHED_OTHER, os.sched_param(0))
        return made.result()


def _may_come_back() -> bool:
    """Whether this user may call a thread back from idle time; tried on one that does nothing.

    Linux asks for a privilege, or for RLIMIT_NICE (sched(7)).
    """

    def tried() -> bool:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        try:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        except PermissionError:
            return False
        return True

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(tried).result()


def _has_room() -> bool:
    """Whether the machine has processor time that nobody uses at this moment."""
    before = _processor_time()
    time.sleep(_LOOKED_S)
    unused, passed = (now - then for now, then in zip(_processor_time(), before, strict=True))
    return unused > _ROOM * passed


def _processor_time() -> tuple[int, int]:
    """Ticks that nobody used, and all of them, since the machine started (proc_stat(5))."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(one) for one in file.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def import_behind_others(*, engine_alone: bool) -> None:
    """Import what a worker of the engine needs, at low priority; a failure is told by its user.

    engine_alone: only what starts the worker, which is itself another process.
    """
    if not engine_alone:
        _import(_STARTS_THREADS)
    needed = _WORKERS_IMPORT[:1] if engine_alone else _WORKERS_IMPORT
    behind_others(lambda: _import(needed), in_idle_time=True)


def _import(names: Iterable[str]) -> None:
    with contextlib.suppress(Exception):  # whoever needs it imports it again, and is told
        for name in names:
            importlib.import_module(name)


def leave_out_slow_imports() -> None:
    """Make importing those parts fail in this process, as if they were not installed."""
    for name in _LEFT_OUT:
        # None is Python's own word for "cannot be imported".
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


def write_left_out(folder: Path) -> Path:
    """Write modules that fail on import to a folder, for the ``PYTHONPATH`` of other processes.

    Beside them lies what lets Ray's workers start behind the processes that answer requests.
    """
    folder.mkdir()
    for name in _LEFT_OUT:
        text = 'raise ImportError("left out by nbprod: it takes seconds to import")\n'
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "sitecustomize.py").write_text(_START, encoding="utf-8")
    return folder
