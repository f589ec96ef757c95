"""Plots as inline SVG that takes its colours from the page, so that it is right in the dark, too.

Drawn here rather than by a plotting library: a report needs five kinds of plot, its colours
must follow the reader's scheme, and a gate must not need an optional dependency.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.reporting.page import Markup, esc, join, number, tag

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

COLOURS = ("var(--s1)", "var(--s2)", "var(--s3)", "var(--s4)", "var(--s5)", "var(--s6)")
_WIDTH = 960
_POINTS = 900  # more cannot be seen
_INTERVAL = re.compile(r"^\[(-?(?:inf|[\d.e+-]+)), (-?(?:inf|[\d.e+-]+))\)$")
_WIDE = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ_mw%@")  # capitals and what is as broad


@dataclass(frozen=True)
class Line:
    """One series over time."""

    name: str
    times: Sequence[float]  # seconds since the start
    values: Sequence[float | None]  # None: nothing was measured
    colour: str = COLOURS[0]


@dataclass(frozen=True)
class Mark:
    """An event on the time axis."""

    time: float
    label: str
    bad: bool = False


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


# ---------------------------------------------------------------- over time


def time_plot(
    lines: Sequence[Line],
    *,
    unit: str,
    marks: Sequence[Mark] = (),
    stacked: bool = False,
    height: int = 250,
) -> Markup:
    """Series over time, with events as vertical lines; stacked: areas upon each other."""
    times = [time for line in lines for time in line.times] + [mark.time for mark in marks]
    shown = _stack(lines) if stacked else [(line, None) for line in lines]
    values = [value for line, _ in shown for value in line.values if value is not None]
    lanes, most = _lanes(marks, times)
    top, bottom = 26 + 16 * most, height - 30
    x = axis(times, 52, _WIDTH - 12)
    x = Axis(min(times, default=0), max(times, default=1) or 1, 52, _WIDTH - 12, x.ticks)
    y = axis(values, bottom, top, zero=True)
    parts = [_horizontal_grid(y, x), _time_ticks(x, bottom)]
    for line, floor in reversed(shown):
        parts.append(_area(line, floor, x, y) if stacked else _polyline(line, x, y))
    parts += [_mark(mark, lane, x, bottom) for mark, lane in zip(marks, lanes, strict=True)]
    parts.append(_text(unit, 0, top - 14))
    return join([_legend(lines) if len(lines) > 1 or stacked else "", _svg(parts, height, unit)])


def _stack(lines: Sequence[Line]) -> list[tuple[Line, list[float] | None]]:
    floors = [0.0] * max((len(line.values) for line in lines), default=0)
    stacked: list[tuple[Line, list[float] | None]] = []
    for line in lines:
        tops = [floor + (value or 0.0) for floor, value in zip(floors, line.values, strict=False)]
        stacked.append((Line(line.name, line.times, tops, line.colour), list(floors)))
        floors = tops + floors[len(tops) :]
    return stacked


def _area(line: Line, floor: list[float] | None, x: Axis, y: Axis) -> Markup:
    floors = floor or [0.0] * len(line.times)
    upper = [(x.place(t), y.place(v or 0.0)) for t, v in zip(line.times, line.values, strict=True)]
    lower = [(x.place(t), y.place(f)) for t, f in zip(line.times, floors, strict=False)]
    points = " ".join(f"{px:.1f},{py:.1f}" for px, py in [*upper, *reversed(lower)])
    return Markup(f'<polygon points="{points}" style="fill:{line.colour}" fill-opacity="0.85"/>')


def _polyline(line: Line, x: Axis, y: Axis) -> Markup:
    runs: list[list[tuple[float, float]]] = [[]]
    for time, value in _thinned(line):
        if value is None:
            runs.append([])
        else:
            runs[-1].append((x.place(time), y.place(value)))
    drawn = []
    for run in runs:
        points = " ".join(f"{px:.1f},{py:.1f}" for px, py in run)
        if len(run) == 1:
            px, py = run[0]
            drawn.append(f'<circle cx="{px:.1f}" cy="{py:.1f}" r="2" style="fill:{line.colour}"/>')
        elif run:
            drawn.append(
                f'<polyline points="{points}" fill="none" style="stroke:{line.colour}" '
                'stroke-width="1.8" stroke-linejoin="round"/>'
            )
    return Markup("".join(drawn))


def _thinned(line: Line) -> list[tuple[float, float | None]]:
    """At most so many points as can be seen; of each bucket the greatest: peaks stay."""
    points = list(zip(line.times, line.values, strict=True))
    step = -(-len(points) // _POINTS)
    if step <= 1:
        return points
    buckets = [points[start : start + step] for start in range(0, len(points), step)]
    return [max(bucket, key=lambda point: point[1] or 0.0) for bucket in buckets]


def _lanes(marks: Sequence[Mark], times: Sequence[float]) -> tuple[list[int], int]:
    """A row for each mark's label, so that no two labels overlap; and how many rows."""
    if not marks:
        return [], 0
    start, end = min(times), max(*times, min(times) + 1e-09)
    free: list[float] = []
    lanes = []
    for mark in marks:
        left = (mark.time - start) / (end - start) * (_WIDTH - 64)
        lane = next((place for place, taken in enumerate(free) if left >= taken), len(free))
        if lane == len(free):
            free.append(0.0)
        free[lane] = left + 7 * len(mark.label) + 12
        lanes.append(lane)
    return lanes, len(free)


