"""Guards: pass, hold, fail."""

from __future__ import annotations

import pytest

from nbprod.errors import ConfigError
from nbprod.rollout import Latencies, Moments, Observed, read_guard
from nbprod.rollout.guards import judge, psi

ALPHA = 0.01


def verdict(name: str, text: str, canary: Observed, champion: Observed) -> str:
    return judge(read_guard(name, text), canary, champion, ALPHA).verdict


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("p99_ms", "fast"),
        ("p99_ms", "<="),
        ("p99_ms", "<= + 5"),
        ("p99_ms", "<= champion 5"),
        ("error_rat", "<= 0.1"),
        ("prediction_psi", "<= champion + 0.1"),
    ],
)
def test_what_cannot_be_read_is_refused(name: str, text: str) -> None:
    """An unreadable guard is never taken for one that holds."""
    with pytest.raises(ConfigError) as caught:
        read_guard(name, text)
    assert caught.value.hint


def test_a_misspelled_guard_is_named() -> None:
    """Did you mean."""
    with pytest.raises(ConfigError) as caught:
        read_guard("error_rat", "<= 0.1")
    assert "error_rate" in caught.value.hint


@pytest.mark.parametrize(("errors", "said"), [(0, "pass"), (3, "pass"), (8, "hold"), (40, "fail")])
def test_an_error_rate_against_the_champions(errors: int, said: str) -> None:
    """Within the margin it passes, a little beyond it chance may be why, far beyond it fails."""
    canary, champion = Observed(requests=300, errors=errors), Observed(requests=3000, errors=15)
    assert verdict("error_rate", "<= champion + 0.01", canary, champion) == said


def test_a_release_that_crashes_at_once_fails_within_ten_requests() -> None:
    """Ten errors in ten requests need no more of them."""
    canary, champion = Observed(requests=10, errors=10), Observed(requests=90)
    assert verdict("error_rate", "<= champion + 0.01", canary, champion) == "fail"


def test_one_error_in_the_first_two_requests_is_not_enough() -> None:
    """A single early error ends nothing."""
    canary, champion = Observed(requests=2, errors=1), Observed(requests=18)
    assert verdict("error_rate", "<= champion + 0.01", canary, champion) == "hold"


def test_a_factor_of_the_champions_rate() -> None:
    """A relative factor works where both have errors."""
    champion = Observed(requests=5000, errors=50)
    bad, good = Observed(requests=1000, errors=200), Observed(requests=1000, errors=11)
    assert verdict("error_rate", "<= champion * 2", bad, champion) == "fail"
    assert verdict("error_rate", "<= champion * 2", good, champion) == "pass"


def test_without_a_champion_nothing_relative_is_decided() -> None:
    """Silence of the champion is no proof."""
    assert verdict("error_rate", "<= champion + 0.01", Observed(requests=9), Observed()) == "hold"
    assert verdict("p99_ms", "<= champion * 2", Observed(), Observed()) == "hold"


def slow(milliseconds: float, count: int = 400, tail: int = 0) -> Observed:
    values = {milliseconds: count - tail}
    if tail:
        values[milliseconds * 20] = tail
    return Observed(requests=count, latencies=Latencies.of(values))


def test_latency_against_an_absolute_limit() -> None:
    """Every request beyond the limit fails it; a few slow ones may be chance."""
    assert verdict("p99_ms", "<= 50", slow(20), slow(20)) == "pass"
    assert verdict("p99_ms", "<= 50", slow(80), slow(20)) == "fail"
    assert verdict("p99_ms", "<= 50", slow(20, tail=6), slow(20)) == "hold"


def test_a_limit_that_the_champion_breaks_too_is_not_the_canarys_fault() -> None:
    """Rolling back would not help, so a person is left to decide."""
    assert verdict("p99_ms", "<= 50", slow(80), slow(70)) == "hold"


def test_latency_against_the_champions() -> None:
    """Three times the champion's p99 fails a factor of two; the same p99 passes."""
    champion = slow(20, count=4000)
    assert verdict("p99_ms", "<= champion * 2", slow(60), champion) == "fail"
    assert verdict("p99_ms", "<= champion * 2", slow(20), champion) == "pass"


def test_predictions_that_move_away_fail_and_noise_does_not() -> None:
    """A release that answers one thing only is stopped; forty answers alike are no shift."""
    champion = Observed(requests=1000, outputs={"a": 500, "b": 300, "c": 200})
    garbage = Observed(requests=300, outputs={"c": 300})
    few = Observed(requests=40, outputs={"a": 14, "b": 16, "c": 10})
    same = Observed(requests=300, outputs={"a": 148, "b": 92, "c": 60})
    assert verdict("prediction_psi", "<= 0.2", garbage, champion) == "fail"
    assert verdict("prediction_psi", "<= 0.2", few, champion) != "fail"
    assert verdict("prediction_psi", "<= 0.2", same, champion) == "pass"
    assert verdict("prediction_psi", "<= 0.2", Observed(), champion) == "hold"


def test_the_index_is_zero_for_equal_and_grows_with_distance() -> None:
    """A distance."""
    assert psi({"a": 50, "b": 50}, {"a": 50, "b": 50}) == pytest.approx(0.0)
    assert psi({"a": 90, "b": 10}, {"a": 50, "b": 50}) > psi({"a": 60, "b": 40}, {"a": 50, "b": 50})


def scored(mean: float, count: int) -> Observed:
    return Observed(requests=count, scores={"accuracy": Moments(count, mean * count, mean * count)})


def test_quality_counts_as_outcomes_arrive() -> None:
    """Without outcomes nothing waits; a clear loss fails; a small one holds."""
    guard = ("accuracy", ">= champion - 0.02")
    assert verdict(*guard, Observed(requests=500), scored(0.9, 500)) == "pass"
    assert verdict(*guard, scored(0.6, 500), scored(0.9, 2000)) == "fail"
    assert verdict(*guard, scored(0.87, 100), scored(0.9, 2000)) == "hold"
    assert verdict(*guard, scored(0.9, 500), scored(0.9, 2000)) == "pass"


def test_features_that_another_computation_denies_fail() -> None:
    """Parity of features is a guard like the others."""
    bad = Observed(requests=200, compared=200, mismatches=60)
    assert verdict("mismatch_rate", "<= 0.01", bad, Observed()) == "fail"
    assert (
        verdict("fallback_rate", "<= 0.5", Observed(requests=9, fallbacks=1), Observed()) == "pass"
    )


def test_a_check_as_evidence_is_plain() -> None:
    """What the history keeps."""
    found = judge(read_guard("p99_ms", "<= 50"), slow(20), slow(20), ALPHA).to_json()
    assert found["verdict"] == "pass"
    assert set(found) == {"name", "guard", "verdict", "value", "limit", "reason"}
