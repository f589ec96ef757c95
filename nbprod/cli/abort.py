"""``nbprod abort``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("abort")
@click.option("--reason", default="", help="Why; kept in the deployment's history.")
@click.option("--by", default="", help="Who decides; git's e-mail address by default.")
@door.project_option
def command(reason: str, by: str, folder: str) -> Any:
    """End the canary at once; where there is none, the shadows."""
    return door.open_project(folder).abort(reason=reason, by=by)
