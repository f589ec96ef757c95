"""``train --notebook``: the training notebook run by papermill beside the module, and compared."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.lifecycle.lineage import hash_seed
from nbprod.lifecycle.workbench import training_notebook
from nbprod.records import Finding, ReproducedStep
from nbprod.training.notebook_values import compare_values, keeping_cell, seeding_cell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from nbprod.lifecycle.project import Project

_DIFFERENT = "NBS035"


@dataclass(frozen=True)
class NotebookRun:
    """An executed notebook: which of its values were kept, and where."""

    folder: Path
    names: dict[str, str]  # role -> the notebook's name for it

    def compared(self, data: Path) -> tuple[ReproducedStep, ...]:
        """Its features and predictions beside those of a run's ``data/``."""
        if self.names:
            return compare_values(self.folder, data, self.names)
        reason = "no cell of the notebook leaves features or predictions under a name"
        return (ReproducedStep(name="notebook", verdict="not compared", reason=reason),)


@contextmanager
def executed_notebook(
    project: Project, parameters: Mapping[str, Any], *, seed: int, out: Path
) -> Iterator[NotebookRun]:
    """The training notebook executed with a run's parameters and seed; its copy kept in ``out``.

    Before the module trains: a notebook that raises registers no candidate. Raises what
    `execute_notebook` raises.
    """
    from nbprod.notebook.execution import execute_notebook

    path = training_notebook(project)
    names = _names(project, path)
    project.progress(f"executing {path.name} with the same parameters", None)
    with tempfile.TemporaryDirectory(prefix="nbprod-notebook-") as folder:
        execute_notebook(
            path,
            (out / path.name).with_suffix(".ipynb"),
            parameters=dict(parameters),
            cwd=Path(project.settings.project_path),
            environ={"PYTHONHASHSEED": hash_seed(seed), "MPLBACKEND": "Agg"},
            progress=project.progress,
            before=seeding_cell(seed),
            after=keeping_cell(Path(folder), names) if names else "",
        )
        yield NotebookRun(Path(folder), names)


def notebook_findings(steps: tuple[ReproducedStep, ...], notebook: str) -> list[Finding]:
    """An error for each value that the notebook and the module do not agree on."""
    return [
        Finding(
            code=_DIFFERENT,
            severity="error",
            message=f"notebook and module disagree on {step.name}: {step.reason}",
            hint="`nbprod extract --prove` compares every value, and names the first cell that "
            "differs",
            notebook=notebook,
        )
        for step in steps
        if step.verdict == "different"
    ]


def _names(project: Project, path: Path) -> dict[str, str]:
    """Role -> the notebook's own name for it, of what a run keeps, too."""
    from nbprod.extraction.proof.planning import plan_of
    from nbprod.notebook.document import read_notebook

    plan = plan_of(read_notebook(path), project.settings.data.label)
    found = {}
    for value in plan.values:
        if value.unclear or not value.name.isidentifier():
            continue
        if value.role == "features" and value.rows == "train":
            found["features"] = value.name
        elif value.role == "predictions" and plan.predicted == "holdout":
            found["predictions"] = value.name
    return found
