"""Golden requests replayed in a process that answers callers: a rollback's proof delays nobody."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from nbprod.predictor import save_golden
from nbprod.serving import LocalService, PredictRequest, ServiceOptions

ROW = {"trip": "T1", "km": 1, "minutes": 50.0, "city": "Bern"}


def test_callers_are_answered_between_golden_requests(
    bundle: Path, options: ServiceOptions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a replay that takes long, a caller waits for one request at the most."""
    golden = tmp_path / "golden.json"
    save_golden([{"instances": [ROW], "predictions": [0.5]}] * 80, golden)
    with LocalService(bundle, options) as local:
        service = local.service
        begun, ended = threading.Event(), threading.Event()
        answer = service.predictor.answer

        def slowly(*given: object, **more: object) -> object:
            begun.set()
            ended.wait(0.01)
            return answer(*given, **more)

        monkeypatch.setattr(service.predictor, "answer", slowly)
        found: list[object] = []
        replay = threading.Thread(
            target=lambda: (found.extend(service._computation.golden_findings(golden)), ended.set())
        )
        replay.start()
        begun.wait(10)
        reply = asyncio.run(service.answer(PredictRequest([ROW], "r"), "champion"))
        between = not ended.is_set()
        replay.join()
    assert reply.status == 200
    assert between
    assert found == []
