"""Frames, contracts, comparison, the prediction log and profiles: what every stage handles."""
