"""A shadow's answers against the live ones."""

from __future__ import annotations

from typing import Any

import pytest

from nbprod.records import Prediction
from nbprod.rollout import compare_shadow


def record(number: int, output: Any, *, shadow_of: str = "", **inputs: Any) -> Prediction:
    return Prediction(
        id=f"{number:024x}",
        at="2013-01-01T00:00:00+00:00",
        deployment="d",
        release="2" if shadow_of else "1",
        role="shadow" if shadow_of else "champion",
        request_id="",
        inputs=inputs,
        features={},
        output=output,
        latency_ms=float(number % 7),
        shadow_of=shadow_of,
    )


LIVE = [record(n, 0.5, carrier="AA" if n % 2 else "B6", km=float(n)) for n in range(100)]


def shadows(output: Any, of: list[Prediction] = LIVE) -> list[Prediction]:
    return [record(1000 + n, output, shadow_of=one.id) for n, one in enumerate(of)]


def test_equal_answers_agree_completely() -> None:
    """Float noise is no difference; every live row is paired."""
    found = compare_shadow("2", LIVE, shadows(0.5 + 1e-9))
    assert (found.pairs, found.unpaired, found.agreement) == (100, 0, 1.0)
    assert found.examples == ()


def test_dropped_rows_are_counted() -> None:
    """A live row without a shadow's answer is unpaired, never left out in silence."""
    assert compare_shadow("2", LIVE, shadows(0.5, LIVE[:60])).unpaired == 40
    nothing = compare_shadow("2", LIVE, [])
    assert (nothing.pairs, nothing.unpaired, nothing.agreement) == (0, 100, None)


def test_the_slice_that_differs_is_named_and_the_worst_rows_come_first() -> None:
    """Only one carrier's rows differ: that slice is first; examples by distance."""
    made = [
        record(1000 + n, 0.5 if one.inputs["carrier"] == "AA" else 0.5 + n / 1000, shadow_of=one.id)
        for n, one in enumerate(LIVE)
    ]
    found = compare_shadow("2", LIVE, made)
    assert (found.slices[0].column, found.slices[0].value) == ("carrier", "B6")
    assert found.slices[0].rows == 50
    distances = [one.distance for one in found.examples]
    assert distances == sorted(distances, reverse=True)
    assert found.fields[0].max_distance == pytest.approx(0.098)
    assert found.fields[0].mean_difference == pytest.approx(found.fields[0].mean_distance)


def test_fields_of_an_object_are_told_apart() -> None:
    """Each field has its own agreement; text has no distance."""
    live = [record(n, {"late": 0.2, "class": "no"}) for n in range(10)]
    found = compare_shadow("2", live, shadows({"late": 0.2, "class": "yes"}, live))
    by_name = {one.name: one for one in found.fields}
    assert by_name["late"].agreement == 1.0
    assert by_name["class"].agreement == 0.0
    assert by_name["class"].max_distance is None
    assert found.agreement == 0.0


def test_latency_is_shown_for_both() -> None:
    """Both roles' quantiles, in milliseconds."""
    found = compare_shadow("2", LIVE, shadows(0.5))
    assert set(found.latency_ms) == {"champion", "shadow"}
    assert found.latency_ms["champion"]["p99"] == 6.0
