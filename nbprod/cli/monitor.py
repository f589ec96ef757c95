"""``nbprod monitor``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("monitor")
@click.option("--start", help="UTC time, ISO 8601; [monitor] window before the end by default.")
@click.option("--end", help="UTC time, ISO 8601; now by default.")
@click.option(
    "--fail",
    is_flag=True,
    help="Exit 1 when a signal is over its threshold; too few rows to judge are not.",
)
@door.project_option
def command(start: str | None, end: str | None, fail: bool, folder: str) -> Any:
    """Judge service, drift and quality over a window."""
    health = door.open_project(folder).monitor(start=start, end=end)
    return health if fail else door.Shown(health)
