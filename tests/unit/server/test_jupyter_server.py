"""The extension in a real Jupyter server: who is let in, where a path leads, what is answered."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import httpx
import pytest
from jupyter_rest import Server, jupyter
from server_projects import write_project

from nbprod.server.routes import ROUTES

TOML = '[model]\nname = "m"\nowner = "me@example.com"\n\n[notebooks]\ntrain = "train.ipynb"\n'
PATHS = [(r.method, r.path.replace("{id}", "0" * 24).replace("{name}", "m")) for r in ROUTES]


# ---------------------------------------------------------------- who is let in


@pytest.mark.parametrize(("method", "path"), PATHS, ids=str)
def test_nobody_without_the_token_is_let_in(server: Server, method: str, path: str) -> None:
    """Every route, by every verb that it has: 403, as problem details with a hint."""
    answer = httpx.request(method, f"{server.url}/nbprod/api/{path}", content="{}")
    assert answer.status_code == 403
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["hint"]


def test_a_browser_without_the_xsrf_token_changes_nothing(server: Server) -> None:
    """A cookie alone, as another site could send it, starts no job."""
    before = server.get("jobs")
    with httpx.Client(base_url=server.url) as browser:
        browser.get("/login")
        browser.get("/api/status", params={"token": "a-token-of-the-tests"})
        assert [name for name in browser.cookies if name.startswith("username-")]
        assert browser.get("/nbprod/api/status").status_code == 200
        refused = browser.post("/nbprod/api/extractions", json={}, params={"project": "one"})
        assert refused.status_code == 403
        assert "_xsrf" in refused.json()["detail"]
        token = browser.cookies.get("_xsrf", "")
        assert token
        let_in = browser.post("/nbprod/api/proposals", json={}, headers={"X-XSRFToken": token})
        assert let_in.status_code == 422
    assert server.get("jobs") == before


def test_whoever_may_only_look_starts_nothing_behind_a_hub_too(tmp_path: Path) -> None:
    """Jupyter's authorizer is asked for each verb; addresses keep the server's own prefix."""
    write_project(tmp_path / "root" / "quick")
    only_read = "--ServerApp.authorizer_class=read_only.ReadOnly"
    with jupyter(tmp_path / "root", only_read, base_url="/user/me") as server:
        assert server.get("project", path="quick")["name"] == "m"
        for method, path in (("POST", "extractions"), ("DELETE", "jobs/0"), ("POST", "project")):
            refused = server.call(method, path, {}, params={"project": "quick"})
            assert refused.status_code == 403, refused.text
            assert refused.json()["hint"]
        assert server.get("jobs")["jobs"] == []


# ---------------------------------------------------------------- where a path leads


@pytest.mark.parametrize(
    "path",
    [
        *("../outside", "one/../../outside", "/../outside", "link", "link/nbprod.toml"),
        *("two/nbprod-link.ipynb", "..", "..\\outside", "//etc", "/etc/passwd/../.."),
        "a" * 5000,
    ],
)
def test_no_path_leads_out_of_the_servers_folder(server: Server, path: str) -> None:
    """Neither up, nor by a link: 404, which does not say whether anything is there."""
    answer = server.call("GET", "project", params={"path": path})
    assert answer.status_code == 404
    for method, route, body in (
        ("POST", "extractions", {}),
        ("GET", "board", None),
        ("POST", "window-notebooks", {}),
    ):
        assert server.call(method, route, body, params={"project": path}).status_code == 404
    content = {"path": path, "cells": []}
    assert server.call("POST", "inspections", content).status_code == 404
    made = server.call("POST", "project", {"notebook": path})
    assert made.status_code == 404


def test_the_project_of_a_notebook_is_the_nearest_one_above_it(server: Server) -> None:
    """A path in a folder of the project, whether it exists or not; never the root's parents'."""
    assert server.get("project", path="two/deeper/train.ipynb")["path"] == "two"
    assert server.get("project", path="/one/")["path"] == "one"
    outside = server.call("GET", "project", params={"path": "none/x.ipynb"})
    assert (outside.status_code, outside.json()["type"]) == (404, "urn:nbprod:no-project")
    assert "nbprod.toml" in outside.json()["hint"]


# ---------------------------------------------------------------- what is answered


def test_the_front_end_asks_for_the_version_first(server: Server) -> None:
    """Version and number of the interface, the roles, and how much may run."""
    status = server.get("status")
    assert status["api"] == 1
    assert [role["tag"] for role in status["roles"]][:2] == ["parameters", "nbprod:lib"]
    document = server.call("GET", "openapi.json")
    assert document.json()["openapi"].startswith("3.1")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("GET", "nothing", None, 404, "/nbprod/api/nothing"),
        ("DELETE", "runs", None, 405, ""),
        ("POST", "runs", {"sed": 1}, 422, "sed"),
        ("POST", "runs", {"seed": "x"}, 422, "seed"),
        ("POST", "approvals", {"approved": True}, 422, "reason"),
        ("POST", "deployments", {"trial": "dark"}, 422, "trial"),
        ("POST", "deployments/other/rollout", {"action": "promote"}, 404, "other"),
        ("GET", "runs/" + "0" * 24, None, 404, "0000"),
        ("GET", "jobs/" + "0" * 24, None, 404, "0000"),
        ("GET", "gate-results/" + "0" * 24 + "/report", None, 404, "0000"),
        ("GET", "runs?limit=-3", None, 422, "limit"),
        ("GET", "runs?limt=3", None, 422, "limt"),
        ("GET", "predictions/x/why", None, 404, "x"),
        ("POST", "window-notebooks", {"start": "2020-01-01"}, 422, "window"),
        ("POST", "alerts/x/acknowledgement", {}, 404, "x"),
    ],
)
def test_what_is_wrong_is_told_with_the_next_step(
    server: Server, method: str, path: str, body: object, status: int, told: str
) -> None:
    """The documented status, problem details, the thing that is wrong named, a hint."""
    plain, _, query = path.partition("?")
    query += "&project=one" if plain != "nothing" and not plain.startswith("jobs") else ""
    answer = server.call(method, f"{plain}?{query.strip('&')}", body)
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert told in problem["detail"]
    assert problem["hint"]


def test_what_is_no_json_is_told_so(server: Server) -> None:
    """400, and not 422: the body could not be read at all."""
    answer = server.client.post("/nbprod/api/inspections", content="{")
    assert answer.status_code == 400
    assert "JSON" in answer.json()["detail"]


def test_a_broken_settings_file_is_told_by_file_line_and_key(server: Server) -> None:
    """The settings' own error, as at the command line."""
    folder = server.root / "broken"
    folder.mkdir()
    (folder / "nbprod.toml").write_text(TOML + "[gate]\nminslice = 3\n")
    answer = server.call("GET", "project", params={"path": "broken"})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:nbprod:ConfigError")
    assert "line 8" in answer.json()["detail"]
    assert "min_slice" in answer.json()["hint"]
    shutil.rmtree(folder)


