"""``nbprod deploy``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("deploy")
@click.argument("release", required=False)
@click.option("--canary", "trial", flag_value="canary", help="With a growing share of the traffic.")
@click.option("--ab", "trial", flag_value="ab", help="As the treatment of an A/B test.")
@click.option("--shadow", "trial", flag_value="shadow", help="Sees the traffic, answers nobody.")
@click.option(
    "--percent",
    type=click.FloatRange(0, 100),
    help="Its share; by default the first step of [rollout] canary, or [rollout] ab's percent.",
)
@click.option("--force", is_flag=True, help="Even if it refuses what callers may send today.")
@click.option("--port", type=int, help="[serving] port by default.")
@door.project_option
def command(
    release: str | None,
    trial: Any,
    percent: float | None,
    force: bool,
    port: int | None,
    folder: str,
) -> Any:
    """Serve a release on Ray Serve, or put it on trial beside the champion.

    A local Ray started here outlives the command and is ended by `nbprod undeploy`. When that
    engine died, `nbprod deploy` brings everything back as it was. A trial is watched by a
    controller beside the deployment: it takes the steps of [rollout], and ends a bad canary.
    """
    if percent is not None and trial not in ("canary", "ab"):
        raise click.UsageError("--percent is for --canary and --ab")
    project = door.open_project(folder, {"serving.port": port})
    return project.deploy(release, trial=trial, percent=percent, force=force)
