"""Serving against its peers: the same flights model, transform and rows, in one run, by rounds.

nbprod answers with contract, prediction log and profile on; the peers do none of it. All servers
are up at once and take turns, so that a busy minute of the machine hits all of them alike; those
whose turn it is not are stopped, since some keep a core busy while nobody asks them (a local Ray,
a tenth of one). Each gets the rows as its own protocol has them: `{"instances": …}` but for MLflow and MLServer.
Packages that are not nbprod's own are installed in environments under .bench, or under the folder
that NBPROD_BENCH_PEERS names. NBPROD_BENCH_ONLY=nbprod,bare restricts the peers,
NBPROD_BENCH_ROUNDS the rounds and NBPROD_BENCH_SECONDS each one's time. Nine minutes in all.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import psutil
import pytest
from command import nbprod

from nbprod.data.contract import RowValidator
from nbprod.engine import free_port
from nbprod.predictor import read_bundle

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]
PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("NBPROD_BENCH_SECONDS", "2"))
_AWAKE_S = 0.5  # what fell due while it was stopped is done by then
ROUNDS = int(os.environ.get("NBPROD_BENCH_ROUNDS", "3"))
LOADS = {"c=1": (1, 1), "c=16": (16, 1), "c=64": (64, 1), "100 rows, c=16": (16, 100)}
UVICORN = ("-m", "uvicorn", "--workers", "2", "--log-level", "warning", "--no-access-log")


@dataclass(frozen=True)
class Protocol:
    """How a server takes rows and gives predictions."""

    path: str = "/predict"
    body: Callable[[list[dict[str, Any]]], Any] = lambda rows: {"instances": rows}
    read: Callable[[Any], list[float]] = lambda answer: (
        answer["predictions"] if isinstance(answer, dict) else answer
    )


def _tensors(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Rows as the Open Inference Protocol has them: one tensor for each column."""
    inputs = []
    for name in rows[0]:
        values = [row[name] for row in rows]
        kinds = {type(value) for value in values if value is not None}
        kind = "BYTES" if kinds == {str} else "INT64" if kinds == {int} else "FP64"
        tensor = {"name": name, "shape": [len(rows), 1], "datatype": kind, "data": values}
        inputs.append(tensor | ({"parameters": {"content_type": "str"}} if kind == "BYTES" else {}))
    return {"inputs": inputs}


INSTANCES = Protocol()
RECORDS = Protocol("/invocations", lambda rows: {"dataframe_records": rows})
TENSORS = Protocol(
    "/v2/models/flights/infer", _tensors, lambda answer: answer["outputs"][0]["data"]
)


@dataclass
class Peer:
    name: str
    command: tuple[str, ...]  # behind the interpreter; {port} and {bundle} are filled in
    needs: tuple[str, ...] = ()  # packages in an environment of its own
    protocol: Protocol = INSTANCES
    loads: tuple[str, ...] = tuple(LOADS)
    port: int = field(default_factory=free_port)
    stops: bool = True  # between its turns; BentoML's batcher would take that for a slow model
    process: subprocess.Popen[bytes] | None = None
    rates: dict[str, list[float]] = field(default_factory=dict)  # load -> requests/s of each round
    p50: dict[str, list[float]] = field(default_factory=dict)  # load -> milliseconds
    p99: dict[str, list[float]] = field(default_factory=dict)
    bad: int = 0  # answers other than 2xx, socket errors


def _peers() -> list[Peer]:
    deployed, bare = str(PEERS / "nbprod_deployed.py"), str(PEERS / "ray_bare.py")
    every = [
        Peer("nbprod", (deployed, "{port}", "{bundle}")),
        Peer("bare Ray Serve, batch, 2", (bare, "{port}", "{bundle}", "batch")),
        # What one caller sees is compared with as many replicas on both sides: one.
        Peer("nbprod, 1 replica", (deployed, "{port}", "{bundle}", "1"), loads=("c=1",)),
        Peer("bare Ray Serve, alone", (bare, "{port}", "{bundle}", "alone"), loads=("c=1",)),
        Peer("FastAPI, 2 workers", (*UVICORN, "--port", "{port}", "fastapi_plain:app")),
        Peer("micro-batcher, 2 workers", (*UVICORN, "--port", "{port}", "micro_batcher:app")),
        Peer(
            "LitServe, 2 workers",
            (str(PEERS / "litserve_server.py"), "{port}", "2"),
            needs=("litserve", "bentoml"),
        ),
        Peer(
            "LitServe, 1 worker",
            (str(PEERS / "litserve_server.py"), "{port}", "1"),
            needs=("litserve", "bentoml"),
        ),
        Peer(
            "BentoML, 2 workers",
            ("-m", "bentoml", "serve", "bento_service:Flights", "--port", "{port}"),
            needs=("litserve", "bentoml"),
            stops=False,
        ),
        Peer(
            "MLServer",
            (str(PEERS / "mlserver_served.py"), "{port}"),
            needs=("mlserver",),
            protocol=TENSORS,
        ),
        Peer(
            "mlflow models serve, 2",
            (str(PEERS / "mlflow_served.py"), "{port}"),
            protocol=RECORDS,
        ),
    ]
    only = [word for word in os.environ.get("NBPROD_BENCH_ONLY", "").split(",") if word]
    return [peer for peer in every if not only or any(word in peer.name for word in only)]


