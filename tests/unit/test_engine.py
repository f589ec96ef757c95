"""An engine's description and its end; a real Ray is started in tests/engines."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import socket
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbprod.engine import (
    MARKER,
    Engine,
    end_engine,
    engine_processes,
    existing_engine,
    free_port,
    ports,
    processes,
    read_engine,
    start_engine,
    starting,
)
from nbprod.errors import MissingDependencyError, ServingError
from nbprod.records import new_id

Start = Callable[..., subprocess.Popen[bytes]]
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that sleeps, with a marker or without."""
    started: list[subprocess.Popen[bytes]] = []

    def run(code: str = "import time; time.sleep(60)", **marks: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, **marks})
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()


def engine_in(folder: Path) -> Engine:
    temp = folder / "temp"
    temp.mkdir()
    return Engine(
        id=new_id(), address="127.0.0.1:1", folder=str(folder), temp_path=str(temp), pid=0
    )


def test_a_free_port_stays_free_until_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection that is opened meanwhile gets it, and nobody listens there already."""
    first, last = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())
    with socket.socket() as taken:
        port = free_port()
        taken.bind(("127.0.0.1", port))
        monkeypatch.setattr(ports, "_FIRST", port)
        monkeypatch.setattr(ports, "_LAST", port + 9)
        assert {free_port() for _ in range(20)} <= set(range(port + 1, port + 10))
    monkeypatch.undo()
    assert not {free_port() for _ in range(20)} & set(range(first, last + 1))


def test_where_all_ports_are_the_systems_it_gives_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """A container may leave none below its range."""
    monkeypatch.setattr(ports, "_first_of_the_system", lambda: 1024)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", free_port()))


def test_exactly_the_marked_processes_are_ended(start: Start, tmp_path: Path) -> None:
    """Processes with this engine's marker end, a stubborn one too; all others live on."""
    engine = engine_in(tmp_path)
    mine = [start(**{MARKER: engine.id}), start(STUBBORN, **{MARKER: engine.id})]
    others = [start(), start(**{MARKER: new_id()})]
    assert {process.pid for process in engine_processes(engine.id)} == {p.pid for p in mine}
    end_engine(engine)
    assert all(process.wait(timeout=10) is not None for process in mine)
    assert all(process.poll() is None for process in others)
    assert not Path(engine.temp_path).exists()


def test_a_marker_must_be_the_same_to_the_letter(start: Start) -> None:
    """A process is found by name and value of its marker, not by a part of it."""
    value = new_id()
    process = start(NBPROD_TEST_MARK=value)
    assert [found.pid for found in processes("NBPROD_TEST_MARK", value)] == [process.pid]
    assert processes("NBPROD_TEST_MARK", value[:-1]) == []
    assert processes("NBPROD_TEST_MAR", value) == []


def test_an_existing_cluster_is_never_ended(start: Start) -> None:
    """Ending an engine that nbprod did not start ends nothing."""
    process = start(**{MARKER: ""})
    end_engine(existing_engine("192.0.2.1:6379"))
    assert process.poll() is None


def test_a_folder_without_a_description_has_no_engine(tmp_path: Path) -> None:
    """Nothing described is None; a damaged description is an error with a hint."""
    assert read_engine(tmp_path) is None
    (tmp_path / "engine.json").write_text("{")
    with pytest.raises(ServingError) as damaged:
        read_engine(tmp_path)
    assert damaged.value.hint


def test_a_second_engine_in_a_folder_is_refused(start: Start, tmp_path: Path) -> None:
    """While the described engine has processes, no other is started in its folder."""
    engine = engine_in(tmp_path)
    (tmp_path / "engine.json").write_text(json.dumps(dataclasses.asdict(engine)))
    start(**{MARKER: engine.id})
    with pytest.raises(ServingError, match=engine.id):
        start_engine(tmp_path)


def test_a_ray_that_cannot_start_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The end of Ray's own words is the error; token, description and temp folder are gone."""
    seen: dict[str, Any] = {}

    def fail(engine: Engine, *_: object) -> list[str]:
        seen["mode"] = stat.S_IMODE(Path(engine.token_path).stat().st_mode)
        seen["temp"] = engine.temp_path
        return [sys.executable, "-c", "print('no such thing'); raise SystemExit(7)"]

    monkeypatch.setattr(starting, "_command", fail)
    with pytest.raises(ServingError, match="no such thing"):
        start_engine(tmp_path, timeout_s=20)
    assert seen["mode"] == 0o600
    assert {file.name for file in tmp_path.iterdir()} == {"engine.log"}
    assert not Path(seen["temp"]).exists()


def test_without_ray_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where Ray is not installed the error says what to install."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingDependencyError) as missing:
        start_engine(tmp_path)
    assert "nbprod[serve]" in missing.value.hint
