"""``nbprod rollback``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("rollback")
@click.option("--reason", default="", help="Why; kept in the deployment's history.")
@click.option("--by", default="", help="Who decides; git's e-mail address by default.")
@door.project_option
def command(reason: str, by: str, folder: str) -> Any:
    """Send all traffic back to the previous release, at once."""
    return door.open_project(folder).rollback(reason=reason, by=by)
