"""Fresh processes for the bank, kept: starting one for each transform would take minutes."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import cloudpickle
import pandas as pd

from nbprod.parity.calls import Raised
from parity_bank import MODULES, orders


class Processes:
    """Fresh processes, one for each environment, that transform what they are sent by value.

    Starting Python and pandas for each of the bank's transforms would take minutes.
    """

    CODE = """
import sys
from nbprod.parity.fresh_process import main
answers, sys.stdout = sys.stdout, sys.stderr  # a transform may print
for line in sys.stdin:
    main(line.strip())
    print("done", file=answers, flush=True)
"""

    def __init__(self, folder) -> None:
        self.folder, self.started, self.lock = folder, {}, threading.Lock()

    def rerun(self, transform, state):
        """What `check_parity` takes as rerun, for one transform as it is now."""
        for module in (*MODULES, orders):
            cloudpickle.register_pickle_by_value(module)
        content = cloudpickle.dumps((transform, state))
        for module in (*MODULES, orders):
            cloudpickle.unregister_pickle_by_value(module)

        def rerun(frame, environ):
            folder = Path(tempfile.mkdtemp(dir=self.folder))
            (folder / "call").write_bytes(content)
            frame.to_pickle(folder / "rows")
            with self.lock:  # several environments are asked at once
                process = self._process(environ)
                process.stdin.write(f"{folder}\n")
                process.stdin.flush()
                assert process.stdout.readline() == "done\n"
            if (folder / "raised").exists():
                raise Raised((folder / "raised").read_text())
            return pd.read_pickle(folder / "features")

        return rerun

    def _process(self, environ):
        key = tuple(sorted(environ.items()))
        if key not in self.started:
            path = os.pathsep.join(part or os.getcwd() for part in sys.path)
            self.started[key] = subprocess.Popen(
                [sys.executable, "-c", self.CODE],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, "PYTHONPATH": path, **environ},
            )
        return self.started[key]

    def end(self) -> None:
        """End every process that was started."""
        for process in self.started.values():
            process.communicate(timeout=30)
