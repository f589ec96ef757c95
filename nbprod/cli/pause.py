"""``nbprod pause``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("pause")
@click.option("--resume", is_flag=True, help="Let it take steps again.")
@click.option("--reason", default="", help="Why; kept in the deployment's history.")
@click.option("--by", default="", help="Who decides; git's e-mail address by default.")
@door.project_option
def command(resume: bool, reason: str, by: str, folder: str) -> Any:
    """Let the rollout take no step forward; its guards stay armed."""
    return door.open_project(folder).pause(resume=resume, reason=reason, by=by)
