"""A local Ray, started on loopback with a token of its own."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from nbprod.engine.description import FILE, Engine, read_engine
from nbprod.engine.ending import end_engine, engine_processes
from nbprod.engine.environment import process_environment
from nbprod.engine.joining import require_ray
from nbprod.engine.ports import HOST, free_port
from nbprod.engine.waiting import await_port, until
from nbprod.errors import ServingError
from nbprod.records import new_id, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_OBJECT_STORE_BYTES = 128 * 1024 * 1024  # requests are small; models are loaded from disk
_START_TIMEOUT_S = 180.0
_TAIL_LINES = 15
# Named, because each has a fixed default that a second engine would not get.
_PORTS = (
    "dashboard-agent-listen-port",
    "dashboard-agent-grpc-port",
    "metrics-export-port",
    "runtime-env-agent-port",
)
# The file in which the node looks for an agent's port -> the option that named it.
_PORT_FILES = {
    "metrics_agent_port": "dashboard-agent-grpc-port",
    "metrics_export_port": "metrics-export-port",
    "dashboard_agent_listen_port": "dashboard-agent-listen-port",
    "runtime_env_agent_port": "runtime-env-agent-port",
}
# `ray start` always starts a server for remote clients, which costs seconds and runs what anybody
# with the token sends. Nobody here is such a client; only a Ray without that part leaves it out.
_RAY_START = """
import ray.scripts.scripts as scripts
scripts.get_ray_client_dependency_error = lambda: ImportError("not wanted")
scripts.main()
"""
_TRIES = 3
# A free port may be taken between choosing and binding it; and Ray itself gives up after 30 s,
# which a busy machine may need.
_WORTH_A_RETRY = ("ddress already in use", "timed out during startup")


def start_engine(
    folder: str | Path,
    *,
    num_cpus: int | None = None,
    num_gpus: int | None = None,
    name: str | None = None,
    environment: Callable[[Engine], dict[str, str]] | None = None,
    timeout_s: float = _START_TIMEOUT_S,
) -> Engine:
    """Start a local Ray in its own session, described in ``folder`` for later commands.

    num_cpus: logical CPUs, at least 4 by default: replicas reserve fractions of them.
    environment: what its processes and its clients have in theirs; called when ``temp_path``
    exists. name: what its id starts with.
    Raises ServingError with the end of Ray's log when it does not come up within timeout_s;
    nothing is left behind then.
    """
    require_ray()
    target = Path(folder).resolve()
    if (running := read_engine(target)) and engine_processes(running.id):
        raise ServingError(
            f"{target} already describes a running engine ({running.id})",
            hint="use it, or end it first: `nbprod undeploy`",
        )
    target.mkdir(parents=True, exist_ok=True)
    for attempt in range(_TRIES):
        engine = _describe(target, name)
        try:
            return _launch(engine, num_cpus, num_gpus, timeout_s, environment)
        except ServingError as error:
            end_engine(engine)
            if attempt + 1 < _TRIES and any(sign in str(error) for sign in _WORTH_A_RETRY):
                continue
            raise
        except BaseException:
            end_engine(engine)
            raise
    raise AssertionError("unreachable")


def _describe(folder: Path, name: str | None) -> Engine:
    engine_id = f"{name}-{new_id()}" if name else new_id()
    return Engine(
        id=engine_id,
        address=f"{HOST}:{free_port()}",
        folder=str(folder),
        temp_path=f"/tmp/nbprod-{secrets.token_hex(5)}",  # noqa: S108 - short; made with mode 0700
        token_path=str(folder / "token"),
        started_at=utc_now(),
    )


def _launch(
    engine: Engine,
    num_cpus: int | None,
    num_gpus: int | None,
    timeout_s: float,
    environment: Callable[[Engine], dict[str, str]] | None,
) -> Engine:
    folder = Path(engine.folder)
    ports = {name: free_port() for name in _PORTS}
    Path(engine.temp_path).mkdir(mode=0o700)
    if environment is not None:
        engine = dataclasses.replace(engine, environment=environment(engine))
    _write_private(Path(engine.token_path), secrets.token_hex(32))
    log = folder / "engine.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            _command(engine, num_cpus, num_gpus, ports),
            env=process_environment(engine),
            cwd="/",  # outlives the folder it was started from
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C does not reach it
        )
    described = dataclasses.replace(engine, pid=process.pid)
    _write_private(folder / FILE, json.dumps(dataclasses.asdict(described), indent=2))

    def still_alive() -> None:
        _vouch_for_ports(engine, process.pid, ports)
        if process.poll() is not None:
            raise ServingError(
                f"Ray ended with status {process.returncode} while starting:\n{_tail(log)}",
                hint=f"the whole log is {log}",
            )

    try:
        await_port(engine.address, timeout_s, still_alive)
        _await_started(log, timeout_s, still_alive)
    except TimeoutError as error:
        raise ServingError(
            f"Ray did not start within {timeout_s:g} s:\n{_tail(log)}",
            hint=f"look at {log} and at the machine's load and memory",
        ) from error
    return described


def _command(
    engine: Engine, num_cpus: int | None, num_gpus: int | None, ports: Mapping[str, int]
) -> list[str]:
    host, _, port = engine.address.rpartition(":")
    ray_command = [sys.executable, "-c", _RAY_START, "start", "--head", "--block"]
    options = {
        "node-ip-address": host,
        "port": port,
        "include-log-monitor": "false",
        "temp-dir": engine.ray_path,
        "object-store-memory": str(_OBJECT_STORE_BYTES),
        "num-cpus": str(num_cpus or max(4, os.cpu_count() or 1)),
        "include-dashboard": "false",
        "log-style": "record",
        "log-color": "false",
    }
    options |= {name: str(port) for name, port in ports.items()}
    if num_gpus is not None:
        options["num-gpus"] = str(num_gpus)
    flags = ["--no-monitor", "--disable-usage-stats"]
    return [*ray_command, *flags, *(f"--{key}={value}" for key, value in options.items())]


def _vouch_for_ports(engine: Engine, pid: int, ports: Mapping[str, int]) -> None:
    """Tell the node the ports its agents were given, which it waits for 15 s and no longer.

    On a busy machine the agents need longer than that to start, and the node would end itself
    (ray-project/ray#65983). An agent that does write its port writes the same one.
    """
    with contextlib.suppress(psutil.Error):
        for child in psutil.Process(pid).children(recursive=True):
            for argument in child.cmdline():
                if not argument.startswith("--node_id="):
                    continue
                node_id = argument.partition("=")[2]
                for session in Path(engine.ray_path).glob("session_2*"):
                    for name, option in _PORT_FILES.items():
                        file = session / f"{name}_{node_id}"
                        if not file.exists():
                            aside = session / f".{name}"
                            aside.write_text(str(ports[option]), encoding="utf-8")
                            aside.replace(file)


def _await_started(log: Path, timeout_s: float, check: Callable[[], None]) -> None:
    for _ in until(timeout_s):
        check()
        if b"Ray runtime started" in log.read_bytes():
            return
    raise TimeoutError


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner reads, aside and then in its place."""
    aside = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
