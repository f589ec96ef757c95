"""Laws of the traffic split."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbprod.records import TrafficState
from nbprod.traffic import assign, place

FRACTIONS = st.floats(0.0, 1.0)
KEYS = st.text(max_size=40)


def state(fraction: float) -> TrafficState:
    return TrafficState(roles={"champion": 1, "canary": 2}, canary_fraction=fraction)


@given(KEYS, FRACTIONS, FRACTIONS)
def test_raising_the_fraction_never_moves_a_key_back(key: str, one: float, other: float) -> None:
    """A key that the canary answers stays with it when its share grows."""
    low, high = sorted((one, other))
    if assign(state(low), key) == "canary":
        assert assign(state(high), key) == "canary"


@given(KEYS, FRACTIONS)
def test_a_key_is_always_assigned_alike(key: str, fraction: float) -> None:
    """The same state and key give the same role."""
    assert assign(state(fraction), key) == assign(state(fraction), key)


@given(KEYS)
def test_the_ends_of_the_scale_are_exact(key: str) -> None:
    """A share of 0 gives the canary nothing, a share of 1 everything."""
    assert assign(state(0.0), key) == "champion"
    assert assign(state(1.0), key) == "canary"
    assert 0.0 <= place(key, 2) < 1.0


@given(KEYS, FRACTIONS)
def test_without_a_canary_the_champion_answers(key: str, fraction: float) -> None:
    """A share without a canary means nothing."""
    alone = TrafficState(roles={"champion": 1}, canary_fraction=fraction)
    assert assign(alone, key) == "champion"
