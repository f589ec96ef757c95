"""Serving against its peers: the same flights model, transform and JSON, in one run, round by round.

nbprod answers with contract, prediction log and profile on; the peers do none of it. All servers
are up at once and take turns, so that a busy minute of the machine hits all of them alike.
NBPROD_BENCH_PEERS names a Python that has litserve and bentoml; without it one is made in .bench.
NBPROD_BENCH_ONLY=nbprod,bare restricts the peers, NBPROD_BENCH_ROUNDS the rounds.
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
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest
from command import nbprod

from nbprod.data.contract import RowValidator
from nbprod.engine import free_port
from nbprod.predictor import read_bundle

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]
PEERS = Path(__file__).parent / "peers"
ROOT = Path(__file__).parents[2]
SECONDS = float(os.environ.get("NBPROD_BENCH_SECONDS", "3"))
ROUNDS = int(os.environ.get("NBPROD_BENCH_ROUNDS", "3"))
LOADS = {"c=1": (1, 1), "c=16": (16, 1), "c=64": (64, 1), "100 rows, c=16": (16, 100)}
UVICORN = ("-m", "uvicorn", "--workers", "2", "--log-level", "warning", "--no-access-log")


@dataclass
class Peer:
    name: str
    command: tuple[str, ...]  # behind the interpreter; {port} and {bundle} are filled in
    foreign: bool = False  # wants the interpreter of the peers
    port: int = field(default_factory=free_port)
    rates: dict[str, list[float]] = field(default_factory=dict)  # load -> requests/s of each round
    p50: dict[str, list[float]] = field(default_factory=dict)  # load -> milliseconds
    p99: dict[str, list[float]] = field(default_factory=dict)
    bad: int = 0  # answers other than 2xx, socket errors


def _peers() -> list[Peer]:
    deployed, bare = str(PEERS / "nbprod_deployed.py"), str(PEERS / "ray_bare.py")
    every = [
        Peer("nbprod", (deployed, "{port}", "{bundle}")),
        Peer("bare Ray Serve, batch, 2", (bare, "{port}", "{bundle}", "batch")),
        Peer("bare Ray Serve, alone", (bare, "{port}", "{bundle}", "alone")),
        Peer("FastAPI, 2 workers", (*UVICORN, "--port", "{port}", "fastapi_plain:app")),
        Peer("micro-batcher, 2 workers", (*UVICORN, "--port", "{port}", "micro_batcher:app")),
        Peer("LitServe, 2 workers", (str(PEERS / "litserve_server.py"), "{port}"), foreign=True),
        Peer(
            "BentoML, 2 workers",
            ("-m", "bentoml", "serve", "bento_service:Flights", "--port", "{port}"),
            foreign=True,
        ),
    ]
    only = [word for word in os.environ.get("NBPROD_BENCH_ONLY", "").split(",") if word]
    return [peer for peer in every if not only or any(word in peer.name for word in only)]


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
def scripts(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    """Rows in a request -> what wrk sends: real flights, every request another one."""
    contract = read_bundle(bundle).contract
    flights = bundle.parents[2] / "data" / "flights.parquet"
    frame = pd.read_parquet(flights)[[rule.name for rule in contract.input]]
    rows = json.loads(
        frame.sample(4000, random_state=1).to_json(orient="records", date_format="iso")
    )
    good, _ = RowValidator(contract.input, contract.strict).check(rows)
    rows = [row for row, kept in zip(rows, good, strict=True) if kept is not None]
    folder, made = tmp_path_factory.mktemp("wrk"), {}
    for size in (1, 100):
        starts = range(0, min(len(rows) - size, 300 * size), size)
        bodies = [json.dumps({"instances": rows[start : start + size]}) for start in starts]
        script = folder / f"{size}.lua"
        listed = ",".join(f"'{body}'" for body in bodies)
        script.write_text(
            f"local bodies = {{{listed}}}\nlocal sent = {{}}\nlocal n = 0\n"
            'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
            "init = function() for i, b in ipairs(bodies) do "
            "sent[i] = wrk.format(nil, nil, nil, b) end end\n"
            "request = function() n = n % #sent + 1 return sent[n] end\n"
        )
        made[size] = script
    return made


def _python(foreign: bool) -> str:
    if not foreign:
        return sys.executable
    if named := os.environ.get("NBPROD_BENCH_PEERS"):
        return named
    folder = ROOT / ".bench"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        packages = next((folder / "lib").glob("*/site-packages"))
        (packages / "nbprod.pth").write_text(str(Path(pd.__file__).parents[1]) + "\n")
        install = [str(python), "-m", "pip", "install", "--quiet", "litserve", "bentoml"]
        subprocess.run(install, check=True)
    return str(python)


@contextlib.contextmanager
def _serving(peer: Peer, bundle: Path, log: Path) -> Iterator[None]:
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
            [_python(peer.foreign), *command],
            env=environ,
            cwd=PEERS,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=60)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _await_answer(peer: Peer, body: bytes, log: Path) -> list[float]:
    """Its predictions for a request, once it gives them."""
    deadline = time.monotonic() + 180
    while True:
        request = urllib.request.Request(
            f"http://127.0.0.1:{peer.port}/predict",
            data=body,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                answer = json.load(response)
                return answer["predictions"] if isinstance(answer, dict) else answer
        except (OSError, urllib.error.HTTPError):
            assert time.monotonic() < deadline, log.read_text(errors="replace")[-3000:]
            time.sleep(0.3)


def _measure(peer: Peer, load: str, script: Path) -> None:
    connections, _ = LOADS[load]
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS:g}s", "--latency", "--timeout", "10s"]
    url = f"http://127.0.0.1:{peer.port}/predict"
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
    bundle: Path, scripts: dict[int, Path], tmp_path: Path
) -> None:
    """The table of tests/benchmarks/README.md: medians over the rounds; every answer is a 2xx."""
    assert shutil.which("wrk"), "wrk is missing (Debian: apt-get install wrk)"
    peers = _peers()
    body = json.dumps(
        {"instances": json.loads(re.search(r"'(.*?)'", scripts[100].read_text())[1])["instances"]}
    ).encode()
    with contextlib.ExitStack() as stack:
        answers = {}
        for peer in peers:
            log = tmp_path / f"{peer.name}.log"
            stack.enter_context(_serving(peer, bundle, log))
            answers[peer.name] = _await_answer(peer, body, log)
            _measure(Peer("warm-up", (), port=peer.port), "c=16", scripts[1])
        for _ in range(ROUNDS):
            for load, (_, rows) in LOADS.items():
                for peer in peers:
                    _measure(peer, load, scripts[rows])
    _print(peers)
    first = answers[peers[0].name]
    for name, given in answers.items():
        assert given == pytest.approx(first, rel=1e-9), name
    assert {peer.name: peer.bad for peer in peers if peer.bad} == {}


def _print(peers: list[Peer]) -> None:
    print(f"\nrequests/s (p50/p99 ms), median of {ROUNDS} rounds of {SECONDS:g} s")
    print(f"{'':26}" + "".join(f"{load:>26}" for load in LOADS))
    for peer in peers:
        cells = []
        for load in LOADS:
            rate, p50, p99 = (
                statistics.median(values[load]) for values in (peer.rates, peer.p50, peer.p99)
            )
            cells.append(f"{rate:.0f} ({p50:.1f}/{p99:.1f})")
        print(f"{peer.name:26}" + "".join(f"{cell:>26}" for cell in cells))
    print("\nrequests/s of the first as a multiple of each, median of the rounds' own ratios")
    for peer in peers[1:]:
        cells = [
            f"{statistics.median(a / b for a, b in zip(peers[0].rates[load], peer.rates[load], strict=True)):.2f}"
            for load in LOADS
        ]
        print(f"{peer.name:26}" + "".join(f"{cell:>26}" for cell in cells))
