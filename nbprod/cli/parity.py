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
@door.project_option
def command(rows: int, folder: str) -> Any:
    """Prove that training and serving compute the same features."""
    return door.open_project(folder).check_parity(rows=rows)
