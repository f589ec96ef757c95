"""A window of production as a notebook: predictions, outcomes and drift, loaded to be looked at."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from nbprod.config import FILE_NAME
from nbprod.errors import ConfigError, NotFoundError, StoreError
from nbprod.lifecycle.lineage import FOLDERS
from nbprod.lifecycle.loop import moment_of
from nbprod.records import Health, sha256

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.lifecycle.project import Project

_FOLDER = "notebooks/windows"


def write_window_notebook(project: Project, *, start: str | None, end: str | None) -> Path:
    """Write a notebook that loads the window [start, end); the last judged one by default.

    The same window opens the same file: what somebody wrote into it stays. ConfigError for what is
    no window, NotFoundError where none was judged yet.
    """
    since, until, health_id = _window(project, start, end)
    stem = f"{since:%Y-%m-%dT%H%M%S}-{until:%Y-%m-%dT%H%M%S}"
    folder = project.settings.path(_FOLDER)
    path = folder / f"{project.settings.model.name}-{stem}.ipynb"
    text = json.dumps(
        _notebook(project, folder, since.isoformat(), until.isoformat(), health_id), indent=1
    )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text + "\n")
    except FileExistsError:
        pass
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="make room on the disk and check who may write there",
        ) from error
    return path


def _window(project: Project, start: str | None, end: str | None) -> tuple[Any, Any, str]:
    if bool(start) != bool(end):
        raise ConfigError("half a window", hint="give both start and end, or neither")
    health_id = ""
    if not start or not end:
        health = project.store.latest(Health, FOLDERS[Health])
        if health is None:
            raise NotFoundError("no window was judged yet", hint="run `nbprod monitor`")
        start, end, health_id = health.start, health.end, health.id
    since, until = moment_of(start), moment_of(end)
    if since >= until:
        raise ConfigError("the window is empty", hint="its start must lie before its end")
    return since, until, health_id


def _notebook(
    project: Project, folder: Path, start: str, end: str, health_id: str
) -> dict[str, Any]:
    up = os.path.relpath(project.settings.project_path, folder)
    name = project.settings.model.name
    cells = [
        _markdown(
            f"# {name}, {start[:19]} to {end[:19]} UTC\n\n"
            f"Every prediction of this window with its outcome where one is known. Made by nbprod "
            f"from the project's `{FILE_NAME}` two folders up; edit it as you like."
        ),
        _code(
            "import pandas as pd\n\nimport nbprod\n\n"
            f"project = nbprod.Project.load({up!r})\n"
            f"start, end = {start!r}, {end!r}"
        ),
        _code(
            "window = project.window(start, end)  # one row per prediction\n"
            "print(f\"{len(window):,} predictions, {window['labelled'].sum():,} with outcome\")\n"
            "window.head()"
        ),
        _markdown("## Who answered, how fast"),
        _code(
            'window.groupby(["release", "role"])["latency_ms"].describe(percentiles=[0.5, 0.99])'
        ),
        _markdown("## What moved against the training data"),
        _code(
            f"health = {_health_source(health_id)}\n"
            'shown = ["column", "part", "distance", "threshold", "drifted", "rows"]\n'
            "moved = [column.to_json() for report in health.drift for column in report.columns]\n"
            'pd.DataFrame(moved, columns=shown).sort_values("distance", ascending=False)'
        ),
        _markdown("## The inputs themselves"),
        _code(
            'inputs = window.filter(regex="^inputs[.]")\n'
            'inputs.describe(include="all").T if len(inputs) else "nobody asked in this window"'
        ),
    ]
    for number, cell in enumerate(cells):
        cell["id"] = sha256(f"{start} {end} {number}")[:12]
    spec = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": cells, "metadata": {"kernelspec": spec}, "nbformat": 4, "nbformat_minor": 5}


def _health_source(health_id: str) -> str:
    return (
        f"project.health({health_id!r})" if health_id else "project.monitor(start=start, end=end)"
    )


def _markdown(source: str) -> dict[str, Any]:
    return {"cell_type": "markdown", "metadata": {}, "source": source.splitlines(keepends=True)}


def _code(source: str) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": {},
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }
