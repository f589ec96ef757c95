"""Scales, labels and series of the plots."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod.reporting.drawing import axis
from nbprod.reporting.plots import (
    IntervalRow,
    bar_plot,
    distribution_plot,
    flow_plot,
    interval_plot,
)
from nbprod.reporting.time_plots import Line, Mark, time_plot

numbers = st.floats(-1e9, 1e9, allow_nan=False)


@given(st.lists(numbers, min_size=1, max_size=20), st.booleans())
def test_an_axis_holds_its_values_with_few_round_ticks(values, zero) -> None:
    """Every value lies between the ends; ticks rise; nought is there when asked for."""
    made = axis(values, 0, 100, zero=zero)
    slack = 1e-6 * max(1.0, *(abs(value) for value in values))
    assert made.low - slack <= min(values)
    assert max(values) <= made.high + slack
    assert 2 <= len(made.ticks) <= 13
    assert list(made.ticks) == sorted(set(made.ticks))
    assert not zero or made.low <= 0
    assert all(0 <= made.place(value) <= 100 for value in values)


@pytest.mark.parametrize("values", [[], [math.nan], [math.inf, 1.0], [0.0], [5.0, 5.0]])
def test_an_axis_can_be_made_of_nothing(values) -> None:
    """No value, no finite value or one value still gives a scale."""
    made = axis(values, 0, 10, zero=True)
    assert made.high > made.low


def test_labels_of_close_events_do_not_overlap() -> None:
    """Events at one moment are labelled in rows of their own; a late one to the left."""
    line = Line("a", [0.0, 10.0], [1.0, 2.0])
    marks = [Mark(5.0, "promote"), Mark(5.1, "kill"), Mark(9.9, "rollback")]
    text = str(time_plot([line], unit="x", marks=marks))
    heights = [re.search(rf'y="(\d+)"[^>]*>{m.label}<', text)[1] for m in marks]
    assert heights[0] != heights[1]
    assert re.search(r'class="?end"?>rollback', text)


def test_gaps_stay_gaps_and_peaks_stay_peaks() -> None:
    """A missing value breaks the line; thinning keeps the greatest of its bucket."""
    gap = str(time_plot([Line("a", [0, 1, 2, 3], [1.0, None, 1.0, 2.0])], unit="x"))
    assert gap.count("<polyline") == 1
    assert gap.count("<circle") == 1
    times = [float(n) for n in range(10_000)]
    values = [1.0] * 10_000
    values[7777] = 100.0
    text = str(time_plot([Line("a", times, values)], unit="x"))
    points = re.search(r'<polyline points="([^"]*)"', text)[1].split()
    assert len(points) <= 900
    assert min(float(point.split(",")[1]) for point in points) < 60


def test_stacked_areas_stand_upon_each_other() -> None:
    """The upper area begins where the lower one ends."""
    lines = [Line("a", [0, 1], [1.0, 1.0]), Line("b", [0, 1], [2.0, 2.0])]
    text = str(time_plot(lines, unit="x", stacked=True))
    polygons = [
        [float(pair.split(",")[1]) for pair in points.split()]
        for points in re.findall(r'<polygon points="([^"]*)"', text)
    ]
    upper, lower = polygons
    assert upper[2:] == lower[:2]
    assert upper[0] < lower[0] < lower[2]


def test_empty_plots_are_drawn() -> None:
    """Nothing to show is no error."""
    for plot in (
        time_plot([], unit="x"),
        interval_plot([]),
        bar_plot([]),
        distribution_plot({}, {}),
        interval_plot([IntervalRow("a", math.nan, None, None, ">=", None, "failed")]),
    ):
        assert "<svg" in plot


def test_a_distribution_keeps_what_moved() -> None:
    """Of many categories those that moved most are shown, in their order."""
    reference = {f"c{n:02}": 0.02 for n in range(50)}
    window = {**reference, "c07": 0.2, "c41": 0.0}
    text = str(distribution_plot(reference, window, most=5))
    assert re.findall(r">(c\d\d)<", text)[0:1] != []
    assert {"c07", "c41"} <= set(re.findall(r">(c\d\d)<", text))
    assert len(re.findall(r">(c\d\d)<", text)) == 5


def test_bins_are_named_in_few_signs() -> None:
    """An interval's ends are rounded and open ends are words; other names stay as they are."""
    bins = ["[-inf, 33.08)", "[33.08, 39.02)", "[82.04, inf)", "[1, 8)", "(null)", "[x, y)"]
    text = str(distribution_plot(dict.fromkeys(bins, 0.1), {}))
    shown = re.findall(r"<text[^>]*>([^<]*)</text>", text)
    assert shown[-6:] == ["&lt; 33.1", "33.1 to 39", "≥ 82", "1 to 8", "(null)", "[x, y)"]


def test_names_that_a_cell_reads_stay_inside_the_plot() -> None:
    """Capitals are broad: such names are cut sooner."""
    for names in ("KNOWN_AFTER, KNOWN_AT_DEPARTURE, data_uri", "l" * 60):
        text = str(flow_plot([("1", "lib", "x"), ("2", "data", "y")], [(0, 1, names)]))
        (cut,) = re.findall(r"← ([^<]*)…<", text)
        assert names.startswith(cut)
        assert len(cut) >= 25
    short = str(flow_plot([("1", "lib", "x"), ("2", "data", "y")], [(0, 1, "a, b")]))
    assert "← a, b<" in short
