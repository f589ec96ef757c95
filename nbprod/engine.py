"""A local Ray that outlives the command, or an existing cluster; started and ended by id.

Every process of a local engine carries ``NBPROD_ENGINE=<id>`` in its environment: that marker,
never a name, says what belongs to it. The engine listens on loopback only and asks for a token,
because on a machine with several users loopback alone lets any of them run code in it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from nbprod.errors import MissingDependencyError, ServingError
from nbprod.imports import leave_out_slow_imports, write_left_out
from nbprod.records import new_id, utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

MARKER = "NBPROD_ENGINE"
NAMESPACE = "nbprod"
_FILE = "engine.json"
_HOST = "127.0.0.1"
_OBJECT_STORE_BYTES = 128 * 1024 * 1024  # requests are small; models are loaded from disk
_START_TIMEOUT_S = 180.0
_TERM_S, _KILL_S = 2.0, 5.0
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


@dataclass(frozen=True, kw_only=True)
class Engine:
    """A Ray cluster; ``id`` is empty for one that nbprod did not start and never ends."""

    id: str
    address: str  # host:port of its control service
    folder: str = ""  # holds engine.json, the token and the log
    temp_path: str = ""  # short, because a Unix socket's path is limited to 107 characters
    token_path: str = ""
    pid: int = 0  # of the process that holds the others
    started_at: str = ""
    environment: dict[str, str] = dataclasses.field(default_factory=dict)  # of its processes

    @property
    def local(self) -> bool:
        """Whether nbprod started it, and therefore may end it."""
        return bool(self.id)


def existing_engine(address: str) -> Engine:
    """An existing Ray cluster, which nbprod uses and leaves alone."""
    return Engine(id="", address=address)


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
    _require_ray()
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


def read_engine(folder: str | Path) -> Engine | None:
    """The engine that a folder describes, running or not; None where it describes none."""
    try:
        data = json.loads(Path(folder, _FILE).read_text(encoding="utf-8"))
        return Engine(**data)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError) as error:
        raise ServingError(
            f"{Path(folder, _FILE)} cannot be read: {error}",
            hint="remove the file after checking that no engine of this project runs",
        ) from error


def connect(engine: Engine, *, timeout_s: float = 30.0) -> None:
    """Make this process a client of the engine; a second call for the same engine does nothing.

    Nothing is printed. Raises ServingError when the engine does not answer.
    """
    _require_ray()
    _prepare_client(engine)
    import ray

    if ray.is_initialized():
        if engine.address in (ray.get_runtime_context().gcs_address, _joined.get("address")):
            return
        disconnect()
    if engine.local:
        _await_port(engine.address, timeout_s, lambda: None)
    try:
        ray.init(
            address=engine.address,
            namespace=NAMESPACE,
            configure_logging=False,
            log_to_driver=False,
            logging_level="ERROR",
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise ServingError(
            f"the engine at {engine.address} does not answer: {error}",
            hint="`nbprod status` says whether it runs; `nbprod deploy` starts a new one",
        ) from error
    _joined["address"] = engine.address
    _silence_client()


def disconnect() -> None:
    """Stop being a client; the engine goes on."""
    if "ray" in sys.modules:
        import ray

        if ray.is_initialized():
            ray.shutdown()
    _joined.clear()


# The engine this process is a client of: Ray itself keeps one connection per process.
_joined: dict[str, str] = {}


def end_engine(engine: Engine) -> None:
    """End exactly the engine's processes and remove its traces; ServingError if one stays.

    An engine that nbprod did not start is only disconnected from.
    """
    if _joined.get("address") == engine.address:
        disconnect()
    if not engine.local:
        return
    _end(engine.id, engine.pid)
    if left := engine_processes(engine.id):
        raise ServingError(
            f"{len(left)} processes of engine {engine.id} are still there: "
            + ", ".join(str(process.pid) for process in left),
            hint="they belong to this engine alone: end them by these ids",
        )
    shutil.rmtree(engine.temp_path, ignore_errors=True)
    for file in (_FILE, "token"):
        Path(engine.folder, file).unlink(missing_ok=True)


def engine_processes(engine_id: str) -> list[psutil.Process]:
    """The live processes whose environment carries this engine's marker."""
    return processes(MARKER, engine_id)


def processes(marker: str, value: str) -> list[psutil.Process]:
    """The live processes that were started with ``marker=value`` in their environment.

    Only processes that this user may look into are seen.
    """
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.status() == psutil.STATUS_ZOMBIE:
                continue
            if process.environ().get(marker) == value:
                found.append(process)
    return found


# ---------------------------------------------------------------- start


