"""Laws of profiles."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprod.data.profile import Profile, population_stability_index

NUMBERS = st.none() | st.integers(-1000, 1000) | st.floats(-1e6, 1e6)
TEXT = st.none() | st.sampled_from(["UA", "AA", "DL", "", "Zürich", "other"])
FRAMES = st.lists(st.tuples(NUMBERS, TEXT, st.booleans()), max_size=60).map(
    lambda rows: pd.DataFrame(rows, columns=["number", "text", "flag"])
)


def known(profile: Profile) -> dict[str, Any]:
    """What must not depend on how the rows came together."""
    found = {}
    for name in profile.columns():
        column = profile.distribution(name)
        found[name] = (
            column.rows,
            column.nulls,
            column.numbers,
            dict(sorted(column.items().items())),
        )
    return found


@given(one=FRAMES, two=FRAMES)
@settings(max_examples=40, deadline=None)
def test_merging_is_tracking_together(one: pd.DataFrame, two: pd.DataFrame) -> None:
    """Two merged profiles know what one profile of all the rows knows, in either order."""
    a, b = Profile.empty().track(one), Profile.empty().track(two)
    before = known(a), known(b)
    merged, turned = a.merge(b), b.merge(a)
    both = Profile.empty().track(one).track(two)
    assert known(merged) == known(turned) == known(both)
    assert (known(a), known(b)) == before
    for name in both.columns():
        x, y = merged.distribution(name), both.distribution(name)
        assert (x.mean or 0) == pytest.approx(y.mean or 0, rel=1e-6, abs=1e-6)
        # So few numbers fit into the sketch: their quantiles are exact.
        assert x.quantiles([0.1, 0.5, 0.9]) == y.quantiles([0.1, 0.5, 0.9])


@given(frame=FRAMES)
@settings(max_examples=20, deadline=None)
def test_saving_loses_nothing(frame: pd.DataFrame) -> None:
    """A profile read from its file knows what it knew, and merges as before."""
    profile = Profile.empty().track(frame)
    with tempfile.TemporaryDirectory() as name:
        profile.save(Path(name, "p.bin"))
        loaded = Profile.load(Path(name, "p.bin"))
    assert known(loaded) == known(profile)
    assert known(loaded.merge(loaded)) == known(profile.merge(profile))


@given(one=FRAMES, two=FRAMES)
@settings(max_examples=40, deadline=None)
def test_index_is_never_negative(one: pd.DataFrame, two: pd.DataFrame) -> None:
    """The stability index is zero for a profile and itself, and a finite positive number else."""
    a, b = Profile.empty().track(one), Profile.empty().track(two)
    for name in a.columns():
        same = population_stability_index(a, a, name)
        other = population_stability_index(a, b, name)
        assert same is not None
        assert other is not None
        assert same.distance == pytest.approx(0)
        assert 0 <= other.distance < 100
        assert not other.drifted  # so few rows give no verdict
