"""What callers get when the model cannot answer, or not in time: as the envelope says, and flagged."""

from __future__ import annotations

import asyncio
import dataclasses
import time
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from nbprod.data import prediction_log
from nbprod.errors import ConfigError
from nbprod.serving import LocalService, ServiceOptions

ROW = {"trip": "T1", "km": 10, "minutes": 50.0, "city": "Bern"}
FAILING = ROW | {"trip": "T2", "minutes": 13.0}


def call(app: Any, *bodies: dict[str, Any], headers: dict[str, str] | None = None) -> list[Any]:
    """The responses to several POST /predict sent at once."""

    async def run() -> list[httpx.Response]:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            sent = (client.post("/predict", json=body, headers=headers) for body in bodies)
            return await asyncio.gather(*sent)

    return asyncio.run(run())


def slow_down(service: LocalService, seconds: float) -> None:
    answer = service.service.predictor.answer

    def slowly(*args: Any, **more: Any) -> Any:
        time.sleep(seconds)
        return answer(*args, **more)

    service.service.predictor.answer = slowly  # type: ignore[method-assign]


def with_envelope(options: ServiceOptions, **changes: Any) -> ServiceOptions:
    return dataclasses.replace(options, **changes)


def test_a_slow_model_is_replaced_by_the_fallback_at_the_deadline(
    bundle: Path, options: ServiceOptions
) -> None:
    """Past the deadline the fallback is given, flagged, and in the log under the id it was given."""
    slow = with_envelope(options, timeout_s=0.2, on_unavailable="fallback", fallback={"late": 0.25})
    with LocalService(bundle, slow) as local:
        slow_down(local, 1.0)
        started = time.monotonic()
        (response,) = call(local.app, {"instances": [ROW]})
        assert time.monotonic() - started < 0.9
        assert response.status_code == 200
        assert response.json()["degraded"] is True
        assert response.json()["predictions"] == [0.25]
        found = prediction_log.find(options.log_folder, response.json()["prediction_ids"][0])
        assert found is not None
        assert found.degraded is True
        assert "nbprod_deadlines_missed_total" in local.service.metrics_text()


def test_without_a_fallback_the_deadline_is_a_504(bundle: Path, options: ServiceOptions) -> None:
    """The caller's own, shorter deadline counts; it is told when to come again."""
    with LocalService(bundle, options) as local:
        slow_down(local, 1.0)
        asked = {"X-Request-Timeout-Ms": "100"}
        (response,) = call(local.app, {"instances": [ROW]}, headers=asked)
    assert response.status_code == 504
    assert "100 ms" in response.json()["detail"]
    assert response.headers["retry-after"] == "1"


@pytest.mark.parametrize("text", ["soon", "0", "-5", "nan", "inf"])
def test_a_deadline_that_is_none_is_refused(local: LocalService, text: str) -> None:
    """A header that cannot be understood is named, not ignored."""
    headers = {"X-Request-Timeout-Ms": text}
    (response,) = call(local.app, {"instances": [ROW]}, headers=headers)
    assert response.status_code == 400
    assert "X-Request-Timeout-Ms" in response.json()["detail"]


def test_a_failing_transform_gets_the_answer_made_beforehand(
    bundle: Path, options: ServiceOptions, tmp_path: Path
) -> None:
    """The table's answer by the contract's key; a key that is not in it is a 503, never a guess."""
    table = tmp_path / "answers.parquet"
    pd.DataFrame({"trip": ["T2"], "late": [0.75]}).to_parquet(table)
    prepared = with_envelope(options, on_unavailable="precomputed", fallback={"table": str(table)})
    with LocalService(bundle, prepared) as local:
        good, known, unknown = call(
            local.app,
            {"instances": [ROW]},
            {"instances": [FAILING]},
            {"instances": [FAILING | {"trip": "T3"}]},
        )
    assert (good.status_code, good.json()["degraded"]) == (200, False)
    assert (known.json()["predictions"], known.json()["degraded"]) == ([0.75], True)
    assert unknown.status_code == 503
    assert unknown.headers["retry-after"] == "1"


def test_a_table_of_answers_that_cannot_be_used_stops_the_start(
    bundle: Path, options: ServiceOptions, tmp_path: Path
) -> None:
    """A missing file or column is found before a replica takes traffic."""
    table = tmp_path / "answers.parquet"
    prepared = with_envelope(options, on_unavailable="precomputed", fallback={"table": str(table)})
    with pytest.raises(ConfigError, match="cannot be read"):
        LocalService(bundle, prepared)
    pd.DataFrame({"trip": ["T2"]}).to_parquet(table)
    with pytest.raises(ConfigError, match="no column late"):
        LocalService(bundle, prepared)


def test_what_parity_has_not_proven_is_computed_one_by_one(
    bundle: Path, options: ServiceOptions
) -> None:
    """A bundle without a parity report is served unbatched, and says so."""
    with LocalService(bundle, with_envelope(options, batch_unproven=False)) as local:
        rows = [{"instances": [ROW | {"trip": f"T{n}"}]} for n in range(20)]
        assert {response.status_code for response in call(local.app, *rows)} == {200}
        assert "not a release" in local.service.unbatched
        text = local.service.metrics_text()
    assert 'nbprod_batch_rows_bucket{deployment="trips",release="3"' in text
    counts = [line.split()[-1] for line in text.splitlines() if "nbprod_batch_rows_count" in line]
    assert counts == ["20"]


def test_refused_requests_leave_a_line_with_their_trace(
    bundle: Path, options: ServiceOptions
) -> None:
    """Request id, status and W3C trace are in the request log and in the answer; no value is."""
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    with LocalService(bundle, options) as local:
        headers = {"traceparent": trace, "x-request-id": "abc"}
        good, refused = call(
            local.app,
            {"instances": [ROW]},
            {"instances": [ROW | {"city": "Sursee"}]},
            headers=headers,
        )
    assert good.headers["traceparent"] == refused.headers["traceparent"] == trace
    (path,) = (options.log_folder / "requests").glob("*.jsonl")
    (line,) = path.read_text().splitlines()
    assert '"request_id":"abc"' in line
    assert '"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"' in line
    assert "Sursee" not in line


def test_a_scrape_shows_every_replica_of_the_machine(bundle: Path, options: ServiceOptions) -> None:
    """One replica's /metrics has the others' numbers too, each family named once."""
    with LocalService(bundle, options) as one, LocalService(bundle, options) as other:
        call(one.app, {"instances": [ROW]})
        call(other.app, {"instances": [ROW]}, {"instances": [ROW]})
        one.service._each_second()
        text = other.service.metrics_text()
        assert f'replica="{one.service.writer_id}"' in text
        assert f'replica="{other.service.writer_id}"' in text
    assert text.count("# TYPE nbprod_requests_total counter") == 1
    assert "nbprod_stage_seconds_bucket" in text
