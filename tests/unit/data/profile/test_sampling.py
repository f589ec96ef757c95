"""What waits to be profiled: bounded, and every row with the same chance."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nbprod.data.prediction_log.sheets import sheet
from nbprod.data.profile.sampling import Sample
from nbprod.records import new_ids, utc_now


def record(first: int, count: int) -> Any:
    """A row, or a sheet of several, whose outputs are numbers that count up."""
    if count == 1:
        return {"output": first}
    common = dict.fromkeys(("deployment", "release", "role", "module_version", "request_id"), "d")
    common |= {"at": utc_now(), "latency_ms": 1.0, "degraded": False, "routing_key": ""}
    fed = [{"x": 1.0}] * count
    outputs = list(range(first, first + count))
    return sheet(new_ids(count), fed, fed, outputs, key=(), **common)


@given(st.lists(st.integers(1, 12), max_size=40), st.integers(1, 60))
def test_what_is_kept_came_and_is_bounded(counts: list[int], most: int) -> None:
    """Never more than was asked for, none twice, all of them where they fit."""
    sample, came = Sample(40), 0
    for count in counts:
        sample.add(record(came, count))
        came += count
    assert sample.seen == came
    kept = [row["output"] for row in sample.take(most)]
    assert len(set(kept)) == len(kept) <= min(most, 40)
    assert set(kept) <= set(range(came))
    if came <= min(most, 40):
        assert sorted(kept) == list(range(came))


def test_early_and_late_rows_have_the_same_chance() -> None:
    """Rows and sheets alike, whether they came before the sample was halved or after."""
    found: list[int] = []
    dice = random.Random(5)
    for _ in range(300):
        sample, came = Sample(100, dice), 0
        while came < 2000:
            count = 1 if came < 500 else 25
            sample.add(record(came, count))
            came += count
        found += [row["output"] for row in sample.take(50)]
    quarters = [sum(500 * n <= place < 500 * (n + 1) for place in found) for n in range(4)]
    expected = len(found) / 4
    assert len(found) > 12_000
    # Five standard deviations of a fair draw.
    assert all(abs(quarter - expected) < 5 * (expected * 0.75) ** 0.5 for quarter in quarters)
