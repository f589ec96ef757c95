"""Questions to the log: right answers, no altered record, and no way out of the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from nbprod.data.prediction_log import LogWriter, counts, find, moment, query
from nbprod.data.prediction_log.segments import segments
from nbprod.errors import ConfigError, StoreError, TamperedRecordError
from nbprod.records import Prediction, new_id

if TYPE_CHECKING:
    from pathlib import Path

CARRIERS = ("UA", "AA", None, "Ä'é\"")


def prediction(number: int, **changes: Any) -> Prediction:
    plain: dict[str, Any] = {
        "id": new_id(), "at": f"2026-01-{1 + number:02d}T12:00:00.000+00:00", "deployment": "d",
        "release": str(1 + number % 2), "role": "canary" if number % 2 else "champion",
        "request_id": f"r{number}",
        "inputs": {"carrier": CARRIERS[number % 4], "distance": number * 100},
        "features": {"log_distance": number / 3}, "output": {"late": number / 20},
        "latency_ms": float(number), "key": {"flight_id": number},
    }  # fmt: skip
    return Prediction(**plain | changes)


@pytest.fixture
def log(tmp_path: Path) -> tuple[Path, list[Prediction]]:
    records = [prediction(number) for number in range(20)]
    for writer_id in ("r0", "r1"):
        with LogWriter(tmp_path, writer_id=writer_id, segment_bytes=2000) as writer:
            for record in records[writer_id == "r1" :: 2]:
                writer.append([record])
    return tmp_path, records


def test_newest_come_first_up_to_a_limit(log: tuple[Path, list[Prediction]]) -> None:
    """Without conditions the newest records of all writers come back as they were written."""
    folder, records = log
    assert query(folder, limit=3) == records[:-4:-1]
    assert query(folder) == records[::-1]


def test_interval_is_half_open(log: tuple[Path, list[Prediction]]) -> None:
    """Since is included, until is not; both may be text or moments of any time zone."""
    folder, records = log
    assert query(folder, since="2026-01-03T12:00:00Z", until="2026-01-05T12:00:00") == [
        records[3],
        records[2],
    ]
    assert query(folder, since=moment("2026-01-20T14:00:00+02:00")) == [records[19]]
    assert moment(None) is None
    with pytest.raises(ConfigError, match="is not a moment"):
        query(folder, since="yesterday")


def test_release_and_role(log: tuple[Path, list[Prediction]]) -> None:
    """Records of one release and of one role are found."""
    folder, records = log
    assert query(folder, release="2") == records[1::2][::-1]
    assert query(folder, role="champion", release="2") == []


@pytest.mark.parametrize(
    ("where", "wanted"),
    [
        ("inputs.carrier = 'UA'", lambda r: r.inputs["carrier"] == "UA"),
        ("inputs.carrier is null", lambda r: r.inputs["carrier"] is None),
        ("inputs.carrier = 'Ä''é\"'", lambda r: r.inputs["carrier"] == "Ä'é\""),
        ("inputs.distance - 500 < 0", lambda r: r.inputs["distance"] < 500),
        ("features.log_distance > 1.1", lambda r: r.features["log_distance"] > 1.1),
        ("output.late between 0.2 and 0.4", lambda r: 0.2 <= r.output["late"] <= 0.4),
        ("key.flight_id in (3, 4)", lambda r: r.key["flight_id"] in (3, 4)),
        ("role = 'canary' or id = '' -- so", lambda r: r.role == "canary"),
        ("\"at\" >= '2026-01-19'", lambda r: r.at >= "2026-01-19"),
        ("not degraded", lambda r: True),
    ],
)  # fmt: skip
def test_where(log: tuple[Path, list[Prediction]], where: str, wanted: Any) -> None:
    """A condition in SQL finds the records that Python finds."""
    folder, records = log
    assert query(folder, where=where) == [record for record in records[::-1] if wanted(record)]


@pytest.mark.parametrize(
    "where",
    [
        "1 = 1; drop table lines",
        "1 = 1) or (1 = 1; select 1",
        "exists (select * from read_text('/etc/passwd'))",
        "exists (select * from '/etc/passwd')",
        "exists (select * from read_csv('~/.bashrc'))",
        "exists (select * from records)",
        "set threads = 1",
        "nope = 1",
        "at > 3",
        "1 = 1 order by 1",
        "latency_ms > 'x'",
        "(",
    ],
)
def test_where_is_one_condition_and_reads_no_file(
    log: tuple[Path, list[Prediction]], where: str, tmp_path: Path
) -> None:
    """What is no condition, or looks outside the log, is refused with the columns to ask for."""
    records = object()  # a Python variable that DuckDB must not see
    assert records
    with pytest.raises(ConfigError, match="where") as caught:
        query(log[0], where=where)
    assert "inputs" in caught.value.hint


def test_where_cannot_write_a_file(log: tuple[Path, list[Prediction]], tmp_path: Path) -> None:
    """No condition makes a file, a setting or an extension."""
    target = tmp_path / "out.csv"
    for where in (f"1=1; copy lines to '{target}'", "1=1; install httpfs", "1=1; load httpfs"):
        with pytest.raises(ConfigError):
            query(log[0], where=where)
    assert not target.exists()


def test_mixed_shapes_are_answered(tmp_path: Path) -> None:
    """Columns that come and go, scalar and named outputs, and mixed types do not stop a query."""
    records = [
        prediction(1, inputs={"x": 1}, output=0.5, key={}),
        prediction(2, inputs={"x": "one", "y": None}, output={"late": 1, "why": [1, 2]}),
        prediction(3, inputs={}, features={}, output=None),
        prediction(4, inputs={"it's": 1, "a.b": {"c": 2}}, features={"x": None}),
    ]
    with LogWriter(tmp_path, writer_id="r0") as writer:
        writer.append(records)
    assert query(tmp_path) == records[::-1]
    assert query(tmp_path, where="inputs.x = 'one'") == [records[1]]
    assert query(tmp_path, where='inputs."it\'s" = 1') == [records[3]]


def test_empty_log(tmp_path: Path) -> None:
    """A log without records answers with none."""
    assert query(tmp_path) == []
    assert query(tmp_path, where="latency_ms > 1") == []
    assert find(tmp_path, new_id()) is None


def test_altered_record_never_comes_back(log: tuple[Path, list[Prediction]]) -> None:
    """A record that was changed on disk is counted as damaged, and finding it says so."""
    folder, records = log
    for segment in segments(folder, "predictions"):
        content = segment.path.read_bytes()
        segment.path.write_bytes(content.replace(b'"distance":700', b'"distance":701'))
    assert query(folder) == [record for record in records[::-1] if record != records[7]]
    assert query(folder, where="inputs.distance = 701") == []
    assert counts(folder, None, None)["damaged"] == 1
    with pytest.raises(TamperedRecordError, match=records[7].id) as caught:
        find(folder, records[7].id)
    assert caught.value.hint


def test_torn_end_is_ignored_and_counted(log: tuple[Path, list[Prediction]]) -> None:
    """The half line of a killed process hides no other record."""
    folder, records = log
    last = segments(folder, "predictions")[-1].path
    last.write_bytes(last.read_bytes()[:-20])
    found = counts(folder, None, None)
    assert (found["predictions"], found["torn"], found["damaged"]) == (len(records) - 1, 1, 0)


def test_find_reads_ids_of_any_time(tmp_path: Path) -> None:
    """An id older than its segment is found all the same; what is no id is an error."""
    record = prediction(1, id="000000000001abcdef012345")
    with LogWriter(tmp_path, writer_id="r0") as writer:
        writer.append([prediction(2), record])
    assert find(tmp_path, record.id) == record
    with pytest.raises(StoreError, match="not an nbprod id"):
        find(tmp_path, "hello")
