"""``nbprod approve``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("approve")
@click.argument("candidate", required=False)
@click.option("--reason", required=True, help="Why; kept with the candidate for good.")
@click.option("--by", default="", help="Who decides; git's e-mail address by default.")
@door.project_option
def command(candidate: str | None, reason: str, by: str, folder: str) -> Any:
    """Approve a candidate that its gate has passed."""
    return door.open_project(folder).approve(candidate, reason=reason, by=by)
