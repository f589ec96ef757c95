"""Closed segments become parts: smaller, found as quickly, and no record is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbprod.data import prediction_log
from nbprod.data.prediction_log import LogWriter, find, query
from nbprod.data.prediction_log import parts as parts_module
from nbprod.data.prediction_log.parts import compact, parts, remove_before
from nbprod.data.prediction_log.segments import segments
from nbprod.errors import TamperedRecordError
from nbprod.records import Outcome, Prediction, new_id, utc_now


def prediction(at: datetime | None = None, **changes: Any) -> Prediction:
    moment = at or datetime.now(UTC)
    plain: dict[str, Any] = {
        "id": f"{int(moment.timestamp() * 1000):012x}{new_id()[12:]}",
        "at": moment.isoformat(timespec="milliseconds") if at else utc_now(),
        "deployment": "d", "release": "3", "role": "champion", "request_id": "r",
        "inputs": {"carrier": "UA", "n": 1}, "features": {"hour": 7.0}, "output": 0.25,
        "latency_ms": 1.5, "key": {"flight_id": 7},
    }  # fmt: skip
    return Prediction(**plain | changes)


def write(folder: Path, records: list[Prediction], writer_id: str = "r0") -> None:
    with LogWriter(folder, writer_id=writer_id) as writer:
        writer.append(records)


# Noon, so that no record falls into the next day whatever the hour of the run, and yesterday's,
# so that none lies in the future.
NOON = (datetime.now(UTC) - timedelta(days=1)).replace(hour=12, minute=0, second=0, microsecond=0)


@pytest.fixture
def days(tmp_path: Path) -> list[Prediction]:
    """Records of three days and two releases, in segments that are closed."""
    records = [
        prediction(NOON - timedelta(days=day, seconds=n), release=str(2 + n % 2))
        for day in range(3)
        for n in range(10)
    ]
    for start in range(0, 30, 5):
        write(tmp_path, records[start : start + 5])
    return records


def test_every_record_is_read_from_parts_as_it_was(days: list[Prediction], tmp_path: Path) -> None:
    """By id, by query, as a whole, and with its outcome; the segments are gone."""
    before = query(tmp_path, limit=100)
    assert compact(tmp_path) == 6
    assert segments(tmp_path, "predictions") == []
    assert query(tmp_path, limit=100) == before
    assert [find(tmp_path, record.id) for record in days] == days
    assert prediction_log.counts(tmp_path, None, None)["predictions"] == 30
    receipt = prediction_log.post_outcomes(
        tmp_path, [Outcome(outcome=1, name="late", prediction_id=days[-1].id)]
    )
    assert receipt.accepted == 1
    by_key = prediction_log.post_outcomes(
        tmp_path, [Outcome(outcome=1, name="late", key={"flight_id": 7})]
    )
    assert by_key.accepted == 1
    assert prediction_log.joined(tmp_path, None, None)["labelled"].sum() == 30
    assert find(tmp_path, new_id()) is None


def test_parts_lie_by_date_and_release(days: list[Prediction], tmp_path: Path) -> None:
    """A question about a day and a release opens only the parts of that day and release."""
    compact(tmp_path)
    places = {(part.parent.parent.name, part.parent.name) for part in parts(tmp_path)}
    assert places == {(record.at[:10], record.release) for record in days}
    newest = query(tmp_path, limit=5)
    assert [one.id for one in newest] == [r.id for r in sorted(days, key=lambda r: r.at)[:-6:-1]]
    third = query(tmp_path, release="3", since=NOON - timedelta(hours=12), limit=99)
    assert {record.id for record in third} == {r.id for r in days[:10] if r.release == "3"}
    assert len(query(tmp_path, where="inputs.n = 1 and release = '2'", limit=99)) == 15


def test_a_segment_that_is_written_to_is_left_alone(tmp_path: Path) -> None:
    """Only what no process writes to is compacted: a live replica's segment is not."""
    with LogWriter(tmp_path, writer_id="r0") as writer:
        writer.append([prediction()])
        assert compact(tmp_path) == 0
        writer.append([prediction()])
    assert compact(tmp_path) == 1
    assert len(query(tmp_path)) == 2


