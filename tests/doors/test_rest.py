"""One verb, three doors: Python, the command line with --json, and REST give the same JSON."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from command import nbprod
from jupyter_rest import Server, jupyter

from nbprod import Project

# What two runs of one verb never share.
_OF_THE_MOMENT = {"id", "created_at", "durations_s", "duration_s"}


def timeless(value: Any) -> Any:
    """A record without its id, its time and how long things took."""
    if isinstance(value, dict):
        return {k: timeless(v) for k, v in value.items() if k not in _OF_THE_MOMENT}
    return [timeless(item) for item in value] if isinstance(value, list) else value


@pytest.fixture(scope="module")
def server(walked: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose root holds a copy of the walked project."""
    root = tmp_path_factory.mktemp("doors") / "root"
    shutil.copytree(walked, root / "wine")
    for path in (root / "wine" / ".nbprod" / "releases").rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)  # a release is read-only
    with jupyter(root) as running:
        yield running


@pytest.mark.parametrize(
    ("verb", "command", "route", "body", "python"),
    [
        ("extract", ["extract"], "extractions", {}, lambda p: p.extract()),
        ("extract --check", ["extract", "--check"], "extractions", {"check": True},
         lambda p: p.extract(check=True)),
        ("verify", ["verify"], "verifications", {}, lambda p: p.verify()),
        ("reject", ["reject", "--reason=no", "--by=me@x.y"], "approvals",
         {"approved": False, "reason": "no", "by": "me@x.y"},
         lambda p: p.reject(reason="no", by="me@x.y")),
        ("contract show", ["contract", "show"], "contracts", {"show": True},
         lambda p: p.contract()),
        ("monitor", ["monitor", "--fail", "--start=2026-01-01", "--end=2026-01-02"], "health",
         {"start": "2026-01-01", "end": "2026-01-02"},
         lambda p: p.monitor(start="2026-01-01", end="2026-01-02")),
    ],
    ids=lambda value: value if isinstance(value, str) and " " not in value else "",
)  # fmt: skip
def test_the_same_verb_by_three_doors_gives_the_same_record(
    server: Server, verb: str, command: list[str], route: str, body: dict[str, Any], python: Any
) -> None:
    """The same JSON but for ids and times, and the same verdict."""
    folder = server.root / "wine"
    typed = nbprod(*command, "--json", cwd=folder)
    job = server.ended(server.start(route, body, project="wine"))
    record = python(Project.load(folder)).to_json()
    assert job["state"] == "done", job
    assert timeless(job["result"]) == timeless(typed.record) == timeless(record)
    assert (job["exit_code"], job["passed"]) == (typed.code, typed.code == 0)
    assert bool(job["collection"]) == (verb not in ("verify", "extract --check"))
    if job["collection"]:
        stored = server.get(f"{job['collection']}/{job['record_id']}", project="wine")
        assert stored == job["result"]


@pytest.mark.parametrize(
    ("command", "route", "body"),
    [
        (["release", "99"], "releases", {"candidate": "99"}),
        (["approve", "--reason= "], "approvals", {"approved": True, "reason": " "}),
        (["status"], "deployments/strong-wine/rollout", {"action": "promote"}),
        (["deploy", "7"], "deployments", {"release": "7"}),
    ],
    ids=["release", "approve", "promote", "deploy"],
)
def test_what_is_refused_is_refused_at_every_door(
    server: Server, command: list[str], route: str, body: dict[str, Any]
) -> None:
    """The same class of error, the same message and hint, the same exit code."""
    folder = server.root / "wine"
    typed = nbprod(*command, "--json", cwd=folder)
    job = server.ended(server.start(route, body, project="wine"))
    error = typed.record["error"]
    told = job["error"]
    assert job["state"] == "failed"
    assert (told["type"], told["detail"], told["hint"]) == (
        f"urn:nbprod:{error['type']}",
        error["message"],
        error["hint"],
    )
    assert job["exit_code"] == typed.code


def test_the_road_of_a_walked_project_is_told_stage_by_stage(server: Server) -> None:
    """Done, with the last record of each; then the notebook changes, and what follows is stale."""
    road = server.get("project", path="wine/notebooks/train.ipynb")
    states = {stage["name"]: stage["state"] for stage in road["stages"]}
    made = ("extract", "contract", "parity", "train", "gate", "release")
    assert {name: states[name] for name in made} == dict.fromkeys(made, "done")
    assert (states["deploy"], states["approve"]) in (("todo", "done"), ("todo", "failed"))
    assert road["next_stage"] in ("approve", "deploy")
    gate = next(stage for stage in road["stages"] if stage["name"] == "gate")
    assert gate["record"]["passed"] is True
    listed = server.get("gate-results", project="wine")["records"]
    assert listed[0] == gate["record"]
    notebook = server.root / "wine" / "notebooks" / "train.ipynb"
    text = notebook.read_text()
    notebook.write_text(
        text.replace("nbprod:features", "nbprod:features ", 1).replace("0.2", "0.25", 1)
    )
    changed = server.get("project", path="wine")["stages"][0]
    notebook.write_text(text)
    assert changed["state"] in ("stale", "failed")
    assert changed["missing"]


