"""``nbprod gate``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("gate")
@click.argument("candidate", required=False)
@door.project_option
def command(candidate: str | None, folder: str) -> Any:
    """Run the validation notebooks and judge the candidate.

    CANDIDATE is its number, or the beginning of its run's id; the latest by default. JUnit XML,
    Markdown and HTML lie in .nbprod/gates/<id>/.
    """
    return door.open_project(folder).gate(candidate)
