"""``nbprod parity``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("parity")
@click.option(
    "--rows",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="At most this many real rows.",
)
@click.option(
    "--replay",
    type=click.IntRange(min=1),
    help="Recompute this many of the newest logged rows with the release that answered them.",
)
@click.option("--deployed", is_flag=True, help="Send rows of training to the real endpoint.")
@door.project_option
def command(rows: int, replay: int | None, deployed: bool, folder: str) -> Any:
    """Prove that training and serving compute the same features."""
    if replay and deployed:
        raise click.UsageError("--replay and --deployed are two questions: ask one of them")
    project = door.open_project(folder)
    return project.check_parity(rows=rows, replay=replay or 0, deployed=deployed)