def test_reports_are_pages_that_can_do_nothing(server: Server) -> None:
    """Gate, parity, health and the reviewer's page: HTML in a sandbox, without script."""
    gate = server.get("gate-results", project="wine")["records"][0]
    parity = server.get("parity-reports", project="wine")["records"][0]
    run = server.get("runs", project="wine")["records"][0]
    for path in (
        f"gate-results/{gate['id']}/report",
        f"parity-reports/{parity['id']}/report",
        f"runs/{run['id']}/report",
        f"runs/{run['id']}/review",
    ):
        page = server.call("GET", path, params={"project": "wine"})
        assert page.status_code == 200, page.text
        policy = page.headers["Content-Security-Policy"]
        assert policy.startswith("sandbox;")
        assert "allow-" not in policy
        assert "default-src 'none'" in policy
        assert page.headers["X-Content-Type-Options"] == "nosniff"
        assert page.headers["Content-Type"].startswith("text/html")
        assert page.text.startswith("<!doctype html>")


def test_a_record_that_was_altered_is_told_and_hides_nothing_else(
    server: Server, walked: Path
) -> None:
    """409 for the record itself; its stage is damaged, the others are as they were."""
    gate = server.get("gate-results", project="wine")["records"][0]
    file = server.root / "wine" / ".nbprod" / "gates" / gate["id"] / "record.json"
    text = file.read_text()
    file.write_text(text.replace('"passed": true', '"passed": false', 1))
    answer = server.call("GET", f"gate-results/{gate['id']}", params={"project": "wine"})
    road = server.get("project", path="wine")
    listed = server.get("gate-results", project="wine")["records"][0]
    file.write_text(text)
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:nbprod:TamperedRecordError")
    assert "restore the file" in answer.json()["hint"]
    states = {stage["name"]: stage["state"] for stage in road["stages"]}
    assert (states["gate"], states["train"]) == ("damaged", "done")
    assert listed["damaged"]


def test_an_alert_is_acknowledged_by_name_and_stays_so(server: Server) -> None:
    """From the board by its id; who and what is kept; at the command line the same."""
    folder = server.root / "wine"
    project = Project.load(folder)
    health = project.monitor(start="2026-01-01", end="2026-01-02")
    from dataclasses import replace

    from nbprod.records import Alert, new_id

    raised = tuple(
        Alert(code="NBM003", message=f"auc fell {n}", owner="me@x.y", id=new_id()) for n in (1, 2)
    )
    project.store.save("health", replace(health, id=new_id(), alerts=raised))
    shown = server.get("board", project="wine")["alerts"]
    assert [alert["acknowledged"] for alert in shown] == [None, None]
    path = f"alerts/{raised[0].id}/acknowledgement"
    body = {"note": "rolled back", "by": "me@x.y"}
    seen = server.call("POST", path, body, params={"project": "wine"})
    assert (seen.status_code, seen.json()["code"]) == (201, "NBM003")
    typed = nbprod("ack", raised[1].id, "--note=rolled back", "--by=me@x.y", "--json", cwd=folder)
    assert timeless(typed.record) | {"alert_id": ""} == timeless(seen.json()) | {"alert_id": ""}
    board = server.get("board", project="wine")
    assert [alert["acknowledged"]["note"] for alert in board["alerts"]] == ["rolled back"] * 2
    assert nbprod("ack", "nothing", cwd=folder).code == 3


def test_a_window_opens_as_a_notebook_that_runs(server: Server) -> None:
    """A notebook beside the project loads the window's rows; asked again, it is the same file."""
    from nbprod.notebook import execute_notebook

    body = {"start": "2026-01-01", "end": "2026-01-02"}
    made = server.call("POST", "window-notebooks", body, params={"project": "wine"})
    assert made.status_code == 201, made.text
    path = server.root / made.json()["path"]
    assert path.is_file()
    again = server.call("POST", "window-notebooks", body, params={"project": "wine"})
    assert again.json() == made.json()
    execute_notebook(path, path.with_suffix(".out.ipynb"), parameters={}, cwd=path.parent)
