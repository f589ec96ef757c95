"""Outcomes: attached once, replaced visibly, joined with what was predicted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nbprod.data.prediction_log import LogWriter, counts, joined, outcomes, post_outcomes
from nbprod.records import Outcome, Prediction, new_id

if TYPE_CHECKING:
    from pathlib import Path


def prediction(number: int, **changes: Any) -> Prediction:
    plain: dict[str, Any] = {
        "id": new_id(), "at": f"2026-01-{1 + number:02d}T12:00:00.000+00:00", "deployment": "d",
        "release": "1", "role": "champion", "request_id": "r", "inputs": {"carrier": "UA"},
        "features": {"hour": number}, "output": number / 10, "latency_ms": 1.0,
        "key": {"flight_id": number},
    }  # fmt: skip
    return Prediction(**plain | changes)


@pytest.fixture
def log(tmp_path: Path) -> tuple[Path, list[Prediction]]:
    records = sorted((prediction(number) for number in range(6)), key=lambda r: r.id)
    with LogWriter(tmp_path, writer_id="r0") as writer:
        writer.append(records)
    return tmp_path, records


def late(value: Any, **place: Any) -> Outcome:
    return Outcome(outcome=value, name="late", **place)


def test_same_outcome_again_changes_nothing(log: tuple[Path, list[Prediction]]) -> None:
    """Posting is idempotent: a repeated outcome is a duplicate, in one post or in several."""
    folder, records = log
    posted = [late(1, prediction_id=records[0].id)] * 2
    receipt = post_outcomes(folder, posted)
    assert (receipt.accepted, receipt.duplicates, receipt.unknown) == (1, 1, ())
    receipt = post_outcomes(folder, posted)
    assert (receipt.accepted, receipt.duplicates) == (0, 2)
    assert counts(folder, None, None)["replaced"] == 0
    assert outcomes(folder)[records[0].id].outcome == 1


def test_later_value_replaces_and_is_counted(log: tuple[Path, list[Prediction]]) -> None:
    """A corrected outcome wins, back and forth, and each correction is counted."""
    folder, records = log
    for value in (1, 0, 1):
        assert post_outcomes(folder, [late(value, prediction_id=records[0].id)]).accepted == 1
    assert outcomes(folder, [records[0].id])[records[0].id].outcome == 1
    assert counts(folder, None, None)["replaced"] == 2


def test_unknown_predictions_are_named_and_not_stored(log: tuple[Path, list[Prediction]]) -> None:
    """An outcome for what was never predicted is handed back by its id or key."""
    folder, _ = log
    stranger = new_id()
    receipt = post_outcomes(
        folder,
        [late(1, prediction_id=stranger), late(1, key={"flight_id": 99}), late(1)],
    )
    assert receipt.accepted == 0
    assert receipt.unknown == (stranger, '{"flight_id":99}', "{}")
    assert outcomes(folder) == {}
    assert not (folder / "outcomes").exists()


def test_key_reaches_every_prediction_made_for_it(log: tuple[Path, list[Prediction]]) -> None:
    """An outcome by key goes to champion and shadow alike, whether 3 or 3.0 was written."""
    folder, records = log
    wanted = next(record for record in records if record.key == {"flight_id": 3})
    shadow = prediction(3, role="shadow")
    with LogWriter(folder, writer_id="r1") as writer:
        writer.append([shadow])
        receipt = post_outcomes(folder, [late(True, key={"flight_id": 3.0})], writer=writer)
    assert receipt.accepted == 1
    assert set(outcomes(folder)) == {wanted.id, shadow.id}
    assert post_outcomes(folder, [late(True, key={"flight_id": 3})]).duplicates == 1


def test_names_are_kept_apart(log: tuple[Path, list[Prediction]]) -> None:
    """A business outcome of another name is no label."""
    folder, records = log
    post_outcomes(folder, [late(1, prediction_id=records[0].id)])
    post_outcomes(folder, [Outcome(outcome=9.5, name="refund", prediction_id=records[0].id)])
    assert outcomes(folder, name="late")[records[0].id].outcome == 1
    assert outcomes(folder, name="refund")[records[0].id].outcome == 9.5
    assert joined(folder, None, None, name="late")["outcome"].dropna().tolist() == [1]


def test_joined_has_one_row_a_prediction(log: tuple[Path, list[Prediction]]) -> None:
    """Predictions of the interval come flat, with their outcome where it is known."""
    folder, records = log
    by_number = {record.key["flight_id"]: record for record in records}
    post_outcomes(folder, [late(1, prediction_id=by_number[2].id, observed_at="2026-02-01")])
    frame = joined(folder, "2026-01-02", "2026-01-05", name="late")
    assert sorted(frame["id"]) == sorted(by_number[number].id for number in (1, 2, 3))
    row = frame.set_index("id").loc[by_number[2].id]
    assert row["outcome"] == 1
    assert row["labelled"]
    assert row["observed_at"] == "2026-02-01"
    assert row[["inputs.carrier", "features.hour", "output", "key.flight_id"]].tolist() == [
        "UA", 2, 0.2, 2,
    ]  # fmt: skip
    assert int(frame["labelled"].sum()) == 1


def test_empty_interval_keeps_the_columns(tmp_path: Path) -> None:
    """Without predictions the frame has its columns and no rows."""
    frame = joined(tmp_path, None, None)
    assert len(frame) == 0
    assert {"id", "role", "latency_ms", "degraded", "outcome", "labelled"} <= set(frame.columns)


def test_counts(log: tuple[Path, list[Prediction]]) -> None:
    """Counts are of the interval: by release and role, degraded and labelled."""
    folder, _ = log
    with LogWriter(folder, writer_id="r1") as writer:
        writer.append([prediction(4, release="2", role="canary", degraded=True)])
    post_outcomes(folder, [late(0, key={"flight_id": 4}), late(1, key={"flight_id": 0})])
    found = counts(folder, "2026-01-04", None)
    assert found["predictions"] == 4
    assert found["by_release"] == {"1": 3, "2": 1}
    assert found["by_role"] == {"champion": 3, "canary": 1}
    assert (found["degraded"], found["labelled"]) == (1, 2)


def test_altered_outcome_is_damaged(log: tuple[Path, list[Prediction]]) -> None:
    """An outcome that was changed on disk is not used, and counted."""
    folder, records = log
    post_outcomes(folder, [late(1, prediction_id=records[0].id)])
    path = next((folder / "outcomes").iterdir())
    path.write_bytes(path.read_bytes().replace(b'"outcome":1', b'"outcome":0'))
    assert outcomes(folder) == {}
    assert counts(folder, None, None)["damaged"] == 1
