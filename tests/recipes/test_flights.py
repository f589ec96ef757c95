"""The flights recipe walks its road, each command with --json, and says what expected.json says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from command import Result, nbprod

RECIPE = Path(__file__).parents[2] / "recipes" / "flights"
EXPECTED = json.loads((RECIPE / "expected.json").read_text())


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Result]:
    """init, then from extract to release and its reproduction in that order, from another folder."""
    folder = tmp_path_factory.mktemp("flights") / "project"
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    results = {"init": nbprod("init", "--recipe", "flights", str(folder), "--json", cwd=elsewhere)}
    approve = ("approve", "--reason", "looked at it", "--by", "head-of-ops@example.com")
    verbs = [(name,) for name in ("inspect", "extract", "parity", "train", "gate")]
    for verb in (*verbs, approve, ("release",), ("reproduce",)):
        told = nbprod(*verb, "--project", str(folder), "--json", cwd=elsewhere)
        results[verb[0]] = told
    results["contract"] = nbprod("contract", "show", "--json", cwd=folder)
    results["check"] = nbprod("extract", "--check", "--json", cwd=folder)
    return results


def test_every_command_passes_and_prints_its_record(road: dict[str, Result]) -> None:
    """Exit 0, and standard output is one JSON record with id, time, inputs and findings."""
    for verb, result in road.items():
        assert result.code == 0, f"{verb}: {result.out[-3000:]}\n{result.err}"
        assert {"id", "created_at", "inputs", "findings"} <= set(result.record), verb


def test_the_notebook_is_what_it_says(road: dict[str, Result]) -> None:
    """Cells and roles as counted, and nothing wrong in them."""
    inspection = road["inspect"].record
    assert len(inspection["cells"]) == EXPECTED["cells"]["total"]
    assert sum(1 for cell in inspection["cells"] if cell["role"]) == EXPECTED["cells"]["tagged"]
    assert not [f for f in inspection["findings"] if f["severity"] == "error"]


def test_the_readme_shows_this_notebook() -> None:
    """What `nbprod inspect` prints of it, to the letter."""
    readme = (RECIPE.parents[1] / "README.md").read_text(encoding="utf-8")
    shown = readme.partition("<!-- inspect:begin -->\n```text\n")[2].partition("\n```")[0]
    notebook = "recipes/flights/notebooks/train.ipynb"
    result = nbprod("inspect", notebook, cwd=RECIPE.parents[1], environ={"COLUMNS": "118"})
    printed = [line.rstrip() for line in result.out.splitlines()]
    assert shown.splitlines() == printed


def test_the_module_has_every_entry_point(road: dict[str, Result]) -> None:
    """Statement and definition style both become functions; extracting again changes nothing."""
    extraction = road["extract"].record
    assert set(EXPECTED["entry_points"]) <= set(extraction["entry_points"])
    assert extraction["package"] == EXPECTED["package"]
    assert road["check"].record["changed"] == []
    assert road["check"].record["version"] == extraction["version"]


def test_parity_tried_every_relation(road: dict[str, Result]) -> None:
    """The clean notebook raises no finding, and says what was tried."""
    parity = road["parity"].record
    assert parity["passed"]
    assert [f for f in parity["findings"] if f["severity"] != "info"] == []
    assert all(relation["checked"] for relation in parity["relations"])
    assert {column["column"] for column in parity["distances"]} >= set(EXPECTED["features"])


def test_the_contract_asks_for_what_the_transform_reads(road: dict[str, Result]) -> None:
    """Required inputs, features in their order, one output; nothing known only afterwards."""
    contract = road["contract"].record
    assert {c["name"] for c in contract["input"] if c["required"]} == set(EXPECTED["inputs"])
    assert [c["name"] for c in contract["features"]] == EXPECTED["features"]
    assert [c["name"] for c in contract["output"]] == EXPECTED["outputs"]


def test_the_run_is_the_expected_one(road: dict[str, Result]) -> None:
    """Rows, metrics in their range, and lineage to extraction and contract."""
    run = road["train"].record
    assert run["train_rows"] == EXPECTED["train_rows"]
    assert run["holdout_rows"] == EXPECTED["holdout_rows"]
    for name, (low, high) in EXPECTED["holdout_metrics"].items():
        assert low <= run["metrics"][name] <= high
    assert set(run["inputs"]) == {road["extract"].record["id"], road["contract"].record["id"]}


def test_the_gate_passes_with_every_sabotage_caught(road: dict[str, Result]) -> None:
    """A gate whose checks can fail, bound to the candidate's digest."""
    gate = road["gate"].record
    assert gate["verdict"] == "passed"
    assert gate["candidate_digest"] == road["train"].record["candidate"]["digest"]
    assert gate["checks"]
    assert all(check["sabotage_caught"] for check in gate["checks"])
    assert gate["parity"]["scope"] == "candidate"


def test_the_release_is_reproduced_to_the_bit(road: dict[str, Result]) -> None:
    """A fresh environment from the lock, the same rows, seed and parameters: the same model."""
    again = road["reproduce"].record
    assert again["environment"] == "rebuilt", again["findings"]
    assert again["verdict"] == "bit-equal"
    assert {step["name"]: step["verdict"] for step in again["steps"]} == {
        "data": "bit-equal",
        "holdout": "bit-equal",
        "state": "bit-equal",
        "features": "bit-equal",
        "model": "bit-equal",
        "predictions": "bit-equal",
        "metrics": "bit-equal",
    }
    assert again["metrics"] == road["train"].record["metrics"]
