"""What a service writes down of each answer."""

from __future__ import annotations

import asyncio
from dataclasses import fields

from nbprod.data.prediction_log.sheets import predictions, size
from nbprod.records import Prediction
from nbprod.serving import LocalService, PredictRequest


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
