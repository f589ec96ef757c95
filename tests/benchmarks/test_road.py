"""What the flights road costs, stage by stage: wall time and peak memory of each command."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

STAGES = [
    ("init", "--recipe", "flights", "."),
    ("inspect",),
    ("extract",),
    ("extract", "--check"),
    ("contract", "infer"),
    ("parity",),
    ("train",),
    ("gate",),
]


def test_flights_stage_by_stage(tmp_path: Path) -> None:
    """Every stage of the road on all flights of 2013; the figures are what is printed."""
    total = 0.0
    for stage in STAGES:
        start = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "nbprod", *stage],
            cwd=tmp_path,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "NO_COLOR": "1"},
        )
        seconds = time.perf_counter() - start
        total += seconds
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024**2
        print(
            f"nbprod {' '.join(stage):28} {seconds:6.1f} s   largest process so far {peak:.1f} GB"
        )
    print(f"{'sum':35} {total:6.1f} s")
