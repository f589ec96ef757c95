"""``nbprod config show``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@click.group("config")
def command() -> None:
    """Show every value of the settings with its origin."""


@door.command("show")
@door.project_option
def show(folder: str) -> Any:
    """Print every value and where it came from."""
    return door.open_project(folder).configuration()


command.add_command(show)
