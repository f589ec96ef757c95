"""What a service writes down of each answer."""

from __future__ import annotations

import asyncio
from dataclasses import fields

from nbprod.records import Prediction
from nbprod.serving import LocalService, PredictRequest


def test_a_record_as_written_is_a_prediction(local: LocalService) -> None:
    """The plain data that serving hands to the log has every field of a record, in its order."""
    rows = [{"trip": f"T{n}", "km": n, "minutes": 5.0, "city": "Bern"} for n in range(6)]
    written = []
    submit = local.service.memory.log.submit
    local.service.memory.log.submit = lambda records: written.extend(records) or submit(records)
    reply = asyncio.run(local.service.answer(PredictRequest(rows, "r"), "champion"))
    assert [record["id"] for record in written] == reply.body["prediction_ids"]
    for record in written:
        assert list(record) == [field.name for field in fields(Prediction)]
        assert Prediction.from_json(record).to_json() == record
