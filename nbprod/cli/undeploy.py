"""``nbprod undeploy``"""

from __future__ import annotations

from typing import Any

from nbprod.cli import door


@door.command("undeploy")
@door.project_option
def command(folder: str) -> Any:
    """End the deployment and the local Ray that it started."""
    return door.open_project(folder).undeploy()
