"""``nbprod demo``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("demo")
@click.option(
    "--folder",
    default="nbprod-demo",
    show_default=True,
    metavar="DIR",
    help="Where the project is made; an earlier demo there is replaced.",
)
@click.option(
    "--flights", default=3000, show_default=True, help="How many later flights are sent over HTTP."
)
def command(folder: str, flights: int) -> Any:
    """Walk the whole road on real flights, on this machine."""
    from nbprod.lifecycle.demo.road import run_demo

    return run_demo(folder, flights=flights, progress=door.shown_progress())
