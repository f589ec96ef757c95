"""``nbprod init``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("init")
@click.argument("folder", default=".", metavar="[DIR]")
@click.option("--recipe", metavar="NAME", help="Start from a recipe: a whole road on real data.")
@click.option(
    "--from", "notebook", type=click.Path(), help="Start from your notebook; proposes roles."
)
@click.option("--name", help="The model's name; from the notebook's file name by default.")
@click.option("--owner", help="Who is alerted; git's e-mail address by default.")
@click.option("--label", help="The label column; found in the notebook where it can be.")
def command(folder: str, **options: Any) -> Any:
    """Scaffold a project that runs at once."""
    from nbprod.lifecycle.scaffold import scaffold

    if options["recipe"] and options["notebook"]:
        raise click.UsageError("--recipe and --from exclude each other")
    return scaffold(folder, progress=door.shown_progress(), **options)
