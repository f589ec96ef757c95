"""What the rollout policy is given, from the log's rows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from nbprod.lifecycle.observing import arms, observe


def rows(*made: dict[str, Any]) -> pd.DataFrame:
    base = {
        "role": "champion",
        "latency_ms": 4.0,
        "degraded": False,
        "output": 0.2,
        "outcome": None,
        "labelled": False,
        "at": "2013-01-01T00:00:00+00:00",
    }
    return pd.DataFrame([{**base, "id": str(n), **row} for n, row in enumerate(made)])


def test_counts_come_from_the_tally_and_answers_from_the_log() -> None:
    """Requests and errors as the keeper counts them; fallbacks and latencies as logged."""
    frame = rows({}, {"role": "canary", "degraded": True, "latency_ms": 60.0}, {"role": "canary"})
    found = observe(frame, {"canary": {"requests": 9, "errors": 1}}, task="classification")
    assert (found["canary"].requests, found["canary"].errors) == (9, 1)
    assert found["canary"].fallbacks == 1
    assert found["canary"].latencies.above(50.0) == 1
    assert found["champion"].requests == 0


def test_numbers_are_binned_by_the_champions_deciles() -> None:
    """The champion fills every bin alike; a canary that answers one number fills one."""
    frame = rows(
        *({"output": n / 1000} for n in range(1000)),
        *({"role": "canary", "output": 0.55} for _ in range(50)),
    )
    found = observe(frame, {}, task="classification")
    assert set(found["champion"].outputs.values()) == {100}
    assert list(found["canary"].outputs.values()) == [50]


def test_classes_are_their_own_bins_and_objects_are_read_by_their_first_field() -> None:
    """Text answers are counted by value."""
    frame = rows({"output": "a"}, {"output": "b"}, {"output": "a"}, {"role": "canary"})
    assert observe(frame, {}, task="classification")["champion"].outputs == {"a": 2, "b": 1}
    frame = frame.rename(columns={"output": "output.kind"})
    assert observe(frame, {}, task="classification")["champion"].outputs == {"a": 2, "b": 1}


def test_scores_are_of_labelled_answers_of_the_model() -> None:
    """A probability has brier, accuracy and log loss; a fallback is not the model's."""
    frame = rows(
        {"output": 0.9, "outcome": True, "labelled": True},
        {"output": 0.4, "outcome": 1, "labelled": True},
        {"output": 0.4, "outcome": 1, "labelled": True, "degraded": True},
        {"output": 0.4},
    )
    scores = observe(frame, {}, task="classification")["champion"].scores
    assert scores["accuracy"].mean == 0.5
    assert scores["brier"].mean == pytest.approx((0.01 + 0.36) / 2)
    assert scores["log_loss"].count == 2
    frame = rows({"output": 3.0, "outcome": 5.0, "labelled": True})
    scores = observe(frame, {}, task="regression")["champion"].scores
    assert (scores["mae"].mean, scores["mse"].mean) == (2.0, 4.0)
    frame = rows({"output": "a", "outcome": "b", "labelled": True})
    assert observe(frame, {}, task="classification")["champion"].scores["accuracy"].mean == 0.0


def test_an_ab_test_counts_each_key_once_and_waits_for_labels_that_are_due() -> None:
    """A user who calls ten times is one exposure; a young exposure needs no outcome yet."""
    old, young = "2013-01-01T00:00:00+00:00", "2013-01-09T00:00:00+00:00"
    frame = rows(
        *({"key.user": "ann", "outcome": 1, "labelled": True, "at": old} for _ in range(10)),
        {"key.user": "bob", "role": "canary", "outcome": 0, "labelled": True, "at": old},
        {"key.user": "cyn", "role": "canary", "at": young},
    )
    control, treatment = arms(frame, due_before="2013-01-05T00:00:00+00:00")
    assert (control.exposed, control.outcomes.count) == (1, 1)
    assert (treatment.exposed, treatment.due, treatment.outcomes.count) == (2, 1, 1)
    assert treatment.coverage == 1.0
