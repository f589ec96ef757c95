"""What a gate adds to bare papermill of the same notebook, and what two notebooks at once save.

Both claims are ratios within one run: the gate's whole way (notebook, judgement, masking, reports)
over papermill alone with the same parameters; two notebooks side by side over one after the other.
The negative controls run once per gate digest and are timed apart.
"""

from __future__ import annotations

import os
import statistics
import time
from typing import TYPE_CHECKING

import pytest
from gate_project import TinyProject, make_bundle, rows

from nbprod.gates.builtin import notebook_path, project_parameters
from nbprod.gates.notebook_gate import NotebookGate
from nbprod.gates.thresholds import GateRules
from nbprod.notebook.runnable import parameter_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS = 3
ROWS = 20_000
NAME = "nbprod:performance"
OVERHEAD, PARALLEL = 1.15, 0.65


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> TinyProject:
    """Twenty thousand held-out rows and a real bundle."""
    folder = tmp_path_factory.mktemp("gates")
    rows(ROWS).to_parquet(folder / "holdout.parquet")
    return TinyProject(folder, make_bundle(folder / "good"), folder / "holdout.parquet")


def seconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def bare(project: TinyProject, out: Path) -> None:
    """Papermill alone: the same notebook, parameters, kernel environment."""
    import papermill

    settings = project.settings(gates=(NAME,))
    path = notebook_path(settings, NAME)
    given = {
        **project_parameters(settings),
        "candidate": str(project.bundle.folder),
        "snapshot": str(project.holdout),
        "training": "",
        "baseline": "",
        "thresholds": {},
    }
    known = parameter_names(path)
    papermill.execute_notebook(
        str(path),
        str(out),
        parameters={name: value for name, value in given.items() if name in known},
        kernel_name="python3",
        progress_bar=False,
        cwd=str(project.folder),
    )


def test_a_gate_over_bare_papermill(
    project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 1.15 times the notebook alone, once its negative controls are known."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")  # what the gate gives its kernels here
    cache = tmp_path / "cache"
    first = project.gate(gates=(NAME,), cache=cache)
    assert first.passed, first.findings
    pairs = [
        (
            seconds(lambda: bare(project, tmp_path / "bare.ipynb")),
            seconds(lambda: project.gate(gates=(NAME,), cache=cache)),
        )
        for _ in range(ROUNDS)
    ]
    alone, gated = (statistics.median(times) for times in zip(*pairs, strict=True))
    ratio = statistics.median(b / a for a, b in pairs)
    print(
        f"\npapermill {alone:.2f} s, gate {gated:.2f} s: x{ratio:.2f} (at most {OVERHEAD}); "
        f"negative controls, once: {first.durations_s['sabotage']:.2f} s"
    )
    assert ratio <= OVERHEAD


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="needs two cores")
def test_two_at_once_over_one_after_the_other(
    project: TinyProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most 0.65 of the time, on two cores."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in ("one", "two"):
        copy = project.folder / "gates" / f"{name}.ipynb"
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(notebook_path(project.settings(), NAME).read_bytes())
    settings = project.settings()
    jobs = [("gates/one.ipynb", ""), ("gates/two.ipynb", "")]

    def run(parallel: int) -> float:
        gate = NotebookGate(
            settings,
            GateRules.of(settings),
            project.bundle.folder,
            None,
            project.holdout,
            tmp_path / f"out{parallel}",
            parallel=parallel,
        )
        return seconds(lambda: runs.extend(gate.run(jobs)))

    runs: list = []
    run(2)  # caches of the machine
    pairs = [(run(1), run(2)) for _ in range(ROUNDS)]
    assert all(item.error is None and item.measured for item in runs)
    ratio = statistics.median(b / a for a, b in pairs)
    one, two = (statistics.median(times) for times in zip(*pairs, strict=True))
    print(
        f"\none after the other {one:.2f} s, two at once {two:.2f} s: x{ratio:.2f} (at most {PARALLEL})"
    )
    assert ratio <= PARALLEL
