"""A fresh process that loads a bundle and answers."""

from __future__ import annotations

import pytest

from nbprod.errors import ExecutionError
from nbprod.gates import cold_start


def test_a_fresh_process_is_timed_and_weighed(shared_bundle, frame, monkeypatch) -> None:
    """It takes a while and some memory; each sabotage spoils one of the two."""
    rows = frame[["x", "city"]].head(5).to_dict("records")
    plain = cold_start(shared_bundle.folder, rows)
    assert 0.1 < plain.seconds < 300
    assert 20 < plain.peak_mb < 4000
    monkeypatch.setenv("NBPROD_SABOTAGE", "slow_start")
    slow = cold_start(shared_bundle.folder, rows)
    assert slow.seconds > 3600
    assert slow.peak_mb < 4000


def test_a_bundle_that_does_not_load_is_an_error_with_its_reason(tmp_path) -> None:
    """Not a time of nothing."""
    with pytest.raises(ExecutionError, match="before its first answer") as error:
        cold_start(tmp_path, [{"x": 1.0}])
    assert "load_predictor" in error.value.hint
