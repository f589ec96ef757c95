"""``nbprod shadow``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("shadow")
@click.argument("release")
@click.option("--since", default="", help="ISO 8601; since it became a shadow by default.")
@door.project_option
def command(release: str, since: str, folder: str) -> Any:
    """Compare a shadow's answers with the live ones, row by row."""
    return door.open_project(folder).shadow_report(release, since=since)
