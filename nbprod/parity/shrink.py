"""The smallest input that still shows a difference: delta debugging with a budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_CALLS = 80


def smallest(
    items: Sequence[int], shows: Callable[[list[int]], bool], *, calls: int = _CALLS
) -> list[int]:
    """A subsequence of the items, in their order, that still shows it, as small as the budget
    allows: no part of an equal division of it could be left out.

    shows: whether a subsequence shows the difference; true for all items. It is called at most
    ``calls`` times.
    """
    kept = list(items)
    parts = 2
    while len(kept) > 1 and calls > 0:
        size = -(-len(kept) // parts)
        chunks = [kept[start : start + size] for start in range(0, len(kept), size)]
        smaller, calls = _smaller(kept, chunks, shows, calls)
        if smaller is not None:
            parts = max(2, parts - 1) if len(smaller) > size else 2
            kept = smaller
        elif size == 1:
            break
        else:
            parts = min(len(kept), parts * 2)
    return kept


def _smaller(
    kept: list[int],
    chunks: list[list[int]],
    shows: Callable[[list[int]], bool],
    calls: int,
) -> tuple[list[int] | None, int]:
    """One chunk alone, or all but one, that still shows it; and the calls that are left."""
    rests = [[item for item in kept if item not in set(chunk)] for chunk in chunks]
    for candidate in [*chunks, *(rests if len(chunks) > 2 else [])]:
        if calls <= 0:
            return None, 0
        if candidate and len(candidate) < len(kept):
            calls -= 1
            if shows(candidate):
                return candidate, calls
    return None, calls
