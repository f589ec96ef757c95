"""A canary beside its champion, as plain values."""

from __future__ import annotations

import pytest

from nbprod.records import TrafficState


@pytest.fixture
def trial():
    """A canary with a share of the traffic."""

    def make(fraction: float, **changes: object) -> TrafficState:
        roles = {"champion": 1, "canary": 2}
        return TrafficState(roles=roles, canary_fraction=fraction, **changes)

    return make
