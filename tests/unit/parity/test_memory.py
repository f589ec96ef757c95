"""What a transform remembers between calls, outside its arguments."""

from __future__ import annotations

import dataclasses
import functools
import logging

import numpy as np
import pandas as pd

from nbprod.parity.memory import Memory

SEEN: dict[str, int] = {}
ITEMS = [1, 2]
LOG = logging.getLogger("memory")
TABLE = pd.DataFrame({"x": [1.0]})
NUMBER = 0


@functools.cache
def squared(number: int) -> int:
    return number * number


def helper(name: str) -> None:
    SEEN[name] = len(SEEN)


def function(frame, state):
    global NUMBER
    NUMBER += 1
    helper("a")
    ITEMS.append(squared(3))
    LOG.debug("called")
    return TABLE


def test_globals_are_found_through_the_functions_that_are_called():
    """A global that a helper changes is seen and put back, in place."""
    memory = Memory.of(function)
    seen = SEEN
    function(None, None)

    assert {slot.name for slot in memory.changed()} == {"NUMBER", "SEEN", "ITEMS"}
    memory.restore()
    assert (NUMBER, SEEN, ITEMS) == (0, {}, [1, 2])
    assert SEEN is seen
    assert not memory.changed()
    assert squared.cache_info().currsize == 0


def test_closures_and_instances_are_watched():
    """A variable of an enclosing function and an attribute of a callable object are memory."""
    count = 0

    def closure(frame, state):
        nonlocal count
        count += 1

    class Callable:
        def __init__(self):
            self.calls = []

        def __call__(self, frame, state):
            self.calls.append(1)

    instance = Callable()
    memories = Memory.of(closure), Memory.of(instance)
    closure(None, None)
    instance(None, None)

    assert all(memory.changed() for memory in memories)
    for memory in memories:
        memory.restore()
    assert (count, instance.calls) == (0, [])


def test_reading_is_no_change():
    """Frames, arrays and loggers that are only read do not count as changed."""
    array = np.arange(5)

    def reads(frame, state):
        LOG.debug("%s", array.sum())
        return TABLE * array.mean()

    memory = Memory.of(reads)
    reads(None, None)

    assert not memory.changed()


@dataclasses.dataclass(frozen=True)
class Learned:
    names: tuple[str, ...]
    limits: dict[str, float] = dataclasses.field(default_factory=dict)

    def limit(self, name: str) -> float:
        return self.limits[name]


def test_what_a_dataclass_writes_is_not_the_users():
    """That a frozen state can be hashed or printed says nothing about what a transform does."""
    names = {function.__qualname__ for function in Memory.of(Learned).functions}
    assert names == {"Learned.__init__", "Learned.limit"}
    assert Memory.of(Learned).slots == []
