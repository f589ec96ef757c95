"""``nbprod train``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("train")
@click.option(
    "-p",
    "parameters",
    type=(str, str),
    multiple=True,
    metavar="NAME VALUE",
    help="Give a parameter of the notebook another value; may be repeated.",
)
@click.option("--seed", default=0, show_default=True, help="Seed of random, numpy and torch.")
@click.option(
    "--notebook", is_flag=True, help="Also execute the notebook and keep it with the run."
)
@door.project_option
def command(parameters: tuple[tuple[str, str], ...], seed: int, notebook: bool, folder: str) -> Any:
    """Train with the module, log the run, name the candidate."""
    given = {name: door.json_or_text(text) for name, text in parameters}
    return door.open_project(folder).train(given, seed=seed, notebook=notebook)
