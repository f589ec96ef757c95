"""Plots of intervals, bars, distributions and flows; over time: `time_plots`."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.reporting.drawing import (
    COLOURS,
    WIDTH,
    Axis,
    axis,
    caption,
    fitting,
    horizontal_grid,
    svg,
)
from nbprod.reporting.page import Markup, esc, number

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_INTERVAL = re.compile(r"^\[(-?(?:inf|[\d.e+-]+)), (-?(?:inf|[\d.e+-]+))\)$")


@dataclass(frozen=True)
class IntervalRow:
    """A value with its interval beside its threshold."""

    label: str
    value: float
    low: float | None
    high: float | None
    operator: str
    limit: float | None
    verdict: str
    note: str = ""


# ---------------------------------------------------------------- intervals


def interval_plot(rows: Sequence[IntervalRow], *, shared: bool = True) -> Markup:
    """Values with their intervals, one row each; where a row passes is shaded.

    shared: all rows are of one metric and share a scale, which is drawn below them; otherwise
    each has a scale of its own, and its figures stand beside it.
    """
    start = min(WIDTH * 0.4, 14 + 6.6 * max((len(row.label) for row in rows), default=20))
    start = max(200.0, start)
    common = _interval_axis(rows, start)
    height = 26 * len(rows) + (30 if shared else 8)
    parts = []
    if shared:
        parts += [
            Markup(f'<line class="grid" x1="{place}" x2="{place}" y1="4" y2="{height - 24}"/>')
            for place in map(common.place, common.ticks)
        ]
    for number_, row in enumerate(rows):
        x = common if shared else _interval_axis([row], start)
        parts.append(_interval(row, x, 26 * number_ + 4))
    if shared:
        parts += [
            caption(number(tick), common.place(tick), height - 8, "mid") for tick in common.ticks
        ]
    return svg(parts, height, "values with intervals and thresholds")


def _interval_axis(rows: Sequence[IntervalRow], start: float) -> Axis:
    ends = [end for row in rows for end in (row.value, row.low, row.high, row.limit)]
    known = [end for end in ends if end is not None and math.isfinite(end)]
    room = (max(known, default=0.0) - min(known, default=0.0)) * 0.06
    # A threshold at the very edge would hide the side that fails.
    sides = [limit + side * room for limit in _limits(rows) for side in (-1, 1)]
    return axis([*known, *sides], start, 700)


def _limits(rows: Sequence[IntervalRow]) -> list[float]:
    return [row.limit for row in rows if row.limit is not None]


def _interval(row: IntervalRow, x: Axis, top: float) -> Markup:
    middle = top + 13
    colours = {"passed": "var(--good)", "failed": "var(--bad)"}
    colour = colours.get(row.verdict, "var(--warn)")
    parts = [_zone(row, x, top)]
    if row.low is not None and row.high is not None and math.isfinite(row.low + row.high):
        low, high = x.place(row.low), x.place(row.high)
        parts.append(
            f'<line x1="{low:.1f}" x2="{high:.1f}" y1="{middle}" y2="{middle}" '
            f'style="stroke:{colour}" stroke-width="2.4" stroke-linecap="round"/>'
        )
    if math.isfinite(row.value):
        parts.append(
            f'<circle cx="{x.place(row.value):.1f}" cy="{middle}" r="4.5" style="fill:{colour}"/>'
        )
    sign = {">=": "≥", "<=": "≤"}.get(row.operator, row.operator)
    limit = f"{sign} {number(row.limit)}" if row.limit is not None else ""
    parts += [
        caption(row.label, x.start - 12, middle + 4, "end strong"),
        caption(number(row.value, 3), 720, middle + 4, "strong"),
        caption(limit, 784, middle + 4),
        caption(row.note, WIDTH, middle + 4, "end"),
    ]
    return Markup("".join(parts))


def _zone(row: IntervalRow, x: Axis, top: float) -> str:
    if row.limit is None:
        return ""
    limit = x.place(row.limit)
    left, right = (limit, x.end) if row.operator.startswith(">") else (x.start, limit)
    zone = (
        f'<rect x="{left:.1f}" width="{max(0.0, right - left):.1f}" y="{top + 3}" height="20" '
        'style="fill:var(--zone)"/>'
        if row.operator != "=="
        else ""
    )
    return zone + (
        f'<line x1="{limit:.1f}" x2="{limit:.1f}" y1="{top + 1}" y2="{top + 25}" '
        'style="stroke:var(--fg)" stroke-width="1.2"/>'
    )


# ---------------------------------------------------------------- bars


def bar_plot(rows: Sequence[tuple[str, float, float]]) -> Markup:
    """Bars with a threshold each: (label, value, threshold); beyond it a bar is red."""
    x = axis([*(row[1] for row in rows), *(row[2] for row in rows)], 230, 860, zero=True)
    height = 24 * len(rows) + 28
    parts = [
        Markup(f'<line class="grid" x1="{place}" x2="{place}" y1="2" y2="{height - 24}"/>')
        for place in map(x.place, x.ticks)
    ]
    for place, (label, value, limit) in enumerate(rows):
        top = 24 * place + 2
        colour = "var(--bad)" if value > limit else "var(--s1)"
        width = max(1.0, x.place(value) - x.start)
        parts.append(
            Markup(
                f'<rect x="{x.start}" y="{top + 4}" width="{width:.1f}" height="15" rx="2" '
                f'style="fill:{colour}"/><line x1="{x.place(limit):.1f}" '
                f'x2="{x.place(limit):.1f}" y1="{top}" y2="{top + 23}" '
                'style="stroke:var(--fg)" stroke-width="1.4"/>'
            )
        )
        parts.append(caption(label, x.start - 10, top + 15.5, "end strong"))
        parts.append(caption(number(value, 3), x.end + 12, top + 15.5, "strong"))
    parts += [caption(number(tick), x.place(tick), height - 8, "mid") for tick in x.ticks]
    return svg(parts, height, "bars with thresholds")


def distribution_plot(
    reference: Mapping[str, float], window: Mapping[str, float], *, most: int = 12
) -> Markup:
    """Shares of the same bins in the reference and in the window, side by side."""
    names = list(dict.fromkeys([*reference, *window]))
    if len(names) > most:  # keep what moved most, in the order of the bins
        moved = sorted(names, key=lambda n: -abs(reference.get(n, 0.0) - window.get(n, 0.0)))
        names = [name for name in names if name in set(moved[:most])]
    width, height, bottom = 460, 206, 150
    shares = [store.get(name, 0.0) for name in names for store in (reference, window)]
    y = axis([0.0, *shares], bottom, 10, zero=True)
    room = (width - 44) / max(1, len(names))
    parts = [horizontal_grid(y, Axis(0, 1, 38, width - 4), percent=True)]
    for place, name in enumerate(names):
        left = 40 + place * room
        for offset, store, colour in ((0.1, reference, "--s6"), (0.5, window, "--s2")):
            top = y.place(store.get(name, 0.0))
            parts.append(
                Markup(
                    f'<rect x="{left + offset * room:.1f}" y="{top:.1f}" '
                    f'width="{0.38 * room:.1f}" height="{bottom - top:.1f}" '
                    f'style="fill:var({colour})"/>'
                )
            )
        parts.append(_slanted(_bin(name), left + room / 2, bottom + 13, room))
    return svg(parts, height, "distribution", width=width)


def _bin(name: str) -> str:
    """An interval such as ``[-inf, 33.08)`` in fewer signs; any other name as it is."""
    match = _INTERVAL.match(name)
    if match is None:
        return name
    low, high = (float(end) for end in match.groups())
    if math.isinf(low):
        return f"< {number(high, 3)}"
    if math.isinf(high):
        return f"≥ {number(low, 3)}"
    return f"{number(low, 3)} to {number(high, 3)}"


def _slanted(name: str, x: float, y: float, room: float) -> Markup:
    """A label under a bar: straight where there is room for it, else slanted."""
    text = name if len(name) <= 14 else f"{name[:13]}…"
    if 6.3 * len(text) < room:
        return caption(text, x, y, "mid")
    return Markup(
        f'<text x="{x:.1f}" y="{y:.1f}" class="end" '
        f'transform="rotate(-35 {x:.1f} {y:.1f})">{esc(text)}</text>'
    )


# ---------------------------------------------------------------- the notebook's data flow


def flow_plot(
    cells: Sequence[tuple[str, str, str]], arcs: Sequence[tuple[int, int, str]]
) -> Markup:
    """Cells in their order, with an arc for every name that goes from one to another.

    cells: (label, role, first line). arcs: (from, to, names), places in ``cells``.
    """
    row, left = 30, 140
    height = row * len(cells) + 10
    roles = list(dict.fromkeys(role for _, role, _ in cells if role))
    colours = {role: COLOURS[place % 5] for place, role in enumerate(roles)}
    parts = []
    for start, end, names in arcs:
        y1, y2 = row * start + 18, row * end + 18
        reach = min(130, 18 + 9 * abs(end - start))
        parts.append(
            Markup(
                f'<path d="M{left} {y1} C{left - reach} {y1} {left - reach} {y2} {left} {y2}" '
                f'fill="none" style="stroke:{colours.get(cells[start][1], "var(--s6)")}" '
                f'stroke-width="1.4" opacity="0.75"><title>{esc(names)}</title></path>'
            )
        )
    reads: dict[int, list[str]] = {}
    for _, end, names in arcs:
        reads.setdefault(end, []).append(names)
    for place, (label, role, text) in enumerate(cells):
        y = row * place + 18
        colour = colours.get(role, "var(--line)")
        parts.append(Markup(f'<circle cx="{left}" cy="{y}" r="5.5" style="fill:{colour}"/>'))
        parts.append(caption(label, left + 16, y + 4))
        parts.append(caption(role or "stays", left + 50, y + 4, "strong" if role else ""))
        shown = text if len(text) <= 58 else f"{text[:57]}…"
        parts.append(Markup(f'<text x="{left + 140}" y="{y + 4}" class="mono">{esc(shown)}</text>'))
        if names := ", ".join(reads.get(place, [])):
            cut = fitting(names, WIDTH - left - 560 - 20)
            parts.append(caption(f"← {cut}", left + 560, y + 4))
    return svg(parts, height, "data flow between cells")