@pytest.fixture(scope="module", autouse=True)
def pythons() -> Iterator[dict[tuple[str, ...], Future[str]]]:
    """The interpreter for each set of packages; installed while the release is being made."""
    with ThreadPoolExecutor() as pool:
        yield {needs: pool.submit(_python, needs) for needs in {peer.needs for peer in _peers()}}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A release of the flights model; NBPROD_BENCH_PROJECT names a project that has one."""
    named = os.environ.get("NBPROD_BENCH_PROJECT")
    folder = Path(named) if named else tmp_path_factory.mktemp("flights") / "project"
    if not named:
        there = ("--project", str(folder))
        for verb in (
            ("init", "--recipe", "flights", str(folder)),
            ("extract", *there),
            ("contract", "infer", *there),
            ("train", *there),
            ("gate", *there),
            ("approve", "--reason", "bench", "--by", "head-of-ops@example.com", *there),
            ("release", *there),
        ):
            result = nbprod(*verb, cwd=folder.parent)
            assert result.code == 0, result.err
    return folder / ".nbprod" / "releases" / "1"


@pytest.fixture(scope="module")
def rows(bundle: Path) -> list[dict[str, Any]]:
    """Real flights that keep the contract."""
    contract = read_bundle(bundle).contract
    flights = bundle.parents[2] / "data" / "flights.parquet"
    frame = pd.read_parquet(flights)[[rule.name for rule in contract.input]]
    rows = json.loads(
        frame.sample(4000, random_state=1).to_json(orient="records", date_format="iso")
    )
    good, _ = RowValidator(contract.input, contract.strict).check(rows)
    return [row for row, kept in zip(rows, good, strict=True) if kept is not None]


def _script(folder: Path, rows: list[dict[str, Any]], size: int, protocol: Protocol) -> Path:
    """What wrk sends: ``size`` rows in a request, every request other ones."""
    script = folder / f"{protocol.path.replace('/', '-')}-{size}.lua"
    if script.exists():
        return script
    starts = range(0, min(len(rows) - size, 300 * size), size)
    bodies = [json.dumps(protocol.body(rows[start : start + size])) for start in starts]
    listed = ",".join(f"'{body}'" for body in bodies)
    script.write_text(
        f"local bodies = {{{listed}}}\nlocal sent = {{}}\nlocal n = 0\n"
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        "init = function() for i, b in ipairs(bodies) do "
        "sent[i] = wrk.format(nil, nil, nil, b) end end\n"
        "request = function() n = n % #sent + 1 return sent[n] end\n"
    )
    return script


def _python(needs: tuple[str, ...]) -> str:
    """An interpreter that has these packages, and nbprod's own behind them."""
    if not needs:
        return sys.executable
    folder = Path(os.environ.get("NBPROD_BENCH_PEERS", ROOT / ".bench")) / "-".join(needs)
    python = folder / "bin" / "python"
    if not (folder / "whole").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        install = [str(python), "-m", "pip", "install", "--quiet", *needs]
        subprocess.run(install, check=True)
        packages = next((folder / "lib").glob("*/site-packages"))
        (packages / "nbprod.pth").write_text(str(Path(pd.__file__).parents[1]) + "\n")
        (folder / "whole").touch()
    return str(python)