def test_a_project_is_created_around_a_notebook_that_stays_as_it_is(server: Server) -> None:
    """The five-line file and the proposed roles; the open notebook is the editor's to change."""
    folder = server.root / "fresh"
    folder.mkdir()
    cell = {"cell_type": "code", "id": "a", "metadata": {}, "outputs": [], "execution_count": None}
    cells = [
        {**cell, "source": "import pandas as pd\nrows = pd.read_csv('x.csv')"},
        {**cell, "id": "b", "source": "model = Tree().fit(rows[['x']], rows['y'])"},
    ]
    text = json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5})
    (folder / "my model.ipynb").write_text(text)
    made = server.call("POST", "project", {"notebook": "fresh/my model.ipynb", "owner": "a@b.c"})
    assert made.status_code == 201, made.text
    assert {p["cell_id"]: p["tag"] for p in made.json()["proposals"]} == {
        "a": "nbprod:data",
        "b": "nbprod:train",
    }
    assert (folder / "my model.ipynb").read_text() == text
    assert server.get("project", path="fresh/my model.ipynb")["name"] == "my-model"
    again = server.call("POST", "project", {"notebook": "fresh/my model.ipynb"})
    assert (again.status_code, "already is a project" in again.json()["detail"]) == (422, True)
    far = server.call("POST", "project", {"notebook": "one/x.ipynb", "folder": "none"})
    assert far.status_code == 422
