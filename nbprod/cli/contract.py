"""``nbprod contract infer|check|show``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@click.group("contract")
def command() -> None:
    """Infer, check or show the data contract."""


@door.command("infer")
@click.option("--force", is_flag=True, help="Replace a schemas.py that a person wrote.")
@door.project_option
def infer(force: bool, folder: str) -> Any:
    """Infer the contract from the data and write it as schemas.py."""
    return door.open_project(folder).infer_contract(force=force)


@door.command("check")
@click.argument("data", required=False)
@click.option(
    "--part", type=click.Choice(["input", "features", "output"]), default="input", show_default=True
)
@click.option("--as-of", default="", help="now, or a moment at which rows must be fresh.")
@door.project_option
def check(data: str | None, part: str, as_of: str, folder: str) -> Any:
    """Judge data, the training data by default, by the contract."""
    return door.open_project(folder).check_contract(data, part=part, as_of=as_of)


@door.command("show")
@door.project_option
def show(folder: str) -> Any:
    """Show the contract as schemas.py says it now."""
    return door.open_project(folder).contract()


command.add_command(infer)
command.add_command(check)
command.add_command(show)
