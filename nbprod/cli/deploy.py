"""``nbprod deploy``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("deploy")
@click.argument("release", required=False)
@click.option("--canary", is_flag=True, help="Beside the champion, with a share of its traffic.")
@click.option(
    "--percent",
    type=click.FloatRange(0, 100),
    help="The canary's share; [rollout] canary's first step by default.",
)
@click.option("--port", type=int, help="[serving] port by default.")
@door.project_option
def command(
    release: str | None, canary: bool, percent: float | None, port: int | None, folder: str
) -> Any:
    """Serve a release on Ray Serve, or start its canary.

    A local Ray started here outlives the command and is ended by `nbprod undeploy`.
    """
    if percent is not None and not canary:
        raise click.UsageError("--percent is for --canary")
    project = door.open_project(folder, {"serving.port": port})
    if canary and percent is None:
        percent = float(project.settings.rollout.canary["steps"][0])
    return project.deploy(release, canary_percent=percent)
