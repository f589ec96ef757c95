"""Any record in the terminal: readable, bounded, findings last with their next step."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.records import (
    Configuration,
    Demonstration,
    Diagnosis,
    Inspection,
    Prediction,
    Record,
    Scaffold,
)
from nbprod.reporting.page import number, seconds
from nbprod.reporting.terminal_parts import (
    MOST_ROWS,
    View,
    cut,
    fields,
    findings_text,
    head,
    plain,
    rows_table,
    text,
    verdict_text,
    word,
)
from nbprod.reporting.terminal_road import ROAD_VIEWS
from nbprod.reporting.terminal_rollout import ROLLOUT_VIEWS
from nbprod.reporting.terminal_service import SERVICE_VIEWS, predictions

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rich.console import Console, RenderableType

_MOST_FIELDS = 30


def show(
    record: Any, console: Console | None = None, numbers: Mapping[str, int] | None = None
) -> None:
    """Print a record, or a list of records, for a person.

    numbers: of the cells that findings name by id. Long tables are cut and say how much they leave
    out; ``--json`` prints all of it.
    """
    from rich.console import Console

    out = console or Console()
    if isinstance(record, list | tuple):
        if all(isinstance(item, Prediction) for item in record):
            _print(out, predictions(record))
        else:
            for item in record[:MOST_ROWS]:
                show(item, out)
        return
    view = next((_VIEWS[kind] for kind in type(record).__mro__ if kind in _VIEWS), _anything)
    _print(out, view(record))
    if isinstance(record, Record):
        if isinstance(record, Inspection):
            numbers = {cell.cell_id: cell.index + 1 for cell in record.cells}
        _print(out, findings_text(record.findings, numbers))


def _print(out: Console, parts: Iterable[RenderableType]) -> None:
    for part in parts:
        out.print(part)


# ---------------------------------------------------------------- the project itself


def _diagnosis(record: Diagnosis) -> list[RenderableType]:
    rows = [
        [
            verdict_text(item.get("state", "")),
            item.get("name", ""),
            item.get("detail", ""),
            item.get("fix", "") if item.get("state") != "ok" else "",
        ]
        for item in record.items
    ]
    return rows_table(["", "what", "found", "fix"], rows)


def _configuration(record: Configuration) -> list[RenderableType]:
    rows = [[item["key"], str(item["value"]), item["origin"]] for item in record.values]
    return rows_table(["key", "value", "origin"], rows, most=len(rows))


def _scaffold(record: Scaffold) -> list[RenderableType]:
    parts = [head(f"Project in {record.path}"), *fields([("written", ", ".join(record.files))])]
    if record.proposals:
        rows = [
            [p.get("cell", p.get("cell_id", "")), p.get("role", ""), p.get("reason", "")]
            for p in record.proposals
        ]
        parts += rows_table(["cell", "role", "because"], rows)
    return [*parts, *fields([("next", "\n".join(_first_steps(record)))])]


def _first_steps(record: Scaffold) -> list[str]:
    """The commands to type after `nbprod init`."""
    steps = ["nbprod extract && nbprod parity && nbprod train && nbprod gate"]
    if record.proposals:
        notebook = next((name for name in record.files if name.endswith(".ipynb")), "NOTEBOOK")
        correct = f"nbprod tag {shlex.quote(notebook)} CELL ROLE"
        steps = ["nbprod inspect", f"{correct}  # where a role is not right", *steps]
    if Path(record.path) != Path.cwd().resolve():
        steps.insert(0, f"cd {shlex.quote(os.path.relpath(record.path))}")
    return steps


def _demonstration(record: Demonstration) -> list[RenderableType]:
    rows = [
        [step.name, seconds(step.start_s), seconds(step.duration_s), step.result]
        for step in record.steps
    ]
    lost = f"{number(record.missing_from_log)} of {number(record.acknowledged)} acknowledged"
    late = f"{number(record.late_answers)} late answers"
    return [
        head("The road", word(record.passed), record.folder),
        *rows_table(["step", "from", "took", "what came of it"], rows, numeric=(1, 2)),
        *fields(
            [
                (
                    "requests",
                    (
                        f"{number(record.requests)}, {number(record.failed_requests)} failed, and "
                        f"{number(record.failed_at_kill)} inside the killed replica"
                    ),
                ),
                ("missing from the log", lost),
                ("broken rows refused", record.refused_rows),
                ("rollback", f"{record.rollback_ms:.0f} ms, {late}"),
                ("report", record.report),
            ]
        ),
    ]


def _anything(record: Any) -> list[RenderableType]:
    """A record without a view of its own: its fields, long values cut."""
    data = record.to_json() if hasattr(record, "to_json") else record
    if not isinstance(data, dict):
        return [text(data)]
    items = [
        (name, cut(plain(value)))
        for name, value in list(data.items())[:_MOST_FIELDS]
        if name != "findings"
    ]
    return [head(type(record).__name__), *fields(items)]


_VIEWS: dict[type, View] = {
    **ROAD_VIEWS,
    **SERVICE_VIEWS,
    **ROLLOUT_VIEWS,
    Configuration: _configuration,
    Diagnosis: _diagnosis,
    Scaffold: _scaffold,
    Demonstration: _demonstration,
}
