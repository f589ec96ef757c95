"""``nbprod release``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("release")
@click.argument("candidate", required=False)
@door.project_option
def command(candidate: str | None, folder: str) -> Any:
    """Freeze a candidate with its evidence.

    Refuses without candidate-scope parity, a passed gate and, at high risk, an approval.
    """
    return door.open_project(folder).release(candidate)
