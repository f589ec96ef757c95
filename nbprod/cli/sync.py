"""``nbprod sync``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("sync")
@click.option("--check", is_flag=True, help="Write nothing; show what would change.")
@door.project_option
def command(check: bool, folder: str) -> Any:
    """Bring hand edits of the module back into the notebook's cells.

    All of them or none: a conflict, or an edit that no cell can make, is told and exits with 1.
    """
    return door.open_project(folder).sync(check=check)
