"""``nbprod status``"""

from __future__ import annotations

from typing import Any

from nbprod.cli import door


@door.command("status")
@door.project_option
def command(folder: str) -> Any:
    """Show the deployment, its roles and its traffic."""
    return door.open_project(folder).status()
