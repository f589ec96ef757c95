"""The log holds what placed a request in a rollout, and no more of it than it may."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from nbprod.serving import PredictRequest, ServiceOptions
from nbprod.serving.placing import RoutingTexts


def placed(
    options: ServiceOptions, *trips: str, key: tuple[str, ...] = ("trip",), **more: Any
) -> str:
    rows = [{"trip": trip, "leg": 2} for trip in trips]
    return RoutingTexts(key, options).of(PredictRequest(rows, "r", **more))


def test_the_callers_key_or_the_first_rows_where_others_went_with_it(
    options: ServiceOptions,
) -> None:
    """One row without a header is counted by its own key, which the log has already."""
    assert placed(options, "a") == ""
    assert placed(options, "a", "b") == "a"
    assert placed(options, "a", "b", key=("trip", "leg")) == "a\x1f2"
    assert placed(options, "a", routing_key="ann") == "ann"
    assert placed(options, "a", "b", key=()) == ""


@pytest.mark.parametrize("redact", [("trip",), ("x-routing-key",)])
def test_a_redacted_key_is_a_digest_of_one_user(
    options: ServiceOptions, redact: tuple[str, ...]
) -> None:
    """The same for the same key, another for another deployment's token, and nobody's name."""
    hidden = dataclasses.replace(options, redact=redact, admin_digest="a" * 64)
    ann, again, bob = (placed(hidden, "t", routing_key=one) for one in ("ann", "ann", "bob"))
    assert ann == again != bob
    assert "ann" not in ann
    assert len(ann) == 24
    assert placed(hidden, "ann") == ann
    other = dataclasses.replace(hidden, admin_digest="b" * 64)
    assert placed(other, "t", routing_key="ann") != ann
