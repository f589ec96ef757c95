"""What a service writes down of each answer."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import fields
from pathlib import Path

import pytest

from nbprod.data.prediction_log.sheets import predictions, size
from nbprod.records import Prediction
from nbprod.serving import LocalService, PredictRequest
from nbprod.serving.request_log import RequestLog


def test_what_is_written_down_are_predictions(local: LocalService) -> None:
    """What serving hands to the log has every field of a record, in its order: one row as a record,
    several as one sheet, of which a part that was refused is left out."""
    rows = [{"trip": f"T{n}", "km": n, "minutes": 5.0, "city": "Bern"} for n in range(6)]
    rows[4]["km"] = "far"
    written = []
    submit = local.service.memory.log.submit
    local.service.memory.log.submit = lambda records: written.extend(records) or submit(records)
    for asked, held in ((rows[:1], 1), (rows, 5)):
        written.clear()
        request = PredictRequest(asked, "r", partial=True)
        reply = asyncio.run(local.service.answer(request, "champion"))
        assert list(map(size, written)) == [held]
        records = [record for one in written for record in predictions(one)]
        assert [record["id"] for record in records] == reply.body["prediction_ids"]
        assert [record["inputs"] for record in records] == [asked[n] for n in reply.body["rows"]]
        assert [record["output"] for record in records] == reply.body["predictions"]
        for record in records:
            assert list(record) == [field.name for field in fields(Prediction)]
            assert Prediction.from_json(record).to_json() == record


def test_what_fails_each_second_does_not_end_the_request_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A machine without room for one more process still logs requests, and tries again."""
    monkeypatch.setattr("nbprod.serving.request_log._FLUSH_S", 0.01)
    tried = threading.Semaphore(0)

    def each_second() -> None:
        tried.release()
        raise BlockingIOError("no more processes")

    log = RequestLog(tmp_path, writer_id="r0", each_second=each_second)
    for _ in range(2):
        assert tried.acquire(timeout=30)
    log.close()
