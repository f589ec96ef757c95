"""A torch network in a plain loop walks the road, and answers images over HTTP on the CPU."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import httpx
from command import nbprod

from nbprod.data import prediction_log
from nbprod.serving import LocalService, ServiceOptions

RECIPE = Path(__file__).parents[2] / "recipes" / "images"
EXPECTED = json.loads((RECIPE / "expected.json").read_text())


def test_the_road_to_a_served_network(tmp_path: Path) -> None:
    """Every stage passes; the released network answers golden images, many at once, and is logged."""
    folder = tmp_path / "project"
    assert nbprod("init", "--recipe", "images", str(folder), cwd=tmp_path).code == 0
    for verb in (("extract",), ("contract", "infer"), ("train",), ("gate",), ("release",)):
        result = nbprod(*verb, "--json", cwd=folder)
        assert result.code == 0, f"{verb}: {result.out[-3000:]}\n{result.err}"
        if verb == ("train",):
            low, high = EXPECTED["holdout_metrics"]["accuracy"]
            assert low <= result.record["metrics"]["accuracy"] <= high
    release = folder / ".nbprod" / "releases" / "1"
    golden = json.loads((release / "golden.json").read_text())
    rows = [row for request in golden for row in request["instances"]]
    options = ServiceOptions(
        deployment="digits",
        release="1",
        log_folder=tmp_path / "logs",
        profile_folder=tmp_path / "profiles",
        timeout_s=30.0,
    )
    with LocalService(release, options) as local:
        assert local.service.unbatched == ""
        assert local.service.golden_findings() == []

        async def ask() -> list[httpx.Response]:
            transport = httpx.ASGITransport(local.app)
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                asked = (client.post("/predict", json={"instances": [row]}) for row in rows)
                return await asyncio.gather(*asked)

        answers = asyncio.run(ask())
    assert {answer.status_code for answer in answers} == {200}
    wanted = [value for request in golden for value in request["predictions"]]
    assert [answer.json()["predictions"][0] for answer in answers] == wanted
    logged = prediction_log.query(options.log_folder, limit=10_000)
    assert len(logged) == len(rows)
