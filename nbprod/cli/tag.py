"""``nbprod tag``"""

from __future__ import annotations

from typing import Any

import click

from nbprod.cli import door


@door.command("tag")
@click.argument("notebook", type=click.Path())
@click.argument("cell")
@click.argument("role")
def command(notebook: str, cell: str, role: str) -> Any:
    """Set the role of a cell without JupyterLab.

    CELL is a cell id or the cell's number, counted from 1. ROLE is one of: parameters, lib,
    schema, data, split, fit, features, features-online, train, predict, test, skip.
    """
    from nbprod.lifecycle.workbench import set_role

    return set_role(notebook, cell, role)
