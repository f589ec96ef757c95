"""``nbprod reject``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("reject")
@click.argument("candidate", required=False)
@click.option("--reason", required=True, help="Why; kept with the candidate for good.")
@click.option("--by", default="", help="Who decides; git's e-mail address by default.")
@door.project_option
def command(candidate: str | None, reason: str, by: str, folder: str) -> Any:
    """Reject a candidate, with the reason."""
    return door.open_project(folder).reject(candidate, reason=reason, by=by)
