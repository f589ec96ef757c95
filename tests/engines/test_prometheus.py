"""A real Prometheus scrapes the service and answers questions about it."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import httpx
import pytest
from served import serving_trips

from nbprod.engine import free_port
from nbprod.serving.auth import parse_tokens

pytestmark = pytest.mark.engine
ROW = {"trip": "T1", "km": 10, "minutes": 50.0, "city": "Bern"}
CONFIG = """\
global:
  scrape_interval: 500ms
  scrape_timeout: 400ms
scrape_configs:
  - job_name: nbprod
    authorization: {{type: Bearer, credentials: {token}}}
    static_configs:
      - targets: ["{address}"]
"""


def test_prometheus_scrapes_rates_latencies_and_degradation(tmp_path: Path) -> None:
    """Request rate by code, latency by stage, batch sizes, queue and log: every family is there,
    each label has few values, and a token with the scope `read` is enough."""
    binary = shutil.which("prometheus")
    assert binary, "Prometheus is missing; `make test` installs it"
    tokens = parse_tokens("scrape:read;caller:predict")
    with serving_trips(tmp_path, tokens=tokens, requests="all") as (address, _):
        caller = {"Authorization": "Bearer caller"}
        config = tmp_path / "prometheus.yml"
        config.write_text(CONFIG.format(token="scrape", address=address))
        port = free_port()
        log = (tmp_path / "prometheus.log").open("wb")
        process = subprocess.Popen(
            [
                *(binary, f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'tsdb'}"),
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            for number in range(12):
                row = ROW if number % 3 else ROW | {"km": -1}
                body = {"instances": [row]}
                httpx.post(f"http://{address}/predict", json=body, headers=caller)
            found = _asked(port, 'nbprod_requests_total{route="/predict"}', 2)
            counts = {one["metric"]["code"]: int(one["value"][1]) for one in found}
            assert counts == {"200": 8, "422": 4}
            stages = _asked(port, "nbprod_stage_seconds_count", 5)
            named = {one["metric"]["stage"] for one in stages}
            assert named == {"queue", "validate", "transform", "predict", "log"}
            p99 = "histogram_quantile(0.99, sum by (le) (nbprod_request_seconds_bucket))"
            assert float(_asked(port, p99, 1)[0]["value"][1]) > 0
            for name in (
                *("batch_rows_count", "queued_requests", "log_records_written", "log_writable"),
                *("profile_rows_lost", "model_age_seconds", "refused_rows_total", "batching"),
            ):
                assert _asked(port, f"nbprod_{name}", 1), name
        finally:
            process.terminate()
            process.wait(timeout=30)
            log.close()
        text = httpx.get(
            f"http://{address}/metrics", headers={"Authorization": "Bearer scrape"}
        ).text
        assert httpx.get(f"http://{address}/metrics", headers=caller).status_code == 403
    assert not re.search(r"T1|Bern|caller|scrape", text)


def _asked(port: int, query: str, series: int) -> list[dict[str, Any]]:
    """The series of a query, once there are so many."""
    deadline = time.monotonic() + 60
    while True:
        try:
            response = httpx.get(
                f"http://127.0.0.1:{port}/api/v1/query", params={"query": query}, timeout=10
            )
            found: list[dict[str, Any]] = response.json()["data"]["result"]
            if len(found) >= series:
                return found
        except (httpx.HTTPError, KeyError, ValueError):
            pass
        assert time.monotonic() < deadline, f"{query}: {series} series did not come"
        time.sleep(0.3)
