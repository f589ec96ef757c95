"""``nbprod doctor``"""

from __future__ import annotations

from typing import Any

from nbprod.cli import door


@door.command("doctor")
@door.project_option
def command(folder: str) -> Any:
    """Show what is installed, reachable and missing, each with the fix."""
    from nbprod.lifecycle.diagnosis import diagnose

    return diagnose(folder)
