"""``nbprod inspect``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("inspect")
@click.argument("notebook", required=False, type=click.Path())
@door.project_option
def command(notebook: str | None, folder: str) -> Any:
    """Show cells, roles, data flow between cells, and findings.

    Without NOTEBOOK the project's training notebook; with one, no project is needed.
    """
    if notebook is not None:
        from nbprod.lifecycle.workbench import inspect_path

        return inspect_path(notebook)
    return door.open_project(folder).inspect()
