"""`nbprod --help` answers at once; figures are printed, with the bare interpreter as the measure."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

ROUNDS = 15


def _median_s(*arguments: str) -> float:
    """Median wall time of a whole process, seconds, after one warm-up."""
    times = []
    for _ in range(ROUNDS + 1):
        start = time.perf_counter()
        subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def test_help_and_import_against_the_bare_interpreter() -> None:
    """--help stays under 0.25 s, because nothing heavy is imported before it is needed."""
    bare = _median_s("-c", "pass")
    rows = {
        "python -c pass": bare,
        "python -c 'import click'": _median_s("-c", "import click"),
        "python -c 'import nbprod'": _median_s("-c", "import nbprod"),
        "nbprod --help": _median_s("-m", "nbprod", "--help"),
        "python -c 'import mlflow'": _median_s("-c", "import mlflow"),
    }
    for name, seconds in rows.items():
        print(f"{name:28} {seconds * 1000:7.0f} ms   x{seconds / bare:5.1f}")
    assert rows["nbprod --help"] < 0.25
