"""``nbprod outcome``"""

from __future__ import annotations

import json
from typing import Any

import click

from nbprod.cli import door
from nbprod.errors import NotFoundError


@door.command("outcome")
@click.argument("prediction_id", required=False)
@click.argument("value", required=False)
@click.option("--file", "file", type=click.File("r"), help="JSON lines, one outcome each; - reads.")
@click.option("--name", default="", help="The outcome's name; [model] outcome by default.")
@door.project_option
def command(prediction_id: str | None, value: str | None, file: Any, name: str, folder: str) -> Any:
    """Attach ground truth to predictions; saying the same twice changes nothing."""
    if file is not None:
        try:
            outcomes = [json.loads(line) for line in file if line.strip()]
        except ValueError as error:
            raise click.UsageError(f"--file: not JSON lines: {error}") from error
    elif prediction_id and value is not None:
        outcomes = [{"prediction_id": prediction_id, "outcome": door.json_or_text(value)}]
    else:
        raise click.UsageError("name a prediction id and its outcome, or --file")
    if wrong := [line for line in outcomes if not isinstance(line, dict)]:
        raise click.UsageError(f"--file: {wrong[0]!r} is no outcome: one JSON object a line")
    if name:
        outcomes = [{"name": name, **outcome} for outcome in outcomes]
    receipt = door.open_project(folder).record_outcomes(outcomes)
    if file is None and receipt.unknown:
        raise NotFoundError(
            f"prediction {prediction_id} is not in the log",
            hint="`nbprod predictions query` lists what is there; nothing was stored",
        )
    return receipt
