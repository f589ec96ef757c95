"""``nbprod reproduce``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("reproduce")
@click.argument("release", required=False)
@click.option("--here", is_flag=True, help="Use the present environment; compare it with the lock.")
@click.option(
    "--tolerance",
    default="rel:1e-6",
    show_default=True,
    metavar="abs:x|rel:x|ulp:n",
    help="How far values may be apart to be called within tolerance.",
)
@door.project_option
def command(release: str | None, here: bool, tolerance: str, folder: str) -> Any:
    """Train a release again from its lock and snapshot, and compare.

    The newest release by default. Exit 0: bit-equal or within tolerance; 1: different.
    """
    return door.open_project(folder).reproduce(release, here=here, tolerance=tolerance)
