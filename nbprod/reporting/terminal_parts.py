"""What every view of a record in the terminal is built of: heads, tables, fields, findings."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbprod.reporting.causes import cause_lines
from nbprod.reporting.page import number

if TYPE_CHECKING:
    from rich.console import RenderableType

    from nbprod.records import Finding

View = Callable[[Any], list["RenderableType"]]
MOST_ROWS = 40
_MOST_FINDINGS = 20
_STYLES = {
    "passed": "green",
    "failed": "bold red",
    "inconclusive": "yellow",
    "error": "bold red",
    "warning": "yellow",
    "info": "cyan",
    "ok": "green",
    "missing": "yellow",
    "wrong": "bold red",
    "running": "green",
    "ended": "dim",
}
_SIGNS = {
    "passed": "✓",
    "failed": "✗",
    "inconclusive": "?",
    "ok": "✓",
    "missing": "!",
    "wrong": "✗",
}


def text(content: Any, style: str = "") -> RenderableType:
    """A cell or line of plain text: a column named "[red]" is a name, not markup."""
    from rich.text import Text

    return Text(str(content), style=style)


def verdict_text(word: str, *, sign_only: bool = False) -> RenderableType:
    """A verdict with its sign and colour, or as its sign alone where room is short."""
    sign = _SIGNS.get(word, "")
    return text(sign if sign_only else f"{sign} {word}".strip(), _STYLES.get(word, ""))


def head(title: str, verdict: str = "", detail: str = "") -> RenderableType:
    """A title with verdict and detail."""
    from rich.text import Text

    line = Text(title, style="bold")
    if verdict:
        line.append("  ")
        line.append(f"{_SIGNS.get(verdict, '')} {verdict}".strip(), _STYLES.get(verdict, ""))
    if detail:
        line.append(f"  {detail}", "dim")
    return line


def rows_table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    numeric: Sequence[int] = (),
    most: int = MOST_ROWS,
) -> list[RenderableType]:
    """A table cut at ``most`` rows, saying how many are left out."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    made = Table(box=SIMPLE_HEAD, header_style="dim", pad_edge=False, show_edge=False)
    for place, header in enumerate(headers):
        made.add_column(header, justify="right" if place in numeric else "left", overflow="fold")
    for row in rows[:most]:
        made.add_row(*(cell if isinstance(cell, Text) else text(cell) for cell in row))
    parts: list[RenderableType] = [made]
    if len(rows) > most:
        parts.append(text(f"… and {len(rows) - most} more (--json prints all)", "dim"))
    return parts


def fields(items: Iterable[tuple[str, Any]]) -> list[RenderableType]:
    """Names with values; empty values are left out."""
    from rich.table import Table

    made = Table.grid(padding=(0, 2))
    made.add_column(style="dim", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in items:
        if value not in ("", None, (), {}):
            made.add_row(name, text(value))
    return [made]


def _cell(cell_id: str, numbers: Mapping[str, int]) -> str:
    return f"cell {numbers[cell_id]} ({cell_id})" if cell_id in numbers else f"cell {cell_id}"


def with_numbers(said: str, numbers: Mapping[str, int]) -> str:
    """A message with "cell 5" where it says "cell <id>"."""

    def named(found: re.Match[str]) -> str:
        return f"cell {numbers[found[1]]}" if found[1] in numbers else found[0]

    return re.sub(r"\bcell ([\w-]+)", named, said)


def findings_text(
    findings: Sequence[Finding], numbers: Mapping[str, int] | None = None
) -> list[RenderableType]:
    """Findings, errors first, with place and next step; bounded.

    numbers: of cells that are known by number as well, as `inspect` lists them.
    """
    from rich.text import Text

    known = numbers or {}
    order = {"error": 0, "warning": 1, "info": 2}
    parts: list[RenderableType] = []
    for item in sorted(findings, key=lambda item: order[item.severity])[:_MOST_FINDINGS]:
        line = Text()
        line.append(item.code, _STYLES[item.severity])
        line.append(f" {with_numbers(item.message, known)}")
        place = ", ".join(
            part
            for part in (
                item.notebook or "",
                _cell(item.cell_id, known) if item.cell_id else "",
                f"line {item.line}" if item.line else "",
                f"column {item.column}" if item.column else "",
            )
            if part
        )
        if place:
            line.append(f"\n       {place}", "dim")
        for label, told in cause_lines(item):
            line.append(f"\n       {label}  ", "dim").append(told)
        if item.hint:
            line.append(f"\n       → {with_numbers(item.hint, known)}", "dim")
        parts.append(line)
    if len(findings) > _MOST_FINDINGS:
        left = len(findings) - _MOST_FINDINGS
        parts.append(text(f"… and {left} more findings (--json prints all)", "dim"))
    return parts


def word(passed: bool) -> str:
    """The word of a judgement."""
    return "passed" if passed else "failed"


def few(names: Sequence[str], most: int = 5) -> str:
    """The first names of a list, and how many more."""
    more = f", +{len(names) - most}" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def shorten(line: str, most: int) -> str:
    """A line with at most ``most`` characters, the last one saying that it was cut."""
    return line if len(line) <= most else line[: most - 1].rstrip(" ,") + "…"


def values_table(title: str, values: dict[str, Any]) -> list[RenderableType]:
    """A table of names and values; nothing for none."""
    rows = [[name, plain(value)] for name, value in values.items()]
    return rows_table([title, "value"], rows) if rows else []


def plain(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={plain(item)}" for name, item in value.items())
    return number(value) if isinstance(value, float) else str(value)


def cut(text: str, most: int = 400) -> str:
    """A text of bounded length."""
    return text if len(text) <= most else f"{text[:most]}…"