def _mark(mark: Mark, lane: int, x: Axis, bottom: float) -> Markup:
    place, height = x.place(mark.time), 12 + 16 * lane
    colour = "var(--bad)" if mark.bad else "var(--fg)"
    room = 7 * len(mark.label) + 6
    right = place + room > _WIDTH
    return join(
        [
            Markup(
                f'<line x1="{place:.1f}" x2="{place:.1f}" y1="{height - 8}" y2="{bottom}" '
                f'style="stroke:{colour}" stroke-width="1" stroke-dasharray="3 3"/>'
            ),
            Markup(
                f'<text x="{place + (-4 if right else 4):.1f}" y="{height}" style="fill:{colour}" '
                f"{'class=end' if right else ''}>{esc(mark.label)}</text>"
            ),
        ]
    )


def _time_ticks(x: Axis, bottom: float) -> Markup:
    ticks = [tick for tick in x.ticks if x.low <= tick <= x.high]
    return join(_text(_clock(tick), x.place(tick), bottom + 17, "mid") for tick in ticks)


def _clock(value: float) -> str:
    if value < 120:
        return f"{value:g} s"
    return f"{int(value // 60)}:{int(value % 60):02d} min"


# ---------------------------------------------------------------- intervals


def interval_plot(rows: Sequence[IntervalRow], *, shared: bool = True) -> Markup:
    """Values with their intervals, one row each; where a row passes is shaded.

    shared: all rows are of one metric and share a scale, which is drawn below them; otherwise
    each has a scale of its own, and its figures stand beside it.
    """
    start = min(_WIDTH * 0.4, 14 + 6.6 * max((len(row.label) for row in rows), default=20))
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
            _text(number(tick), common.place(tick), height - 8, "mid") for tick in common.ticks
        ]
    return _svg(parts, height, "values with intervals and thresholds")


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
        _text(row.label, x.start - 12, middle + 4, "end strong"),
        _text(number(row.value, 3), 720, middle + 4, "strong"),
        _text(limit, 784, middle + 4),
        _text(row.note, _WIDTH, middle + 4, "end"),
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
        parts.append(_text(label, x.start - 10, top + 15.5, "end strong"))
        parts.append(_text(number(value, 3), x.end + 12, top + 15.5, "strong"))
    parts += [_text(number(tick), x.place(tick), height - 8, "mid") for tick in x.ticks]
    return _svg(parts, height, "bars with thresholds")


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
    parts = [_horizontal_grid(y, Axis(0, 1, 38, width - 4), percent=True)]
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
    return _svg(parts, height, "distribution", width=width)


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
        return _text(text, x, y, "mid")
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
        parts.append(_text(label, left + 16, y + 4))
        parts.append(_text(role or "stays", left + 50, y + 4, "strong" if role else ""))
        shown = text if len(text) <= 58 else f"{text[:57]}…"
        parts.append(Markup(f'<text x="{left + 140}" y="{y + 4}" class="mono">{esc(shown)}</text>'))
        if names := ", ".join(reads.get(place, [])):
            cut = _fitting(names, _WIDTH - left - 560 - 20)
            parts.append(_text(f"← {cut}", left + 560, y + 4))
    return _svg(parts, height, "data flow between cells")


# ---------------------------------------------------------------- shared strokes


def _horizontal_grid(y: Axis, x: Axis, *, percent: bool = False) -> Markup:
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
        drawn.append(_text(label, x.start - 8, place + 4, "end"))
    return join(drawn)


def _text(content: str, x: float, y: float, class_: str = "") -> Markup:
    return Markup(f'<text x="{x:.1f}" y="{y:.1f}" class="{class_}">{esc(content)}</text>')


def _fitting(text: str, room: float) -> str:
    """As much of a text as has room in so many pixels, whatever the reader's font."""
    for place, letter in enumerate(text):
        room -= 9.0 if letter in _WIDE else 6.6
        if room < 0:
            return f"{text[:place]}…"
    return text


def _legend(lines: Sequence[Line]) -> Markup:
    return legend([(line.name, line.colour) for line in lines])


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


def _svg(parts: Sequence[Markup], height: float, label: str, *, width: int = _WIDTH) -> Markup:
    return Markup(
        f'<div class="scroll"><svg viewBox="0 0 {width} {height:.0f}" role="img" '
        f'aria-label="{esc(label)}">{join(parts)}</svg></div>'
    )
