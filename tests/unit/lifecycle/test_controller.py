"""The controller's rest between two looks."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbprod.lifecycle.controller import LOOK_S, rest_after


@given(st.floats(0, 1e6))
def test_a_look_takes_a_tenth_of_a_core_and_no_bad_canary_waits_long(processor_s: float) -> None:
    """A longer look is followed by a longer rest, up to one that a person would not notice."""
    rest_s = rest_after(processor_s)
    assert rest_s <= 3 * LOOK_S
    assert processor_s <= (processor_s + rest_s) / 10 * 1.000001 or rest_s == 3 * LOOK_S
