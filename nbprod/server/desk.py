"""The process that answers questions about a project: it reads, and runs no code of a user.

Started by `nbprod.server.worker` and ended with it; one line of JSON in, one out. What a question
imports (pandas, DuckDB, the analysis of notebooks) stays out of the Jupyter server.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import NbprodError, NotFoundError, http_status
from nbprod.lifecycle.project import Project
from nbprod.server.requests import plain

if TYPE_CHECKING:
    from collections.abc import Callable

_MEMORY = 6 * 1024**3  # address space of one desk: a notebook that asks for more gets an error


# ---------------------------------------------------------------- questions without a project


def inspect(*, path: str, cells: list[dict[str, Any]], label: str) -> Any:
    """See `inspect_cells`."""
    from nbprod.lifecycle.live import inspect_cells

    return inspect_cells(path, cells, label=label or _label_of(path))


def ready() -> Any:
    """Have what the next questions import."""
    import nbprod.extraction
    import nbprod.lifecycle.standing

    return [nbprod.extraction.__name__, nbprod.lifecycle.standing.__name__]


def proposals(*, path: str, cells: list[dict[str, Any]]) -> Any:
    """The role that each cell looks like."""
    from nbprod.lifecycle.live import proposed_roles

    return {"proposals": proposed_roles(path, cells, label=_label_of(path))}


def create(
    *, place: str, notebook: str, name: str | None, owner: str | None, label: str | None
) -> Any:
    """A project around a notebook that stays as it is; the proposed roles are given back."""
    from nbprod.lifecycle.live import role_changes
    from nbprod.lifecycle.scaffold import scaffold

    made = scaffold(
        place,
        notebook=notebook,
        name=name,
        owner=owner,
        label=label,
        tag_cells=False,
        progress=lambda *_: None,
    )
    return {"path": made.path, "files": made.files, "proposals": role_changes(made.proposals)}


def _label_of(path: str) -> str:
    """The label column of the project around a notebook; "" where there is no sound one."""
    for folder in Path(path).parents:
        if (folder / "nbprod.toml").is_file():
            try:
                return Project.load(folder).settings.data.label
            except NbprodError:
                return ""
    return ""


# ---------------------------------------------------------------- questions about a project


def standing(project: Project) -> Any:
    """Where the project stands."""
    return project.standing()


def settings(project: Project) -> Any:
    """Every value of the settings."""
    return {"settings": project.configuration().values}


def preview(project: Project, *, path: str, cells: list[dict[str, Any]]) -> Any:
    """The module that the cells would become."""
    from nbprod.lifecycle.live import preview_cells

    return preview_cells(project, path, cells)


def records(project: Project, *, collection: str, limit: int) -> Any:
    """The newest records of a collection in short."""
    from nbprod.lifecycle.catalogue import list_records

    return {"records": list_records(project, collection, limit=limit)}


def record(project: Project, *, collection: str, record_id: str) -> Any:
    """One record."""
    from nbprod.lifecycle.catalogue import load_record

    return load_record(project, collection, record_id)


def report(project: Project, *, collection: str, record_id: str) -> Any:
    """One record's page."""
    from nbprod.lifecycle.catalogue import report_page

    return report_page(project, collection, record_id)


def review(project: Project, *, run_id: str) -> Any:
    """The page of sample predictions that a gate left for the reviewer."""
    from nbprod.lifecycle.catalogue import kept_review

    return kept_review(project, run_id)


def deployment(project: Project, *, name: str) -> Any:
    """The deployment as it says it is; as last seen where it does not answer."""
    from nbprod.lifecycle import deployments

    check_name(project, name=name)
    known = deployments.load(project)
    if known is None or known.status != "running":
        return {"deployment": known, "reachable": False, "trouble": "it is not running"}
    try:
        return {"deployment": project.status(), "reachable": True, "trouble": ""}
    except NbprodError as error:
        return {"deployment": known, "reachable": False, "trouble": error.message}


def check_name(project: Project, *, name: str) -> Any:
    """Whether a deployment of this name belongs to the project."""
    if name != project.settings.model.name:
        raise NotFoundError(
            f"this project has no deployment {name!r}",
            hint=f"its deployment is called {project.settings.model.name}",
        )
    return {}


def board(project: Project) -> Any:
    """The health board."""
    return project.board()


def acknowledge(project: Project, *, alert_id: str, by: str, note: str) -> Any:
    """Somebody has seen an alert."""
    return project.acknowledge(alert_id, by=by, note=note)


def predictions(project: Project, **conditions: Any) -> Any:
    """Records of the log."""
    return {"predictions": project.predictions(**conditions)}


def why(project: Project, *, prediction_id: str) -> Any:
    """One prediction reconstructed."""
    return project.why(prediction_id)


def window_notebook(project: Project, *, start: str | None, end: str | None) -> Any:
    """A notebook with a window's data loaded."""
    from nbprod.lifecycle.window_notebook import write_window_notebook

    return {"path": str(write_window_notebook(project, start=start, end=end))}


_FREE: dict[str, Callable[..., Any]] = {f.__name__: f for f in (inspect, proposals, create, ready)}
_OF_PROJECT: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        *(standing, settings, preview, records, record, report, review, deployment, check_name),
        *(board, acknowledge, predictions, why, window_notebook),
    )
}


def answer(question: str, folder: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What comes of a question: {"result": …}, or {"error": …, "status": …}."""
    try:
        if question in _FREE:
            return {"result": plain(_FREE[question](**arguments))}
        return {"result": plain(_OF_PROJECT[question](Project.load(folder), **arguments))}
    except NbprodError as error:
        return {"error": error.to_json(), "status": http_status(error)}
    except (MemoryError, RecursionError) as error:
        told = {
            "type": "NotebookError",
            "message": f"the cells are too much to be looked at ({type(error).__name__})",
            "hint": "split the notebook, or take very deeply nested code out of it",
        }
        return {"error": told, "status": 422}
    except Exception:  # noqa: BLE001 - the border: the server answers 500, its log has the traceback
        return {"crash": traceback.format_exc()}


def main() -> None:
    """Answer until the server closes the pipe."""
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints is no answer
    for line in sys.stdin.buffer:
        request = json.loads(line)
        told = answer(request["question"], request["folder"], request["arguments"])
        out.write(json.dumps(told, default=str).encode() + b"\n")
        out.flush()


if __name__ == "__main__":
    main()
