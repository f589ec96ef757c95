"""The jobs of a proof: the tagged cells, the module, the inline tests; each in its own process.

The cells' process writes what they leave, the module's process writes what it computes and lays
both side by side. They meet in a private folder, in JSON and npy: see
``extraction.proof.encoding``.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.config import Settings
from nbprod.data import frames, sources
from nbprod.errors import MissingDependencyError
from nbprod.predictor.modules import load_package

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.records import Json, Progress

_CELLS = "cells.json"
_SEED = 0  # of the global generators in both runs: what a notebook leaves to chance


def proof_cells(
    *,
    settings: Mapping[str, Any],
    plan: Json,
    cells: list[Json],
    folder: str,
    progress: Progress,
) -> Json:
    """Run the tagged cells and write what they leave into a folder: {"duration_s": ...}."""
    from nbprod.extraction.proof import Encoder, Plan, run_cells
    from nbprod.notebook.document import Cell, Document
    from nbprod.training.environment import set_seeds

    project = Settings.from_json(settings)
    start = time.perf_counter()
    # as the parent read them: the notebook may be saved meanwhile
    told_cells = tuple(Cell(**{**cell, "tags": tuple(cell["tags"])}) for cell in cells)
    told = run_cells(
        Document(project.path(project.notebooks.train), told_cells, digest=""),
        Plan.from_json(plan),
        Encoder(Path(folder)),
        notebook=project.notebooks.train,
        seeded=lambda: set_seeds(_SEED),
        progress=progress,
    )
    frames.write_text(Path(folder, _CELLS), json.dumps(told))
    return {"duration_s": round(time.perf_counter() - start, 3)}


def proof_module(
    *, settings: Mapping[str, Any], plan: Json, version: str, folder: str, progress: Progress
) -> Json:
    """Walk the module and compare: {"values", "findings", "duration_s"} as plain data."""
    from nbprod.extraction.proof import Encoder, Plan, Walk, compare_runs
    from nbprod.training.environment import set_seeds

    project = Settings.from_json(settings)
    start = time.perf_counter()
    package = load_package(project.package_path, version)
    label = project.data.label or project.model.outcome
    hidden = {*project.not_inputs, label} - {""}
    wanted = Plan.from_json(plan)
    walk = Walk(
        package,
        wanted,
        Encoder(Path(folder), ("__main__", package.name)),
        label=label,
        hidden=hidden,
        load=lambda: sources.load_frame(
            project.data.train, base=project.project_path, query=project.data.query
        ),
    )
    told = walk.run(seeded=lambda: set_seeds(_SEED), progress=progress)
    cells = json.loads(Path(folder, _CELLS).read_text(encoding="utf-8"))
    values, findings = compare_runs(
        wanted,
        cells,
        told,
        folder=Path(folder),
        tolerance=project.parity.tolerance,
        hidden=hidden,
    )
    return {
        "values": [value.to_json() for value in values],
        "findings": [item.to_json() for item in findings],
        "duration_s": round(time.perf_counter() - start, 3),
    }


def inline_tests(*, settings: Mapping[str, Any], progress: Progress) -> Json:
    """Run the package's tests by pytest: {"status", "counts": {outcome: n}, "failures": [...]}.

    A failure is {"test", "message", "file", "line", "outcome"}, its file relative to the package.
    """
    project = Settings.from_json(settings)
    try:
        import pytest
    except ImportError as error:
        raise MissingDependencyError(
            "pytest is not installed, so the notebook's own tests were not run",
            hint="pip install pytest",
        ) from error
    progress("running the notebook's own tests", None)
    seen = _Seen(project.package_path)
    folder = project.package_path / "tests"
    # the project's own options (parallel runs, coverage) are for its own tests
    options = ["-q", "-p", "no:cacheprovider", "-o", "addopts="]
    options.append(f"--rootdir={project.project_path}")
    status = int(pytest.main([*options, str(folder)], plugins=[seen]))
    return {"status": status, "counts": seen.counts, "failures": seen.failures}


class _Seen:
    """A pytest plugin that notes what came of each test."""

    def __init__(self, package: Path) -> None:
        self.package = package.resolve()
        self.counts: dict[str, int] = {}
        self.failures: list[Json] = []

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Count each test once: its call, or the set-up that kept it from being called."""
        if report.when == "call" or (report.outcome != "passed" and report.when == "setup"):
            self.counts[report.outcome] = self.counts.get(report.outcome, 0) + 1
        elif report.outcome == "failed":
            self.counts["error"] = self.counts.get("error", 0) + 1
        if report.outcome == "failed":
            self._failed(report)

    def pytest_collectreport(self, report: Any) -> None:
        """A file that cannot be imported is a failure of all that it holds."""
        if report.outcome == "failed":
            self.counts["error"] = self.counts.get("error", 0) + 1
            self._failed(report)

    def _failed(self, report: Any) -> None:
        crash = getattr(report.longrepr, "reprcrash", None)
        text = crash.message if crash else str(report.longrepr)
        told = [line[1:].strip() for line in text.splitlines() if line.startswith("E ")]
        file, line = self._place(report)
        self.failures.append(
            {
                "test": str(report.nodeid).rpartition("::")[2],
                "message": told[0] if told else text.strip().partition("\n")[0],
                "file": file,
                "line": line,
            }
        )

    def _place(self, report: Any) -> tuple[str, int]:
        """The deepest line of the traceback in the tests, else in the module, else ("", 0)."""
        found: list[tuple[str, int]] = []
        for entry in getattr(getattr(report.longrepr, "reprtraceback", None), "reprentries", []):
            place = getattr(entry, "reprfileloc", None)
            path = Path(Path.cwd(), str(getattr(place, "path", "")))
            if place is not None and path.is_relative_to(self.package):
                found.append((path.relative_to(self.package).as_posix(), int(place.lineno)))
        in_tests = [place for place in found if place[0].startswith("tests/test_")]
        return (in_tests or found or [("", 0)])[-1]
