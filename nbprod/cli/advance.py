"""``nbprod advance``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("advance")
@click.option("--by", default="", help='Who takes the step; "controller" by default.')
@door.project_option
def command(by: str, folder: str) -> Any:
    """Look at the canary once and take the step the policy asks for.

    What the controller does every few seconds, for cron and CI.
    """
    return door.open_project(folder).advance_rollout(by=by)
