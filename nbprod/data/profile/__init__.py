"""Profiles: mergeable sketches of inputs, features and outputs, and how far they moved."""

from nbprod.data.profile.sketches import Distribution, Profile
from nbprod.data.profile.stability import MIN_ROWS, population_stability_index
from nbprod.data.profile.writer import ProfileWriter, load_window

__all__ = [
    "MIN_ROWS",
    "Distribution",
    "Profile",
    "ProfileWriter",
    "load_window",
    "population_stability_index",
]
