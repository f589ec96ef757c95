"""``nbprod serve``"""

from __future__ import annotations

import click

from nbprod.cli import door


@door.command("serve")
@click.argument("candidate", required=False)
@click.option("--port", type=int, help="[serving] port by default.")
@door.project_option
def command(candidate: str | None, port: int | None, folder: str) -> None:
    """Serve an unreleased candidate on loopback in this process; Ctrl-C ends it."""
    door.open_project(folder, {"serving.port": port}).serve(candidate)
