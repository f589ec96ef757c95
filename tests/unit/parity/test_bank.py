"""The bank: each skewed transform is caught under its own code, and no clean one is flagged.

Each skewed transform has one bug that real notebooks and services had. The clean ones look
suspicious (caches, clocks for logging, sets, groupbys on the state) and compute the same
features for a row wherever it comes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import cloudpickle
import pandas as pd
import pytest
from parity_bank import CLEAN, MODULES, SKEWED, Case, flights, orders

from nbprod.parity import check_parity
from nbprod.parity.calls import Raised


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


@pytest.fixture(scope="module")
def processes(tmp_path_factory):
    """Fresh processes for the module's tests, ended with it."""
    made = Processes(tmp_path_factory.mktemp("processes"))
    yield made
    made.end()


def _check(case: Case, processes):
    arguments = case.prepared()
    rerun = processes.rerun(case.transform, arguments["state"])
    return check_parity(case.transform, rerun=rerun, **arguments)


def _name(case):
    return case.name


def test_the_bank_is_large_enough():
    """At least sixty transforms, about a third of them clean."""
    assert len(SKEWED) + len(CLEAN) >= 60
    assert 0.25 < len(CLEAN) / (len(SKEWED) + len(CLEAN)) < 0.5


@pytest.mark.parametrize("case", SKEWED, ids=_name)
def test_each_skewed_transform_is_caught_by_its_code(case, processes):
    """Every seeded skew bug is found, under its own code and no other."""
    report = _check(case, processes)

    errors = [finding for finding in report.findings if finding.severity == "error"]
    assert {finding.code for finding in errors} == {case.code}, [
        finding.message for finding in report.findings
    ]
    assert not report.passed


@pytest.mark.parametrize("case", CLEAN, ids=_name)
def test_no_clean_transform_is_flagged(case, processes):
    """A transform that only looks suspicious passes; it prints, or may not know every text."""
    report = _check(case, processes)

    errors = [f.message for f in report.findings if f.severity == "error"]
    assert errors == []
    assert report.passed, [relation for relation in report.relations if not relation.passed]


@pytest.mark.parametrize(
    ("transform", "codes"),
    [(flights.column_set, {"NBP008"}), (flights.plain, set()), (flights.global_codes, {"NBP005"})],
)
def test_a_notebook_needs_no_rerun(transform, codes):
    """Without `rerun` the transform goes to fresh processes by value, and is judged the same."""
    report = check_parity(transform, rows=flights.rows(), state=flights.State())

    assert {finding.code for finding in report.findings} == codes
    assert next(r for r in report.relations if r.name == "environment").checked
    assert report.passed is (not codes)
