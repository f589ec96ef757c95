"""``nbprod ack``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("ack")
@click.argument("alert")
@click.option("--note", default="", help="What is done about it; kept with the alert.")
@click.option("--by", default="", help="Who has seen it; git's e-mail address by default.")
@door.project_option
def command(alert: str, note: str, by: str, folder: str) -> Any:
    """Say that somebody has seen an alert.

    ALERT is its id, or the beginning of it, as `nbprod monitor` shows it.
    """
    return door.open_project(folder).acknowledge(alert, by=by, note=note)
