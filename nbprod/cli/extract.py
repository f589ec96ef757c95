"""``nbprod extract``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("extract")
@click.option("--check", is_flag=True, help="Write nothing; exit 1 with the diff when they differ.")
@click.option("--force", is_flag=True, help="Overwrite a module that was edited by hand.")
@click.option(
    "--prove",
    is_flag=True,
    help="Run the module beside the tagged cells and compare every value; run the inline tests.",
)
@door.project_option
def command(check: bool, force: bool, prove: bool, folder: str) -> Any:
    """Write the tagged notebook as an importable module."""
    project = door.open_project(folder)
    extraction = project.extract(check=check, force=force)
    refused = any(finding.severity == "error" for finding in extraction.findings)
    if not prove or refused or (check and extraction.changed):
        return extraction
    return [extraction, project.prove()]
