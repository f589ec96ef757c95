"""The log's writer: what is acknowledged is there, whatever happens to the process or the disk."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
from typing import TYPE_CHECKING, Any

import pytest

from nbprod.data.prediction_log import LogWriter, counts, find, query
from nbprod.data.prediction_log.segments import segments
from nbprod.errors import StoreError
from nbprod.records import Outcome, Prediction, new_id, utc_now

if TYPE_CHECKING:
    from pathlib import Path


def prediction(**changes: Any) -> Prediction:
    plain: dict[str, Any] = {
        "id": new_id(), "at": utc_now(), "deployment": "d", "release": "3", "role": "champion",
        "request_id": "r", "inputs": {"carrier": "UA", "tailnum": "N1"},
        "features": {"hour": 7.0, "tailnum": "N1"}, "output": 0.25, "latency_ms": 1.5,
        "key": {"flight_id": 7},
    }  # fmt: skip
    return Prediction(**plain | changes)


def test_appended_is_found(tmp_path: Path) -> None:
    """When append returns, every record is in the log as it was."""
    records = [prediction() for _ in range(5)]
    with LogWriter(tmp_path, writer_id="r0") as writer:
        writer.append(records)
        assert [find(tmp_path, record.id) for record in records] == records
        assert writer.counts.written == 5


def test_many_callers_share_a_write(tmp_path: Path) -> None:
    """What queues while the disk works is written at once, and each caller is told."""
    with LogWriter(tmp_path, writer_id="r0", durability="fsync") as writer:
        futures = [writer.submit([prediction()]) for _ in range(500)]
        for future in futures:
            future.result(10)
        assert writer.counts.written == 500
        assert writer.counts.writes < 500
    assert counts(tmp_path, None, None)["predictions"] == 500


def test_future_can_be_awaited(tmp_path: Path) -> None:
    """A server awaits the future; a caller that goes away does not end the writer."""

    async def serve(writer: LogWriter) -> None:
        await asyncio.wrap_future(writer.submit([prediction()]))
        gone = asyncio.ensure_future(asyncio.wrap_future(writer.submit([prediction()])))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.wrap_future(writer.submit([prediction()]))

    with LogWriter(tmp_path, writer_id="r0") as writer:
        cancelled = writer.submit([prediction()])
        cancelled.cancel()
        asyncio.run(serve(writer))
    assert counts(tmp_path, None, None)["predictions"] == 4


def test_redacted_values_never_reach_the_disk(tmp_path: Path) -> None:
    """Named columns are hidden in inputs, features and key, of outcomes too; others are not."""
    with LogWriter(tmp_path, writer_id="r0", redact=["tailnum", "flight_id"]) as writer:
        record = prediction(inputs={"carrier": "UA", "tailnum": "SECRET"})
        writer.append([record])
        writer.append_outcomes([Outcome(outcome=1, name="late", key={"flight_id": "SECRET"})])
    written = b"".join(path.read_bytes() for path in tmp_path.rglob("*.jsonl"))
    assert b"SECRET" not in written
    found = find(tmp_path, record.id)
    assert found is not None
    assert found.inputs == {"carrier": "UA", "tailnum": "[redacted]"}
    assert found.features == {"hour": 7.0, "tailnum": "[redacted]"}
    assert found.key == {"flight_id": "[redacted]"}
    assert record.inputs["tailnum"] == "SECRET"


def test_unwritable_record_fails_alone(tmp_path: Path) -> None:
    """A record that is not plain data is its caller's error; the others are written."""

    class Odd:
        def isoformat(self) -> str:
            raise RuntimeError("odd")

    with LogWriter(tmp_path, writer_id="r0") as writer:
        for value in (object(), Odd()):
            future = writer.submit([prediction(output=value)])
            with pytest.raises(StoreError, match="not plain data"):
                future.result(10)
        writer.append([prediction()])
        assert (writer.counts.written, writer.counts.failed) == (1, 2)


