"""The smallest input that still shows a difference."""

from __future__ import annotations

import pytest

from nbprod.parity.shrink import smallest


@pytest.mark.parametrize("needed", [{3}, {0, 99}, {10, 11, 50}, set(range(5))])
def test_what_is_needed_remains(needed):
    """Exactly the items that the difference needs remain, in their order."""
    found = smallest(range(100), lambda items: needed <= set(items), calls=1000)

    assert found == sorted(needed)


def test_the_budget_is_kept():
    """No more calls than allowed are made, and what comes back still shows it."""
    calls = []

    def shows(items):
        calls.append(items)
        return {1, 2, 3, 70, 80} <= set(items)

    found = smallest(range(500), shows, calls=20)

    assert len(calls) <= 20
    assert shows(found)


def test_one_item_is_as_small_as_it_gets():
    """A single item is not tried any smaller."""
    assert smallest([7], lambda items: pytest.fail("called")) == [7]
