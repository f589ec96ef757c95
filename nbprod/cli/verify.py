"""``nbprod verify``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("verify")
@click.argument("release", required=False)
@door.project_option
def command(release: str | None, folder: str) -> Any:
    """Check every hash of a release; of the newest by default."""
    return door.open_project(folder).verify(release)
