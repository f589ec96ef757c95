"""What is left out before a heavy dependency is imported: parts that cost seconds and serve nobody.

``jsonschema`` imports ``rfc3987_syntax`` wherever JupyterLab has installed it, and that package
parses a grammar when it is imported: more than two seconds for every process that imports Ray,
nbformat or papermill, so that one format nobody here uses, "iri", could be checked.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_LEFT_OUT = ("rfc3987_syntax",)
# What every worker of a serving engine imports before it is one, seconds of a core each time.
_WORKERS_IMPORT = ("ray", "ray.serve._private.replica", "nbprod.serving.replicas")
_BUSY = 2.0  # the load of a core
# Python runs a module of this name before all else. A process that raises its niceness can not
# lower it again; but Linux has one for each thread, so a thread imports, and then it is gone. Where
# others keep the machine busy, standing behind all of them would take minutes.
_START = f"""\
import importlib.machinery, importlib.util, os, sys, threading

def behind_others():
    busy = os.getloadavg()[0] > {_BUSY} * os.cpu_count()
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 2 if busy else 10)
    try:
        for name in {_WORKERS_IMPORT}[:1 if script == "setup_worker.py" else None]:
            importlib.import_module(name)
    except Exception:
        pass  # whoever needs it imports it again, and is told

script = next((os.path.basename(part) for part in sys.orig_argv if part.endswith(".py")), "")
if sys.platform == "linux" and script in ("setup_worker.py", "default_worker.py"):
    thread = threading.Thread(target=behind_others)
    thread.start()
    thread.join()
others = [path for path in sys.path if path != os.path.dirname(__file__)]
spec = importlib.machinery.PathFinder.find_spec("sitecustomize", others)
if spec and spec.loader:  # the environment's own
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
"""


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
