"""A gate result as Markdown: the summary of a CI job, a comment on a change."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.reporting.junit import check_title

if TYPE_CHECKING:
    from nbprod.records import Finding, GateCheck, GateResult

_MARKS = {"passed": "✅", "failed": "❌", "inconclusive": "❔"}
_MOST_ROWS = 50
_MOST_FINDINGS = 20


def markdown(gate: GateResult) -> str:
    """The gate's verdict, checks, parity and findings, bounded in length."""
    lines = [
        f"## {_MARKS[gate.verdict]} Gate {gate.verdict}",
        "",
        (
            f"Candidate `{gate.candidate_digest[:12]}` · gate `{gate.gate_digest[:12]}` · "
            f"rows `{gate.data_digest[:12]}` · {gate.created_at[:19]} UTC"
        ),
        "",
    ]
    if gate.checks:
        lines += ["| | check | value | interval | required | rows | control |"]
        lines += ["|---|---|---:|---:|---:|---:|---|"]
        order = {"failed": 0, "inconclusive": 1, "passed": 2}
        ranked = sorted(gate.checks, key=lambda check: order[check.verdict])
        lines += [_row(check) for check in ranked[:_MOST_ROWS]]
        if len(ranked) > _MOST_ROWS:
            lines.append(f"\n… and {len(ranked) - _MOST_ROWS} more checks.")
        lines.append("")
    if gate.parity is not None:
        state = "passed" if gate.parity.passed else "failed"
        tried = sum(item.checked for item in gate.parity.relations)
        lines += [
            f"Parity {_MARKS[state]} {state}: {tried} relations on {gate.parity.rows} rows.",
            "",
        ]
    lines += [_finding(item) for item in gate.findings[:_MOST_FINDINGS]]
    if len(gate.findings) > _MOST_FINDINGS:
        lines.append(f"- … and {len(gate.findings) - _MOST_FINDINGS} more findings")
    return "\n".join(lines).rstrip() + "\n"


def _row(check: GateCheck) -> str:
    ends = (check.low, check.high)
    interval = "" if ends == (None, None) else " – ".join(map(short_number, ends))
    control = {True: "fails as it must", False: "**void**", None: "not tried"}[
        check.sabotage_caught
    ]
    cells = [
        _MARKS[check.verdict],
        cell(check_title(check)),
        short_number(check.value),
        interval,
        cell(check.threshold),
        f"{check.rows:,}" if check.rows else "",
        f"{cell(check.sabotage)}: {control}",
    ]
    return f"| {' | '.join(cells)} |"


def _finding(item: Finding) -> str:
    place = f" ({cell(item.notebook)})" if item.notebook else ""
    hint = f" → {cell(item.hint)}" if item.hint else ""
    return f"- **{item.code}** {cell(item.message)}{place}{hint}"


def short_number(value: float | None) -> str:
    """Four significant digits; a dash for none."""
    return "–" if value is None else f"{value:.4g}"


def cell(text: str) -> str:
    """Text that neither ends a table's cell nor starts markup."""
    flat = " ".join(text.split())
    for character in "\\`|*_<>[]":
        flat = flat.replace(character, f"\\{character}")
    return flat
