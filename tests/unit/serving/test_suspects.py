"""Requests that end their process: seen by the others, tried once more alone, then refused."""

from __future__ import annotations

import asyncio
import fcntl
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest

from nbprod.serving import LocalService
from nbprod.serving.suspects import HEADER, NAMED, Suspects, attempt_of

DYING = """
import os, sys
from pathlib import Path
from nbprod.serving.suspects import Suspects
with Suspects(Path(sys.argv[1]), writer_id=sys.argv[2]).computing(sys.argv[3:]):
    os._exit(9)
"""


def die(folder: Path, writer_id: str, *attempts: str) -> None:
    """A process of that name computes these requests and dies of it."""
    code = subprocess.run(
        [sys.executable, "-c", DYING, str(folder), writer_id, *attempts], check=False
    ).returncode
    assert code == 9


def test_what_a_dead_process_computed_is_suspected(tmp_path: Path) -> None:
    """Each death is counted against what was computed then, and nothing else; a living process,
    one that was done, and a request without a name are no reason."""
    living = Suspects(tmp_path, writer_id="living")
    die(tmp_path, "a", "poison", "near")
    die(tmp_path, "b", "poison")
    with living.computing(["twice", "", "poison"]):
        own = Suspects(tmp_path, writer_id="own")
        assert own.deaths(["poison", "near", "twice", "", "other"]) == {"poison": 2, "near": 1}
    with living.computing(["done"]):
        pass
    assert own.deaths(["done"]) == {}
    living.close()
    own.close()
    own.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_a_process_that_is_about_to_be_dead_is_waited_for(tmp_path: Path) -> None:
    """Its request may come before the kernel has given up its lock: that death counts as well."""
    dying = Suspects(tmp_path, writer_id="dying")
    own = Suspects(tmp_path, writer_id="own")
    with dying.computing(["poison"]):
        threading.Timer(0.05, lambda: fcntl.flock(dying._handle, fcntl.LOCK_UN)).start()
        assert own.deaths(["other"]) == {}
        assert own.deaths(["poison"]) == {"poison": 1}
    dying.close()
    own.close()


def test_a_death_is_seen_at_once_and_forgotten_in_time(tmp_path: Path) -> None:
    """A process that was known dies: the next batch knows; its file goes when it is old."""
    own = Suspects(tmp_path, writer_id="own")
    die(tmp_path, "a", "poison")
    own.look_around()
    assert own.deaths(["poison"]) == {"poison": 1}
    old = time.time() - 3600
    os.utime(tmp_path / "a", (old, old))
    own.look_around()
    own.look_around()
    assert own.deaths(["poison"]) == {}
    assert [path.name for path in tmp_path.iterdir()] == ["own"]
    own.close()


def test_without_a_folder_nobody_is_suspected(tmp_path: Path) -> None:
    """Where no file can be made, requests are computed all the same."""
    blocked = tmp_path / "file"
    blocked.touch()
    own = Suspects(blocked / "computing", writer_id="own")
    with own.computing(["a"]):
        assert own.deaths(["a"]) == {}
    own.close()


def test_only_the_proxy_names_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it a caller who sends such a name is under no suspicion, and holds up nobody."""
    monkeypatch.delenv(NAMED, raising=False)
    assert attempt_of({HEADER.lower(): "mine"}) == ""
    monkeypatch.setenv(NAMED, "1")
    assert attempt_of({HEADER.lower(): "its"}) == "its"
    assert attempt_of({}) == ""


def test_a_suspect_is_tried_once_more_and_then_refused(
    local: LocalService, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside it in the batch others are answered; refused means what the envelope promises."""
    monkeypatch.setenv(NAMED, "1")
    folder = local.service.options.log_folder / "computing"
    die(folder, "a", "poison", "suspect")
    die(folder, "b", "poison")
    local.service._suspects.look_around()

    async def crowd() -> list[httpx.Response]:
        transport = httpx.ASGITransport(local.app)
        row = {"trip": "T1", "km": 10, "minutes": 50.0, "city": "Bern"}
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            return await asyncio.gather(
                *(
                    client.post("/predict", json={"instances": [row]}, headers={HEADER: name})
                    for name in ("good", "poison", "suspect", "better")
                )
            )

    responses = asyncio.run(crowd())
    assert [response.status_code for response in responses] == [200, 500, 200, 200]
    assert "2 processes died" in caplog.text
    assert "nbprod_poisonous_requests_total" in local.service.metrics_text()
