"""The lock says what is installed, what of it a run can reach, and what is another one now."""

from __future__ import annotations

import importlib.metadata

import numpy as np

from nbprod.training.libraries import (
    Library,
    compare_libraries,
    library_lock,
    needed_libraries,
    read_lock,
)


def test_the_lock_is_sorted_and_exact():
    """One distribution a line, each once, at its version, as pip reads it."""
    lines = library_lock().splitlines()
    assert sorted(set(lines), key=str.lower) == lines
    assert any(line.startswith(f"numpy=={np.__version__}  # files:") for line in lines)


def test_what_a_run_can_reach_is_marked():
    """A root and all it requires; what merely lies beside it is not."""
    lock = read_lock(library_lock(["hypothesis"]))
    assert lock["hypothesis"].needed
    assert lock["sortedcontainers"].needed == _requires("hypothesis", "sortedcontainers")
    assert lock["numpy"].needed  # nbprod's own requirement
    assert not lock["playwright"].needed
    assert "nbprod" not in needed_libraries(lock)


def _requires(name: str, other: str) -> bool:
    return any(text.startswith(other) for text in importlib.metadata.requires(name) or ())


def test_an_extra_of_a_requirement_is_followed():
    """`nbprod[serve]` reaches Ray; nbprod alone does not."""
    assert read_lock(library_lock())["ray"].needed is False


def test_a_lock_comes_back_and_equals_itself():
    """What is written is what is read; comparing a lock with itself finds nothing."""
    lock = read_lock(library_lock(["pandas"]))
    again = read_lock("\n".join(item.line() for item in lock.values()))
    assert again == lock
    assert compare_libraries(lock, again) == []


def test_every_other_library_is_named():
    """Gone, another version, other files: each is told; what the run cannot reach is not."""
    then = {
        "a": Library("A", "1", "f1", needed=True),
        "b": Library("b", "1", "f1", needed=True),
        "c": Library("c", "1", "f1", needed=True),
        "d": Library("d", "1", "", needed=True),
        "e": Library("e", "1", "f1"),
    }
    now = {
        "b": Library("b", "2", "f2"),
        "c": Library("c", "1", "f2"),
        "d": Library("d", "1", "f2"),
        "e": Library("e", "9"),
    }
    assert compare_libraries(then, now) == [
        "A 1 is not installed",
        "b is 2, it was 1",
        "c 1 has other files than it had",
    ]


def test_a_plain_list_of_versions_is_a_lock_too():
    """Without marks all of it is needed."""
    lock = read_lock("# made by hand\nnumpy==2.0\n\nscikit-learn==1.6\n")
    assert set(needed_libraries(lock)) == {"numpy", "scikit-learn"}
