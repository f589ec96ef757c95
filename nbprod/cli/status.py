"""``nbprod status``"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from nbprod.cli import door

if TYPE_CHECKING:
    from nbprod.lifecycle.project import Project

_EVERY_S = 2.0


@door.command("status")
@click.option("--watch", is_flag=True, help="Again every two seconds, until Ctrl-C.")
@door.project_option
def command(watch: bool, folder: str) -> Any:
    """Show the deployment, its roles, its traffic and what the rollout waits for."""
    project = door.open_project(folder)
    return _watched(project) if watch else project.status()


def _watched(project: Project) -> Any:
    """The last status, after each one was shown."""
    status = project.status()
    try:
        while True:
            click.clear()
            door.show_record(status, as_json=False)
            time.sleep(_EVERY_S)
            status = project.status()
    except KeyboardInterrupt:
        return status
