"""Verbs as jobs: real child processes of a real server, watched, cancelled, killed, ended with it."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from jupyter_rest import Server
from running import command_line
from server_projects import asleep, gone, server_ends, until

PROVE = {"prove": True}


def test_a_verb_becomes_a_job_with_its_record(server: Server) -> None:
    """202, then done: the record that lies in the store, who started it, what it would be typed as."""
    job = server.ended(server.start("extractions", {}, project="quick"))
    assert (job["state"], job["passed"], job["exit_code"]) == ("done", True, 0)
    assert job["command"] == ["nbprod", "extract"]
    assert job["by"]
    stored = server.get(f"{job['collection']}/{job['record_id']}", project="quick")
    assert stored == job["result"]
    assert stored["notebook"] == "train.ipynb"
    listed = server.get("jobs")["jobs"]
    assert [one["result"] for one in listed if one["id"] == job["id"]] == [None]


def test_a_judgement_that_does_not_pass_is_a_job_that_is_done(server: Server) -> None:
    """`extract --check` where files differ: done, not passed, with the difference."""
    (server.root / "quick" / "m" / "features.py").unlink(missing_ok=True)
    job = server.ended(server.start("extractions", {"check": True}, project="quick"))
    assert (job["state"], job["error"]) == ("done", None)
    assert "features.py" in job["result"]["diff"]


def test_what_cannot_be_done_is_a_job_that_failed_with_the_next_step(server: Server) -> None:
    """The command's own error, as problem details; its lines are in the log."""
    job = server.ended(server.start("gate-results", {}, project="quick"))
    assert (job["state"], job["exit_code"], job["result"]) == ("failed", 3, None)
    assert job["error"]["type"] == "urn:nbprod:NotFoundError"
    assert "nbprod train" in job["error"]["hint"]
    log = server.get(f"jobs/{job['id']}/log")
    assert "no candidate yet" in log["text"]
    assert log["complete"] is True
    rest = server.get(f"jobs/{job['id']}/log", offset=log["next_offset"])
    assert rest == {"text": "", "next_offset": log["next_offset"], "complete": True}


def test_an_argument_is_never_an_option(server: Server) -> None:
    """A candidate called --help is a candidate that is not there."""
    job = server.ended(server.start("gate-results", {"candidate": "--help"}, project="quick"))
    assert job["state"] == "failed"
    assert "'--help'" in job["error"]["detail"] or "no candidate" in job["error"]["detail"]


@dataclass(frozen=True)
class Sleeping:
    """A job whose notebook's cell sleeps: the job, its process, who was told of it meanwhile."""

    job: Any
    pid: int
    told: Any


@pytest.fixture(scope="module")
def sleeping(server: Server) -> Iterator[Sleeping]:
    """The job, started while a second browser waits for news."""
    ask = {"since": server.get("jobs")["revision"], "wait_s": 20}
    told: list[Any] = []
    with httpx.Client(base_url=server.url, headers=server.client.headers, timeout=60) as second:
        thread = threading.Thread(
            target=lambda: told.append(second.get("/nbprod/api/jobs", params=ask).json())
        )
        thread.start()
        job = server.start("extractions", PROVE, project="slow")
        thread.join(timeout=30)
    yield Sleeping(job, asleep(server.root / "slow"), told[0])
    server.call("DELETE", f"jobs/{job['id']}")


def test_the_road_is_walked_by_one_job_at_a_time_and_few_may_wait(
    server: Server, sleeping: Sleeping
) -> None:
    """The same verb again: 409 with the job; others wait, too many: 429; one may be dropped."""
    second = server.call("POST", "extractions", PROVE, params={"project": "slow"})
    assert (second.status_code, second.json()["job"]) == (409, sleeping.job["id"])
    bodies = ({"check": True}, {"force": True}, {"check": True, "force": True})
    waiting = [server.start("extractions", body, project="slow") for body in bodies]
    assert [job["state"] for job in waiting] == ["waiting"] * 3
    full = server.call("POST", "syncs", {}, params={"project": "slow"})
    assert (full.status_code, bool(full.json()["hint"])) == (429, True)
    for job in waiting:
        dropped = server.call("DELETE", f"jobs/{job['id']}").json()
        assert (dropped["state"], dropped["started_at"]) == ("cancelled", None)


def test_a_rollback_waits_for_nobody(server: Server, sleeping: Sleeping) -> None:
    """What moves traffic starts at once, beside a job of the road."""
    path = "deployments/m/rollout"
    job = server.ended(server.start(path, {"action": "rollback"}, project="slow"))
    assert (job["verb"], job["state"]) == ("rollback", "failed")
    assert "not deployed" in job["error"]["detail"]
    assert server.get(f"jobs/{sleeping.job['id']}")["state"] == "running"


def test_a_job_goes_on_while_the_page_is_reloaded_and_anybody_may_cancel_it(
    server: Server, sleeping: Sleeping
) -> None:
    """One browser was told as it started, another, opened later, ends it with its children."""
    job = sleeping.job
    assert job["id"] in [one["id"] for one in sleeping.told["jobs"]]
    with httpx.Client(base_url=server.url, headers=server.client.headers, timeout=60) as third:
        seen = third.get(f"/nbprod/api/jobs/{job['id']}").json()
        assert (seen["state"], seen["progress"]["message"] != "") == ("running", True)
        assert not gone(sleeping.pid)
        cancelled = third.delete(f"/nbprod/api/jobs/{job['id']}").json()
    assert cancelled["state"] == "cancelled"
    assert gone(sleeping.pid)
    assert server.call("DELETE", f"jobs/{job['id']}").json() == cancelled


def test_a_job_that_is_killed_says_so(server: Server) -> None:
    """kill -9 from outside: failed, with the signal, and nothing of it stays behind."""
    job = server.start("extractions", PROVE, project="slow")
    pid = asleep(server.root / "slow")
    server_children = psutil.Process(server.process.pid).children()
    mine = [p for p in server_children if "--prove" in command_line(p)]
    assert len(mine) == 1
    mine[0].kill()
    ended = server.ended(job)
    assert (ended["state"], ended["exit_code"]) == ("failed", -signal.SIGKILL)
    assert "killed by signal 9" in ended["error"]["detail"]
    until(lambda: gone(pid))


def test_jobs_and_desks_end_with_the_server(tmp_path: Path) -> None:
    """A server that is shut down leaves no process of a job, and no desk."""
    server_ends(tmp_path, signal.SIGTERM)
