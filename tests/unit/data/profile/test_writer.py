"""Profiles of what is served: beside the requests, mergeable, and nothing lost unseen."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from nbprod.data.prediction_log.sheets import sheet
from nbprod.data.profile import ProfileWriter, load_window
from nbprod.errors import StoreError
from nbprod.records import Prediction, new_id, new_ids, utc_now

if TYPE_CHECKING:
    from pathlib import Path


def prediction(**changes: Any) -> Prediction:
    plain: dict[str, Any] = {
        "id": new_id(), "at": utc_now(), "deployment": "d", "release": "3", "role": "champion",
        "request_id": "r", "inputs": {"carrier": "UA", "tailnum": "SECRET"},
        "features": {"hour": 7.0}, "output": 0.25, "latency_ms": 1.5,
    }  # fmt: skip
    return Prediction(**plain | changes)


def now() -> tuple[datetime, datetime]:
    moment = datetime.now(UTC)
    return moment - timedelta(hours=1), moment + timedelta(hours=1)


def test_predictions_are_profiled_by_part(tmp_path: Path) -> None:
    """Inputs, features and outputs of every row are in the window, redacted columns are not."""
    with ProfileWriter(
        tmp_path, release="3", writer_id="r0", output="late", redact=["tailnum"], rows_per_flush=100
    ) as writer:
        for _ in range(10):
            writer.add([prediction(), prediction(output={"late": 0.5}), {"input.carrier": "AA"}])
    assert (writer.profiled, writer.lost) == (30, 0)
    window = load_window(tmp_path, "3", *now())
    assert window.rows == 30
    assert window.columns() == ("features.hour", "input.carrier", "output.late")
    assert window.distribution("input.carrier").items() == {"UA": 20, "AA": 10}
    assert window.distribution("output.late").mean == pytest.approx(0.375)
    files = list((tmp_path / "3").iterdir())
    assert len(files) == 1
    assert b"SECRET" not in files[0].read_bytes()


def test_sheets_are_sampled_by_row(tmp_path: Path) -> None:
    """Under more than can be profiled a sample of rows is, from every sheet and record alike."""
    common = dict.fromkeys(("deployment", "release", "role", "module_version"), "d")
    common |= {"at": utc_now(), "latency_ms": 1.0, "degraded": False}
    common |= {"request_id": "r", "routing_key": ""}
    fed = [{"hour": 1.0 + n} for n in range(10)]
    whole = sheet(new_ids(10), fed, fed, [0.5] * 10, key=(), **common)
    with ProfileWriter(tmp_path, release="3", writer_id="r0", rows_per_flush=100) as writer:
        writer.add([prediction(), *[whole] * 99])
    assert (writer.profiled, writer.skipped, writer.lost) == (991, 0, 0)
    window = load_window(tmp_path, "3", *now())
    assert window.rows == 991
    assert window.distribution("features.hour").mean == pytest.approx(5.5, abs=0.01)
    with ProfileWriter(tmp_path, release="4", writer_id="r0", rows_per_flush=50) as writer:
        writer.add([whole] * 20)
        _until(lambda: writer.profiled >= 50)
        assert (writer.profiled, writer.skipped) == (50, 150)
        writer.add([whole] * 3000)
    assert writer.profiled + writer.skipped == 30_200


def test_rows_come_to_disk_while_serving(tmp_path: Path) -> None:
    """A quiet service is written after the interval, a busy one after so many rows."""
    with ProfileWriter(tmp_path, release="3", writer_id="r0", interval_s=0.1) as writer:
        writer.add([prediction()])
        _until(lambda: writer.profiled == 1)
    with ProfileWriter(
        tmp_path, release="4", writer_id="r0", interval_s=600, rows_per_flush=5
    ) as writer:
        writer.add([prediction() for _ in range(5)])
        _until(lambda: writer.profiled == 5)
        assert load_window(tmp_path, "4", *now()).rows == 5


def test_writers_and_restarts_are_merged(tmp_path: Path) -> None:
    """Two replicas, and one that was restarted, make one window; a release is its own."""
    for release, writer_id, rows in (
        ("3", "r0", 2),
        ("3", "r0", 3),
        ("3", "r1", 4),
        ("4", "r0", 9),
    ):
        with ProfileWriter(tmp_path, release=release, writer_id=writer_id) as writer:
            writer.add([prediction()] * rows)
    assert load_window(tmp_path, "3", *now()).rows == 9
    assert len(list((tmp_path / "3").glob("*.bin"))) == 3


def test_window_takes_the_files_it_touches(tmp_path: Path) -> None:
    """A file outside [start, end) is left out, one that overlaps is taken whole."""
    with ProfileWriter(tmp_path, release="3", writer_id="r0", bucket_s=60) as writer:
        writer.add([prediction()])
    path = next((tmp_path / "3").iterdir())
    path.rename(path.with_name("20260101T120000Z-60s-r0-0.bin"))
    (tmp_path / "3" / "notes.bin").write_bytes(b"not a profile of ours")
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)

    def rows(start_s: float, end_s: float) -> int:
        window = (noon + timedelta(seconds=start_s), noon + timedelta(seconds=end_s))
        return load_window(tmp_path, "3", *window).rows

    assert rows(-60, 0) == 0
    assert rows(-60, 1) == 1
    assert rows(59, 99) == 1
    assert rows(60, 99) == 0


def test_failure_is_counted_and_heals(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Rows that cannot be written are counted and logged, and the next ones are profiled."""
    blocked = tmp_path / "3"
    blocked.write_text("a file where the folder should be")
    with ProfileWriter(tmp_path, release="3", writer_id="r0", interval_s=0.05) as writer:
        writer.add([prediction()] * 2)
        _until(lambda: writer.lost == 2)
        blocked.unlink()
        writer.add([prediction()] * 3)
        _until(lambda: writer.profiled == 3)
    assert "2 rows were not profiled" in caplog.text
    assert load_window(tmp_path, "3", *now()).rows == 3


def test_rows_after_close_are_counted(tmp_path: Path) -> None:
    """A closed writer takes no rows and says how many it refused; closing twice is fine."""
    writer = ProfileWriter(tmp_path, release="3", writer_id="r0")
    writer.close()
    writer.close()
    writer.add([prediction()])
    assert (writer.profiled, writer.lost) == (0, 1)


def test_damaged_file_is_an_error(tmp_path: Path) -> None:
    """A window with a file that cannot be read is no window."""
    with ProfileWriter(tmp_path, release="3", writer_id="r0") as writer:
        writer.add([prediction()])
    path = next((tmp_path / "3").iterdir())
    os.truncate(path, 100)
    with pytest.raises(StoreError, match=path.name):
        load_window(tmp_path, "3", *now())


def test_writer_id_names_a_file(tmp_path: Path) -> None:
    """An id that could leave the folder is refused."""
    with pytest.raises(StoreError, match="cannot name"):
        ProfileWriter(tmp_path, release="3", writer_id="../r0")


def _until(true: Any, deadline_s: float = 20.0) -> None:
    end = time.monotonic() + deadline_s
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_columns_of_a_caller_s_own_have_no_sketch(tmp_path: Path) -> None:
    """Where the contract lets others pass, a caller could make up as many as memory holds."""
    rows = [{**vars(prediction()), "inputs": {"n": 1, f"made up {number}": 1}} for number in (1, 2)]
    with ProfileWriter(tmp_path, release="3", writer_id="r0", inputs=["n"]) as writer:
        writer.add(rows)
    found = load_window(tmp_path, "3", *now()).columns()
    assert [name for name in found if name.startswith("input.")] == ["input.n"]
