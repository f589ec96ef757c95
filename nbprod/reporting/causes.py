"""What a finding knows of its cause: the statement that made the value, the smallest input."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbprod.records import Finding

_MOST_ROWS = 2
_MOST_COLUMNS = 6


def cause_lines(finding: Finding) -> list[tuple[str, str]]:
    """Label and text of each line to show; empty where the finding knows nothing of it."""
    lines = []
    step = finding.details.get("step")
    if isinstance(step, dict) and step.get("source"):
        place = "" if finding.cell_id else f"  ({step.get('function')}(), line {step.get('line')})"
        lines.append(("made by", f"{step['source']}{place}"))
    rows = finding.details.get("rows")
    if isinstance(rows, list) and rows and all(isinstance(row, dict) for row in rows):
        count = int(finding.details.get("smallest_rows", len(rows)))
        shown = [_row(row) for row in rows[:_MOST_ROWS]]
        more = f"  … {count} rows in all" if count > len(shown) else ""
        lines.append(("shown by", "  |  ".join(shown) + more))
    return lines


def _row(row: dict[str, object]) -> str:
    parts = [f"{name}={value!r}" for name, value in list(row.items())[:_MOST_COLUMNS]]
    return ", ".join(parts) + (", …" if len(row) > _MOST_COLUMNS else "")
