"""Parity, training and gate of one project by three doors: command line, Lab's server, `%nbprod`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from command import nbprod
from jupyter_rest import Server, jupyter

from nbprod.notebook import execute_notebook

ROAD = {"parity": "parity-reports", "train": "runs", "gate": "gate-results"}

# What two runs of one verb never share: when, how long, which number, what names those.
_OF_THE_RUN = {
    *("id", "created_at", "duration_s", "durations_s", "duration_ms"),
    *("mlflow_run_id", "number", "inputs", "artifacts", "previous", "files", "notebooks"),
    *("digest", "candidate_digest", "subject", "asked"),
}


def lasting(value: Any) -> Any:
    """A record without what belongs to its run alone."""
    if isinstance(value, dict):
        return {k: lasting(v) for k, v in value.items() if k not in _OF_THE_RUN}
    return [lasting(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server over the starter project with its module and contract, and two copies of it."""
    root = tmp_path_factory.mktemp("doors") / "root"
    root.mkdir()
    assert nbprod("init", "wine", cwd=root).code == 0
    for verb in (["extract"], ["contract", "infer"]):
        assert nbprod(*verb, cwd=root / "wine").code == 0
    for door in ("typed", "magic"):
        shutil.copytree(root / "wine", root / door / "wine")
    with jupyter(root) as running:
        yield running


def typed(project: Path) -> list[Any]:
    """The records as the command line prints them."""
    found = [nbprod(verb, "--json", cwd=project) for verb in ROAD]
    assert [result.code for result in found] == [0, 0, 0], found
    return [result.record for result in found]


def by_rest(server: Server) -> list[Any]:
    """The records of the jobs that Lab's buttons start."""
    jobs = [server.ended(server.start(path, {}, project="wine")) for path in ROAD.values()]
    assert [(job["state"], job["exit_code"]) for job in jobs] == [("done", 0)] * 3, jobs
    return [job["result"] for job in jobs]


def by_magic(project: Path) -> list[Any]:
    """The records that a notebook keeps of `%nbprod`."""
    cells = ["%load_ext nbprod\nimport json"]
    cells += [
        f"kept = %nbprod {verb}\njson.dump(kept.record.to_json(), open('{verb}.json', 'w'))"
        for verb in ROAD
    ]
    node = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in cells])
    nbformat.write(node, project / "notes.ipynb")
    execute_notebook(project / "notes.ipynb", project / "out.ipynb", parameters={}, cwd=project)
    return [json.loads((project / f"{verb}.json").read_text()) for verb in ROAD]


def test_parity_training_and_gate_give_the_same_records_by_every_door(server: Server) -> None:
    """The same verdicts, distances, metrics, snapshot and checks, value for value."""
    first = typed(server.root / "typed" / "wine")
    assert lasting(by_rest(server)) == lasting(first)
    assert lasting(by_magic(server.root / "magic" / "wine")) == lasting(first)
