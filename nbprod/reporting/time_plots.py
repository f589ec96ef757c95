"""Plots over time: lines, areas that stand on each other, and the events between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.reporting.drawing import (
    COLOURS,
    WIDTH,
    Axis,
    axis,
    caption,
    horizontal_grid,
    legend,
    svg,
)
from nbprod.reporting.page import Markup, esc, join

if TYPE_CHECKING:
    from collections.abc import Sequence

_POINTS = 900  # more cannot be seen


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
    x = axis(times, 52, WIDTH - 12)
    x = Axis(min(times, default=0), max(times, default=1) or 1, 52, WIDTH - 12, x.ticks)
    y = axis(values, bottom, top, zero=True)
    parts = [horizontal_grid(y, x), _time_ticks(x, bottom)]
    for line, floor in reversed(shown):
        parts.append(_area(line, floor, x, y) if stacked else _polyline(line, x, y))
    parts += [_mark(mark, lane, x, bottom) for mark, lane in zip(marks, lanes, strict=True)]
    parts.append(caption(unit, 0, top - 14))
    return join([_legend(lines) if len(lines) > 1 or stacked else "", svg(parts, height, unit)])


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
        left = (mark.time - start) / (end - start) * (WIDTH - 64)
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
    right = place + room > WIDTH
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
    return join(caption(_clock(tick), x.place(tick), bottom + 17, "mid") for tick in ticks)


def _clock(value: float) -> str:
    if value < 120:
        return f"{value:g} s"
    return f"{int(value // 60)}:{int(value % 60):02d} min"


def _legend(lines: Sequence[Line]) -> Markup:
    return legend([(line.name, line.colour) for line in lines])
