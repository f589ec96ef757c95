"""``nbprod why``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("why")
@click.argument("prediction_id")
@door.project_option
def command(prediction_id: str, folder: str) -> Any:
    """Reconstruct one prediction completely."""
    return door.open_project(folder).why(prediction_id)