def test_a_compaction_that_is_interrupted_loses_and_doubles_nothing(
    days: list[Prediction], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the segment is there its parts do not count; the next compaction makes them anew."""

    def die(self: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "unlink", die)
    with pytest.raises(KeyboardInterrupt):
        compact(tmp_path)
    monkeypatch.undo()
    assert parts(tmp_path)
    assert len(query(tmp_path, limit=100)) == 30
    assert prediction_log.counts(tmp_path, None, None)["predictions"] == 30
    compact(tmp_path)
    assert len(query(tmp_path, limit=100)) == 30


def test_a_damaged_record_stays_found_out(days: list[Prediction], tmp_path: Path) -> None:
    """A segment with a damaged line is not compacted; an altered part is never answered from."""
    path = segments(tmp_path, "predictions")[0].path
    path.write_bytes(path.read_bytes().replace(b'"carrier":"UA"', b'"carrier":"DL"', 1))
    assert compact(tmp_path) == 5
    part = parts(tmp_path)[-1]
    table = pq.read_table(part)
    altered = [line.replace("0.25", "0.99") for line in table.column("line").to_pylist()]
    index = table.column_names.index("line")
    pq.write_table(table.set_column(index, "line", [altered]), part)
    with pytest.raises(TamperedRecordError):
        find(tmp_path, table.column("id").to_pylist()[0])
    assert all(record.output == 0.25 for record in query(tmp_path, limit=100))
    assert prediction_log.damage(tmp_path, None)["damaged"] == 1 + len(altered)


def test_outcomes_become_parts_as_well(days: list[Prediction], tmp_path: Path) -> None:
    """Read as a whole, by id, again as duplicates and by a follower; a later value still wins."""
    first = [Outcome(outcome=n % 2, name="late", prediction_id=p.id) for n, p in enumerate(days)]
    first.append(Outcome(outcome=9, name="revenue", prediction_id=days[0].id))
    assert prediction_log.post_outcomes(tmp_path, first).accepted == 31
    follower = prediction_log.Follower(tmp_path, "outcomes", None)
    assert len(list(follower.new())) == 31
    before = prediction_log.outcomes(tmp_path, name="late")
    assert compact(tmp_path) == 7
    assert segments(tmp_path, "outcomes") == []
    assert {part.parent.name for part in parts(tmp_path, "outcomes")} == {"late", "revenue"}

    assert prediction_log.outcomes(tmp_path, name="late") == before
    one = days[1].id
    assert prediction_log.outcomes(tmp_path, [one])[one].outcome == 1
    assert prediction_log.post_outcomes(tmp_path, first).duplicates == 31
    changed = [Outcome(outcome=0, name="late", prediction_id=one)]
    assert prediction_log.post_outcomes(tmp_path, changed).accepted == 1
    assert prediction_log.outcomes(tmp_path, [one])[one].outcome == 0
    assert compact(tmp_path) == 1
    assert prediction_log.outcomes(tmp_path, [one])[one].outcome == 0
    assert prediction_log.counts(tmp_path, None, None)["replaced"] == 1
    # Given again at most, as its record says: the new one is among them.
    assert one in {plain["prediction_id"] for plain in follower.new() if plain["outcome"] == 0}
    assert remove_before(tmp_path, datetime.now(UTC) + timedelta(days=1)) > 0
    assert prediction_log.outcomes(tmp_path) == {}


def test_an_altered_outcome_in_a_part_is_found_out(days: list[Prediction], tmp_path: Path) -> None:
    """It is counted as damage, and never given."""
    posted = [Outcome(outcome=1, name="late", prediction_id=p.id) for p in days]
    prediction_log.post_outcomes(tmp_path, posted)
    compact(tmp_path)
    (part,) = parts(tmp_path, "outcomes")
    table = pq.read_table(part).to_pydict()
    table["line"][0] = table["line"][0].replace('"outcome":1', '"outcome":0')
    pq.write_table(pa.table(table), part)
    assert prediction_log.damage(tmp_path, None) == {"damaged": 1, "torn": 0}
    altered = table["id"][0]
    assert prediction_log.outcomes(tmp_path, [altered]) == {}
    assert len(prediction_log.outcomes(tmp_path)) == 29


def test_retention_forgets_whole_days(days: list[Prediction], tmp_path: Path) -> None:
    """What is older than the limit goes, and nothing else."""
    compact(tmp_path)
    limit = NOON - timedelta(days=1, hours=1)
    assert remove_before(tmp_path, limit) > 0
    left = {record.id for record in query(tmp_path, limit=100)}
    assert left == {record.id for record in days if record.at[:10] >= limit.date().isoformat()}


def test_upkeep_runs_in_a_process_of_its_own(days: list[Prediction], tmp_path: Path) -> None:
    """`python -m nbprod.data.prediction_log FOLDER SECONDS` compacts and forgets."""
    command = [sys.executable, "-m", "nbprod.data.prediction_log", str(tmp_path), "129600"]
    subprocess.run(command, check=True, env=os.environ)
    assert segments(tmp_path, "predictions") == []
    assert 10 <= len(query(tmp_path, limit=100)) < 30


def test_one_compaction_at_a_time(days: list[Prediction], tmp_path: Path) -> None:
    """A second compaction beside a running one does nothing."""
    with parts_module._alone(tmp_path):
        assert compact(tmp_path) == 0
    assert compact(tmp_path) == 6


def test_an_outcome_s_name_of_any_length_is_compacted(tmp_path: Path) -> None:
    """A name longer than a file's may be would end each compaction, and forgetting after it."""
    record = prediction()
    write(tmp_path, [record])
    posted = Outcome(outcome=1, name="n" * 5000, prediction_id=record.id)
    prediction_log.post_outcomes(tmp_path, [posted])
    assert compact(tmp_path) == 2
    assert prediction_log.outcomes(tmp_path)[record.id].name == "n" * 5000


@pytest.mark.parametrize("kind", ["quarantine", "requests"])
def test_what_was_refused_is_forgotten_with_the_log(tmp_path: Path, kind: str) -> None:
    """A refused row is no less somebody's data than an answered one."""
    old, new = tmp_path / kind / "old.jsonl", tmp_path / kind / "new.jsonl"
    old.parent.mkdir()
    for path in (old, new):
        path.write_text("{}\n")
    before = NOON.timestamp() - 3600
    os.utime(old, (before, before))
    prediction_log.keep_up(tmp_path, NOON)
    assert [path.name for path in old.parent.iterdir()] == ["new.jsonl"]
