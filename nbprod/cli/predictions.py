"""``nbprod predictions query|show``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@click.group("predictions")
def command() -> None:
    """Search the prediction log."""


@door.command("query")
@click.option("--since", help="From this UTC time on, ISO 8601.")
@click.option("--until", help="Before this UTC time.")
@click.option("--release", help="Only this release.")
@click.option("--where", default="", help="A condition, such as \"inputs.carrier = 'UA'\".")
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True)
@door.project_option
def query(folder: str, **conditions: Any) -> Any:
    """List predictions, the newest first."""
    return door.open_project(folder).predictions(**conditions)


@door.command("show")
@click.argument("prediction_id")
@door.project_option
def show(prediction_id: str, folder: str) -> Any:
    """Show one record of the log."""
    return door.open_project(folder).prediction(prediction_id)


command.add_command(query)
command.add_command(show)
