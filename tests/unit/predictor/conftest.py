"""The trips package and its bundle."""

from __future__ import annotations

import pytest


@pytest.fixture
def package(tmp_path, trips):
    """The package in a folder of its own."""
    return trips.write(tmp_path / "trips")


@pytest.fixture
def bundle(tmp_path, trips, package):
    """A bundle of the package."""
    return trips.bundle(tmp_path / "run" / "bundle", package)
