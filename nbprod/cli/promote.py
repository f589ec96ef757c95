"""``nbprod promote``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("promote")
@click.option("--reason", default="", help="Why; kept in the deployment's history.")
@click.option("--by", default="", help="Who decides; git's e-mail address by default.")
@door.project_option
def command(reason: str, by: str, folder: str) -> Any:
    """Make the canary the champion; the champion stays warm."""
    return door.open_project(folder).promote(reason=reason, by=by)
