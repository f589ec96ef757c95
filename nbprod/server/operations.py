"""What each route does: confine the path, ask a desk or start a job, shape the answer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.server import paths
from nbprod.server.problems import RefusedError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nbprod.server.requests import Call

API = 1
MOST_CELLS = 5000
_MOST_WAIT_S = 25.0
_ID = re.compile(r"[0-9a-f]{24}")


# ---------------------------------------------------------------- server, project


async def document(_: Call) -> Any:
    """This document."""
    return json.loads(Path(__file__).with_name("openapi.json").read_text(encoding="utf-8"))


async def status(call: Call) -> Any:
    """The extension itself: the front end asks this first."""
    from nbprod import __version__
    from nbprod.lifecycle.live import roles

    call.services.warm_up()
    jobs = call.services.jobs
    return {
        "version": __version__,
        "api": API,
        "roles": roles(),
        "max_running": jobs.most_running,
        "max_waiting": jobs.most_waiting,
    }


async def project(call: Call) -> Any:
    """The project that a notebook or folder lies in, and where it stands."""
    root = call.services.root
    folder = paths.project_folder(root, call.query.get("path", ""))
    told = await call.services.desk.ask("standing", str(folder))
    place = paths.relative(root, folder)
    notebook = f"{place}/{told['notebook']}" if place else told["notebook"]
    return {**told, "path": place, "notebook": notebook}


async def create_project(call: Call) -> Any:
    """A project around a notebook, in its folder or one above it."""
    root = call.services.root
    notebook = paths.confined(root, call.body.notebook)
    given = call.body.folder
    folder = notebook.parent if given is None else paths.confined(root, given)
    if not notebook.is_relative_to(folder):
        raise RefusedError(
            422,
            f"{call.body.notebook} does not lie in {given or 'the root'}",
            hint="choose the notebook's own folder, or one above it",
        )
    options = {name: getattr(call.body, name) for name in ("name", "owner", "label")}
    made = await call.services.desk.ask(
        "create", place=str(folder), notebook=str(notebook), **options
    )
    return {**made, "path": paths.relative(root, folder)}


async def settings(call: Call) -> Any:
    """Every value of the settings with its origin."""
    return await call.ask("settings")


# ---------------------------------------------------------------- a notebook being edited


def _cells(call: Call) -> list[dict[str, Any]]:
    if len(call.body.cells) > MOST_CELLS:
        raise RefusedError(
            413, f"more than {MOST_CELLS:,} cells are not looked at", hint="split the notebook"
        )
    return [
        {
            "id": cell.id,
            "cell_type": cell.cell_type,
            "source": cell.source,
            "metadata": {"tags": list(cell.tags)},
            "execution_count": cell.execution_count,
        }
        for cell in call.body.cells
    ]


async def inspect(call: Call) -> Any:
    """Roles, data flow, findings and fixes of cells that need not be saved."""
    path = paths.confined(call.services.root, call.body.path)
    return await call.services.editor.ask(
        "inspect", path=str(path), cells=_cells(call), label=call.query.get("label", "")
    )


async def propose(call: Call) -> Any:
    """The role that each cell looks like."""
    path = paths.confined(call.services.root, call.body.path)
    return await call.services.editor.ask("proposals", path=str(path), cells=_cells(call))


async def preview(call: Call) -> Any:
    """The module that cells of the training notebook would become."""
    root = call.services.root
    folder = paths.project_folder(root, call.body.path)
    path = paths.confined(root, call.body.path)
    return await call.services.editor.ask(
        "preview", str(folder), path=str(path), cells=_cells(call)
    )


# ---------------------------------------------------------------- verbs and their jobs


def start(verb: str) -> Callable[[Call], Awaitable[Any]]:
    """The operation that starts a verb as a job."""

    async def operation(call: Call) -> Any:
        folder = call.folder()
        if name := call.path.get("name"):
            await call.ask("check_name", name=name)
        return call.services.jobs.start(
            verb,
            call.body,
            folder=folder,
            project=paths.relative(call.services.root, folder),
            by=call.user,
        )

    operation.__doc__ = f"`{verb}` as a job."
    return operation


async def list_jobs(call: Call) -> Any:
    """Every job; with ?since= not before something has changed, or ?wait_s= are over."""
    jobs = call.services.jobs
    if "since" in call.query:
        wait_s = call.number("wait_s", 20, int(_MOST_WAIT_S))
        await jobs.changed_since(call.number("since", 0, 2**53), wait_s)
    return {"jobs": jobs.all(), "revision": jobs.revision}


async def one_job(call: Call) -> Any:
    """One job, with its record once it is done."""
    return call.services.jobs.one(call.path["id"])


async def job_log(call: Call) -> Any:
    """What a job printed."""
    text, end, complete = call.services.jobs.log(call.path["id"], call.number("offset", 0, 2**53))
    return {"text": text, "next_offset": end, "complete": complete}


async def cancel_job(call: Call) -> Any:
    """End a job with all it started."""
    return await call.services.jobs.cancel(call.path["id"])


# ---------------------------------------------------------------- records and reports


def records_of(collection: str) -> Callable[[Call], Awaitable[Any]]:
    """The operation that lists a collection."""

    async def operation(call: Call) -> Any:
        limit = call.number("limit", 50, 500)
        return await call.ask("records", collection=collection, limit=limit)

    operation.__doc__ = f"The newest {collection} in short."
    return operation


def record_of(collection: str) -> Callable[[Call], Awaitable[Any]]:
    """The operation that gives one record of a collection."""

    async def operation(call: Call) -> Any:
        return await call.ask("record", collection=collection, record_id=call.path["id"])

    operation.__doc__ = f"One of the {collection}."
    return operation


def report_of(collection: str) -> Callable[[Call], Awaitable[Any]]:
    """The operation that gives the HTML report of one record."""

    async def operation(call: Call) -> Any:
        return await call.ask("report", collection=collection, record_id=call.path["id"])

    operation.__doc__ = f"The HTML report of one of the {collection}."
    return operation


async def review(call: Call) -> Any:
    """The page of sample predictions for whoever approves a run's candidate."""
    return await call.ask("review", run_id=call.path["id"])


async def deployment(call: Call) -> Any:
    """The deployment as it is now."""
    return await call.ask("deployment", name=call.path["name"])


# ---------------------------------------------------------------- health and the log


async def board(call: Call) -> Any:
    """The health board."""
    return await call.ask("board")


async def acknowledge(call: Call) -> Any:
    """Somebody has seen an alert."""
    by = call.body.by or call.user
    return await call.ask("acknowledge", alert_id=call.path["id"], by=by, note=call.body.note)


async def predictions(call: Call) -> Any:
    """Records of the prediction log, newest first."""
    given = {n: call.query[n] for n in ("since", "until", "release", "where") if call.query.get(n)}
    return await call.ask("predictions", limit=call.number("limit", 20, 1000), **given)


async def why(call: Call) -> Any:
    """One prediction reconstructed completely."""
    prediction_id = call.path["id"]
    if not _ID.fullmatch(prediction_id):
        raise RefusedError(
            404,
            f"{prediction_id!r} is no prediction's id",
            hint="24 hexadecimal characters, as the service answered them",
        )
    return await call.ask("why", prediction_id=prediction_id)


async def window_notebook(call: Call) -> Any:
    """Write a notebook with a window's data loaded."""
    made = await call.ask("window_notebook", start=call.body.start, end=call.body.end)
    return {"path": paths.relative(call.services.root, made["path"])}