def test_full_disk_reaches_the_caller_and_heals(tmp_path: Path) -> None:
    """A write that does not fit fails whole, is counted, and later ones work again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    with LogWriter(tmp_path, writer_id="r0") as writer:
        kept = [prediction()]
        writer.append(kept)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))  # the kernel writes a part of it
        try:
            with pytest.raises(StoreError, match="cannot be written") as caught:
                writer.append([prediction() for _ in range(20)])
            small = prediction(inputs={}, features={})
            writer.append([small])  # what fits is still written
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "disk" in caught.value.hint
        kept += [small, prediction()]
        writer.append(kept[-1:])
        assert (writer.counts.written, writer.counts.failed) == (3, 20)
    found = counts(tmp_path, None, None)
    assert (found["predictions"], found["damaged"], found["torn"]) == (3, 0, 0)
    assert {record.id for record in query(tmp_path)} == {record.id for record in kept}


def test_failed_sync_is_a_failed_append(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With durability fsync, a disk that cannot promise anything fails the append."""

    def fail(handle: int) -> None:
        raise OSError(5, "Input/output error")

    with LogWriter(tmp_path, writer_id="r0", durability="fsync") as writer:
        writer.append([prediction()])
        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(StoreError, match="Input/output error"):
            writer.append([prediction()])
        monkeypatch.undo()
        writer.append([prediction()])
    assert counts(tmp_path, None, None)["predictions"] == 2


def test_durability_none_never_waits(tmp_path: Path) -> None:
    """Without durability the caller is done at once, and close still writes what waits."""
    writer = LogWriter(tmp_path, writer_id="r0", durability="none")
    assert writer.submit([prediction() for _ in range(100)]).done()
    writer.close()
    writer.close()
    assert counts(tmp_path, None, None)["predictions"] == 100
    with pytest.raises(StoreError, match="closed"):
        writer.append([prediction()])


def test_segments_are_rolled_by_size(tmp_path: Path) -> None:
    """A full segment is followed by the next, and every record is found in its own."""
    with LogWriter(tmp_path, writer_id="r0", segment_bytes=1000) as writer:
        records = [prediction() for _ in range(10)]
        for record in records:
            writer.append([record])
    assert len(segments(tmp_path, "predictions")) > 2
    assert all(find(tmp_path, record.id) == record for record in records)


def test_removed_segment_is_not_written_on(tmp_path: Path) -> None:
    """When somebody removes the segment, the next record goes to a new one."""
    with LogWriter(tmp_path, writer_id="r0") as writer:
        writer.append([prediction()])
        for segment in segments(tmp_path, "predictions"):
            segment.path.unlink()
        record = prediction()
        writer.append([record])
    assert find(tmp_path, record.id) == record


def test_two_writers_keep_apart(tmp_path: Path) -> None:
    """Replicas with the same id, started in the same millisecond, have their own segments."""
    writers = [LogWriter(tmp_path, writer_id="r0") for _ in range(3)]
    threads = [
        threading.Thread(target=lambda w=w: [w.append([prediction()]) for _ in range(50)])
        for w in writers
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for writer in writers:
        writer.close()
    found = counts(tmp_path, None, None)
    assert (found["predictions"], found["damaged"]) == (150, 0)
    assert len(segments(tmp_path, "predictions")) == 3


def test_writer_id_names_a_file(tmp_path: Path) -> None:
    """An id that could leave the folder is refused."""
    with pytest.raises(StoreError, match="cannot name"):
        LogWriter(tmp_path, writer_id="../r0")


_REPLICA = """
    import sys, threading
    from pathlib import Path
    from nbprod.data.prediction_log import LogWriter
    from nbprod.records import Prediction, new_id, utc_now

    writer = LogWriter(Path(sys.argv[1]), writer_id="r0")
    lock = threading.Lock()

    def answer():
        while True:
            records = [
                Prediction(id=new_id(), at=utc_now(), deployment="d", release="1",
                           role="champion", request_id="", inputs={"x": "y" * 300}, features={},
                           output=1, latency_ms=1.0)
                for _ in range(3)
            ]
            writer.submit(records).result()
            with lock:
                print("\\n".join(record.id for record in records), flush=True)

    for _ in range(4):
        threading.Thread(target=answer).start()
"""


@pytest.mark.parametrize("after", [60, 600, 3000])
def test_kill_loses_no_acknowledged_record(tmp_path: Path, after: int) -> None:
    """After kill -9 of a busy replica every id that it acknowledged is in the log, undamaged."""
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(_REPLICA), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
    ) as replica:
        assert replica.stdout is not None
        acknowledged = [replica.stdout.readline().strip() for _ in range(after)]
        os.kill(replica.pid, signal.SIGKILL)
        acknowledged += replica.stdout.read().split("\n")
    whole = {line for line in acknowledged if len(line) == 24}
    assert len(whole) >= after
    logged = {record.id for record in query(tmp_path, limit=10**6)}
    assert whole <= logged
    assert counts(tmp_path, None, None)["damaged"] == 0