@contextlib.contextmanager
def _serving(peer: Peer, python: str, bundle: Path, log: Path) -> Iterator[None]:
    """The peer's server, in its own session, until every process of it is gone."""
    command = [part.format(port=peer.port, bundle=bundle) for part in peer.command]
    environ = {
        **os.environ,
        "BENCH_BUNDLE": str(bundle),
        "PYTHONPATH": os.pathsep.join([str(PEERS), str(ROOT)]),
        "OMP_NUM_THREADS": "1",  # Ray sets it for its replicas: the same for everybody
        "BENTOML_DO_NOT_TRACK": "True",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, *command],
            env=environ,
            cwd=PEERS,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    peer.process = process
    try:
        yield
    finally:
        _signal(peer, signal.SIGCONT)
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _signal(peer: Peer, number: signal.Signals) -> None:
    """Send a signal to every process of the peer."""
    assert peer.process is not None
    with contextlib.suppress(psutil.NoSuchProcess):
        first = psutil.Process(peer.process.pid)
        for process in (first, *first.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(number)


@contextlib.contextmanager
def _turn(peer: Peer) -> Iterator[None]:
    """The peer goes on, and is stopped after it: what it does while idle costs others nothing."""
    _signal(peer, signal.SIGCONT)
    time.sleep(_AWAKE_S)
    yield
    if peer.stops:
        _signal(peer, signal.SIGSTOP)


def _await_answer(peer: Peer, rows: list[dict[str, Any]], log: Path) -> list[float]:
    """Its predictions for these rows, once it gives them."""
    deadline = time.monotonic() + 180
    body = json.dumps(peer.protocol.body(rows)).encode()
    while True:
        request = urllib.request.Request(
            f"http://127.0.0.1:{peer.port}{peer.protocol.path}",
            data=body,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return peer.protocol.read(json.load(response))
        except (OSError, urllib.error.HTTPError):
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
            time.sleep(0.3)


def _measure(peer: Peer, load: str, script: Path) -> None:
    connections, _ = LOADS[load]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS:g}s", "--latency", "--timeout", "10s"]
    url = f"http://127.0.0.1:{peer.port}{peer.protocol.path}"
    text = subprocess.run(
        [*command, "-s", str(script), url], capture_output=True, text=True, check=True
    ).stdout
    peer.rates.setdefault(load, []).append(float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1]))
    for share, kept in (("50%", peer.p50), ("99%", peer.p99)):
        value, unit = re.search(rf"{share}\s+([\d.]+)(us|ms|s)", text).groups()
        kept.setdefault(load, []).append(float(value) * {"us": 0.001, "ms": 1, "s": 1000}[unit])
    for found in re.findall(r"Non-2xx or 3xx responses: (\d+)", text):
        peer.bad += int(found)
    if errors := re.search(r"Socket errors: (.*)", text):
        peer.bad += sum(map(int, re.findall(r"\d+", errors[1])))


def test_nbprod_against_bare_ray_and_the_peers(
    bundle: Path,
    rows: list[dict[str, Any]],
    pythons: dict[tuple[str, ...], Future[str]],
    tmp_path: Path,
) -> None:
    """The table of tests/benchmarks/README.md: medians over the rounds; every answer is a 2xx."""
    assert shutil.which("wrk"), "wrk is missing (Debian: apt-get install wrk)"
    peers = _peers()
    found = {needs: python.result() for needs, python in pythons.items()}
    with contextlib.ExitStack() as stack:
        answers = {}
        for peer in peers:
            log = tmp_path / f"{peer.name}.log"
            stack.enter_context(_serving(peer, found[peer.needs], bundle, log))
            with _turn(peer):
                answers[peer.name] = _await_answer(peer, rows[:100], log)
                warm_up = Peer("warm-up", (), protocol=peer.protocol, port=peer.port)
                _measure(warm_up, "c=16", _script(tmp_path, rows, 1, peer.protocol))
        for _ in range(ROUNDS):
            for load, (_, size) in LOADS.items():
                for peer in peers:
                    if load in peer.loads:
                        with _turn(peer):
                            _measure(peer, load, _script(tmp_path, rows, size, peer.protocol))
    _print(peers)
    first = answers[peers[0].name]
    for name, given in answers.items():
        assert given == pytest.approx(first, rel=1e-9), name
    assert {peer.name: peer.bad for peer in peers if peer.bad} == {}


def _print(peers: list[Peer]) -> None:
    print(f"\nrequests/s (p50/p99 ms), median of {ROUNDS} rounds of {SECONDS:g} s")
    print(f"{'':26}" + "".join(f"{load:>26}" for load in LOADS))
    for peer in peers:
        print(f"{peer.name:26}" + "".join(f"{_cell(peer, load):>26}" for load in LOADS))
    print("\nrequests/s of nbprod as a multiple of each, median of the rounds' own ratios")
    for peer in peers[1:]:
        print(f"{peer.name:26}" + "".join(f"{_ratio(peers[0], peer, load):>26}" for load in LOADS))
    lone = {peer.name: peer for peer in peers if peer.loads == ("c=1",)}
    if len(lone) == 2:
        print(f"{' / '.join(lone)}: {_ratio(*lone.values(), 'c=1')}")


def _cell(peer: Peer, load: str) -> str:
    if load not in peer.loads:
        return "–"
    rate, p50, p99 = (statistics.median(of[load]) for of in (peer.rates, peer.p50, peer.p99))
    return f"{rate:.0f} ({p50:.1f}/{p99:.1f})"


def _ratio(one: Peer, other: Peer, load: str) -> str:
    if load not in one.loads or load not in other.loads:
        return "–"
    pairs = zip(one.rates[load], other.rates[load], strict=True)
    return f"{statistics.median(a / b for a, b in pairs):.2f}"