def _describe(folder: Path, name: str | None) -> Engine:
    engine_id = f"{name}-{new_id()}" if name else new_id()
    return Engine(
        id=engine_id,
        address=f"{_HOST}:{free_port()}",
        folder=str(folder),
        temp_path=f"/tmp/nbprod-{secrets.token_hex(5)}",  # noqa: S108 - short; made with mode 0700
        token_path=str(folder / "token"),
        started_at=utc_now(),
    )


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


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
            env=_environment(engine),
            cwd="/",  # outlives the folder it was started from
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a terminal's Ctrl-C does not reach it
        )
    described = dataclasses.replace(engine, pid=process.pid)
    _write_private(folder / _FILE, json.dumps(dataclasses.asdict(described), indent=2))

    def still_alive() -> None:
        _vouch_for_ports(engine, process.pid, ports)
        if process.poll() is not None:
            raise ServingError(
                f"Ray ended with status {process.returncode} while starting:\n{_tail(log)}",
                hint=f"the whole log is {log}",
            )

    try:
        _await_port(engine.address, timeout_s, still_alive)
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
        "temp-dir": engine.temp_path,
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
                for session in Path(engine.temp_path).glob("session_2*"):
                    for name, option in _PORT_FILES.items():
                        file = session / f"{name}_{node_id}"
                        if not file.exists():
                            aside = session / f".{name}"
                            aside.write_text(str(ports[option]), encoding="utf-8")
                            aside.replace(file)


def _environment(engine: Engine) -> dict[str, str]:
    """The caller's environment, its own markers included, with this engine's on top."""
    inherited = {key: value for key, value in os.environ.items() if not _is_foreign(key)}
    left_out = str(write_left_out(Path(engine.temp_path, "left-out")))
    return {
        **inherited,
        **_client_environment(engine),
        MARKER: engine.id,
        # Ray's agents rewrite their title over their environment, and the marker with it,
        # unless this is set.
        "SPT_NOENV": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONPATH": os.pathsep.join(filter(None, (left_out, inherited.get("PYTHONPATH", "")))),
        # Ray gives its workers a niceness of 15, made for batch work: beside anything else on the
        # machine, a proxy or a replica would answer late (ray-project/ray#24928).
        "RAY_worker_niceness": "0",
        # A worker imports behind whoever answers requests, which may take it some time.
        "RAY_worker_register_timeout_seconds": "180",
    }


def _is_foreign(key: str) -> bool:
    return key in {"RAY_ADDRESS", "RAY_AUTH_TOKEN", "RAY_JOB_CONFIG_JSON_ENV_VAR", MARKER}


def _client_environment(engine: Engine) -> dict[str, str]:
    quiet = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_SERVE_LOG_TO_STDERR": "0"}
    if not engine.local:
        return quiet
    return {
        **quiet,
        **engine.environment,
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": engine.token_path,
        # On Linux Ray replaces 127.0.0.1 by the machine's public address, where this
        # engine does not listen; this switch keeps a cluster on loopback.
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
    }


def _prepare_client(engine: Engine) -> None:
    """The environment Ray reads when it is imported, or again where it was imported before."""
    was_imported = "ray" in sys.modules
    leave_out_slow_imports()
    os.environ.update(_client_environment(engine))
    if not engine.local:
        return
    os.environ.pop("RAY_AUTH_TOKEN", None)
    if was_imported:
        import ray._private.ray_constants as constants
        import ray._raylet

        constants.ENABLE_RAY_CLUSTER = False
        raylet: Any = ray._raylet
        raylet.Config.initialize("")
        raylet.AuthenticationTokenLoader.instance().reset_cache()


def _silence_client() -> None:
    """Whatever happens to any worker is printed by Ray's client; it stands in the engine's log.

    A replica that ended would tell a caller of `nbprod status` about the machine's memory.
    """
    import ray._private.worker as client

    client.print_to_stdstream = lambda *_, **__: None


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


def _await_port(address: str, timeout_s: float, check: Any) -> None:
    host, _, port = address.rpartition(":")
    for _ in _until(timeout_s):
        check()
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
    raise ServingError(
        f"nothing listens at {address}",
        hint="the engine ended; `nbprod deploy` starts a new one",
    ) from TimeoutError()


def _await_started(log: Path, timeout_s: float, check: Any) -> None:
    for _ in _until(timeout_s):
        check()
        if b"Ray runtime started" in log.read_bytes():
            return
    raise TimeoutError


def _until(timeout_s: float) -> Iterator[None]:
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)


def _tail(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return "\n".join(lines[-_TAIL_LINES:])


def _require_ray() -> None:
    import importlib.util

    if importlib.util.find_spec("ray") is None:
        raise MissingDependencyError("serving on Ray needs the ray package", extra="serve")


# ---------------------------------------------------------------- end


def _end(engine_id: str, pid: int) -> None:
    """TERM, then KILL, until no process of the engine is left or the time is up."""
    for terminate, limit_s in ((True, _TERM_S), (False, _KILL_S)):
        for _ in _until(limit_s):
            members = _members(engine_id, pid)
            if not members:
                return
            _signal(members, terminate=terminate)
            psutil.wait_procs(members, timeout=0.5)


def _members(engine_id: str, pid: int) -> list[psutil.Process]:
    """The marked processes, and the children of the first while it is one of them."""
    marked = {process.pid: process for process in engine_processes(engine_id)}
    if pid in marked:
        with contextlib.suppress(psutil.Error):
            for child in marked[pid].children(recursive=True):
                marked.setdefault(child.pid, child)
    return list(marked.values())


def _signal(members: Iterable[psutil.Process], *, terminate: bool) -> None:
    for process in members:
        with contextlib.suppress(psutil.Error):
            if terminate:
                process.terminate()
            else:
                process.kill()
