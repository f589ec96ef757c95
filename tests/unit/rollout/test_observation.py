"""Counts of one role."""

from __future__ import annotations

import numpy as np
import pytest

from nbprod.rollout import Latencies, Moments, Observed


def test_quantiles_are_within_a_bucket_of_the_truth() -> None:
    """Buckets 5 % wide: a quantile is never below the true one, and at most 6 % above it."""
    values = np.random.default_rng(1).lognormal(3, 1, 5000)
    found = Latencies.of(list(values))
    for q in (0.5, 0.95, 0.99):
        true = float(np.quantile(values, q, method="inverted_cdf"))
        assert true <= (found.quantile_ms(q) or 0.0) * 1.0001
        assert found.quantile_ms(q) == pytest.approx(true, rel=0.06)


def test_above_counts_what_took_longer() -> None:
    """Those well below the limit are not counted, those well above it are."""
    assert Latencies.of([1.0, 2.0, 60.0, 100.0]).above(50.0) == 2


def test_latencies_add_up_and_without_any_there_is_no_quantile() -> None:
    """Two replicas' counts are one role's."""
    assert (Latencies.of([1.0]) + Latencies.of([1.0, 9.0])).count == 3
    assert Latencies().quantile_ms(0.5) is None


def test_evidence_is_short_and_plain() -> None:
    """Counts, quantiles and means, nothing that grows with the traffic."""
    shown = Observed(
        requests=3, errors=1, latencies=Latencies.of([1.0, 2.0]), scores={"brier": Moments(2, 1.0)}
    ).to_json()
    assert shown["requests"] == 3
    assert shown["brier"] == {"rows": 2, "mean": 0.5}
    assert "p99_ms" in shown
