"""Ten minutes at four fifths of what the service can do: no error, and no memory that grows.

NBPROD_SOAK_SECONDS shortens it. `wrk` makes the load; it paces each connection, so the rate that is
reached is printed beside the one that was meant.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
from callers import trip

pytestmark = [pytest.mark.engine, pytest.mark.timeout(3600)]
_SPEC = importlib.util.spec_from_file_location(
    "ray_serve", Path(__file__).parents[1] / "engines" / "test_ray_serve.py"
)
RAY = importlib.util.module_from_spec(_SPEC)
sys.modules["ray_serve"] = RAY  # dataclasses look their module up
_SPEC.loader.exec_module(RAY)
served = RAY.served
SECONDS = float(os.environ.get("NBPROD_SOAK_SECONDS", "600"))
CALLERS, SHARE, SETTLING, ALLOWED = 32, 0.8, 0.3, 1.05


def _script(path: Path, delay_ms: float) -> Path:
    """What wrk sends: a row of its own each time, ``delay_ms`` after the answer before."""
    bodies = [json.dumps({"instances": [trip(n, 20.0 + n % 50)]}) for n in range(200)]
    listed = ",".join(f"'{body}'" for body in bodies)
    path.write_text(
        f"local bodies = {{{listed}}}\nlocal n = 0\n"
        'wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\n'
        "request = function() n = n % #bodies + 1 return wrk.format(nil, nil, nil, bodies[n]) end\n"
        f"delay = function() return math.random({int(delay_ms * 2)} + 1) - 1 end\n"
    )
    return path


def _wrk(url: str, script: Path, seconds: float) -> str:
    command = ["wrk", "-t1", f"-c{CALLERS}", f"-d{seconds:g}s", "--latency", "--timeout", "20s"]
    return subprocess.run(
        [*command, "-s", str(script), f"{url}/predict"], capture_output=True, text=True, check=True
    ).stdout


def _rate(text: str) -> float:
    return float(re.search(r"Requests/sec:\s+([\d.]+)", text)[1])


def test_memory_stands_still_under_load(served: Any, tmp_path: Path) -> None:
    """No answer but 2xx, no socket error, and the replicas end with the memory they had."""
    assert shutil.which("wrk"), "wrk is missing (Debian: apt-get install wrk)"
    url, script = served.backend.url, _script(tmp_path / "peak.lua", 0)
    _wrk(url, script, 5)
    peak = _rate(_wrk(url, script, 10))
    # A connection sends anew after its answer and the delay; the answer takes CALLERS / peak.
    delay_ms = 1000 * CALLERS / peak * (1 / SHARE - 1) * 2
    script = _script(tmp_path / "steady.lua", delay_ms)
    replicas = [psutil.Process(pid) for pid in served.backend.replica_pids()]
    command = ["wrk", "-t1", f"-c{CALLERS}", f"-d{SECONDS:g}s", "--latency", "--timeout", "20s"]
    samples: list[tuple[float, list[int]]] = []
    with subprocess.Popen(
        [*command, "-s", str(script), f"{url}/predict"], stdout=subprocess.PIPE, text=True
    ) as load:
        started = time.monotonic()
        while load.poll() is None:
            time.sleep(1)
            sizes = [process.memory_full_info().uss for process in replicas]
            samples.append((time.monotonic() - started, sizes))
        text = load.stdout.read()
    print(f"\npeak {peak:.0f}/s, then {_rate(text):.0f}/s for {SECONDS:g} s\n{text}")
    settled = [sizes for at, sizes in samples if at >= SETTLING * SECONDS]
    tenth = max(1, len(settled) // 10)
    growth = []
    for place, process in enumerate(replicas):
        sizes = [one[place] for one in settled]
        first, last = statistics.median(sizes[:tenth]), statistics.median(sizes[-tenth:])
        growth.append(last / first)
        print(
            f"replica {process.pid}: {samples[0][1][place] >> 20} MiB at the start, "
            f"{int(first) >> 20} settled, {int(last) >> 20} at the end: {last / first:.3f}"
        )
    assert "Non-2xx" not in text
    assert "Socket errors" not in text
    assert max(growth) <= ALLOWED
    assert served.backend.replica_pids() == [process.pid for process in replicas]
