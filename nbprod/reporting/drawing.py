"""What plots are drawn with: scales, grids and texts of inline SVG in the colours of the page.

Drawn here rather than by a plotting library: a report needs five kinds of plot, its colours
must follow the reader's scheme, and a gate must not need an optional dependency.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.reporting.page import Markup, esc, join, number, tag

if TYPE_CHECKING:
    from collections.abc import Sequence

COLOURS = ("var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)", "var(--s5)", "var(--s6)")
WIDTH = 960
_WIDE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_mw%@")  # capitals and what is as broad


@dataclass(frozen=True)
class Axis:
    """A linear scale from values to places."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...] = field(default=())

    def place(self, value: float) -> float:
        """Where a value is drawn; outside the axis it is drawn at its end."""
        share = (value - self.low) / (self.high - self.low)
        return self.start + min(1.0, max(0.0, share)) * (self.end - self.start)


def axis(values: Sequence[float], start: float, end: float, *, zero: bool = False) -> Axis:
    """A scale that holds all values, with round ticks; zero: it begins at nought."""
    known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    if zero:
        low = min(0.0, low)
    if high - low < 1e-12:
        low, high = (low, low + 1.0) if zero else (low - 0.5, high + 0.5)
    step = _round_step((high - low) / 5)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    digits = 4 - math.floor(math.log10(step))  # as many as a tick of this step needs
    ticks = tuple(round(place * step, digits) for place in range(first, last + 1))
    return Axis(ticks[0], ticks[-1], start, end, ticks)


def _round_step(raw: float) -> float:
    size = 10.0 ** math.floor(math.log10(raw))
    return size * next(step for step in (1, 2, 2.5, 5, 10) if raw <= step * size * (1 + 1e-9))


def horizontal_grid(y: Axis, x: Axis, *, percent: bool = False) -> Markup:
    """Lines at the ticks of the upright axis, each with its value."""
    drawn = []
    for tick in y.ticks:
        place = y.place(tick)
        label = f"{tick:.0%}" if percent else number(tick)
        drawn.append(
            Markup(
                f'<line class="grid" x1="{x.start}" x2="{x.end}" '
                f'y1="{place:.1f}" y2="{place:.1f}"/>'
            )
        )
        drawn.append(caption(label, x.start - 8, place + 4, "end"))
    return join(drawn)


def caption(content: str, x: float, y: float, class_: str = "") -> Markup:
    """A text at a place; class_: how it is aligned and set."""
    return Markup(f'<text x="{x:.1f}" y="{y:.1f}" class="{class_}">{esc(content)}</text>')


def fitting(text: str, room: float) -> str:
    """As much of a text as has room in so many pixels, whatever the reader's font."""
    for place, letter in enumerate(text):
        room -= 9.0 if letter in _WIDE else 6.6
        if room < 0:
            return f"{text[:place]}…"
    return text


def legend(items: Sequence[tuple[str, str]]) -> Markup:
    """Names with their colours."""
    return tag(
        "div",
        *(
            join([Markup(f'<span><i style="background:{c}"></i>'), n, Markup("</span>")])
            for n, c in items
        ),
        class_="legend",
    )


def svg(parts: Sequence[Markup], height: float, label: str, *, width: int = WIDTH) -> Markup:
    """A drawing of parts, with what it shows in words for who cannot see it."""
    return Markup(
        f'<div class="scroll"><svg viewBox="0 0 {width} {height:.0f}" role="img" '
        f'aria-label="{esc(label)}">{join(parts)}</svg></div>'
    )
