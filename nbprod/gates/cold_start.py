"""How long a process of its own takes from its start to the first answer, and how much memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from nbprod.errors import ExecutionError
from nbprod.gates.sabotage import sabotage
from nbprod.predictor.predict import Predictor

if TYPE_CHECKING:
    from collections.abc import Sequence

SLOW_START = "slow_start"
MEMORY_HOG = "memory_hog"
_TIMEOUT_S = 600.0
_HOUR_S = 3600.0


class ColdStart(NamedTuple):
    """What one fresh process took."""

    seconds: float  # from its start to its first answer
    peak_mb: float  # resident, after it has answered all rows


def cold_start(bundle: str | Path, rows: Sequence[dict[str, Any]]) -> ColdStart:
    """Start a process that loads a bundle and answers the first row, then all of them.

    Its sabotages are ``slow_start`` (an hour is added) and ``memory_hog`` (what it holds counts a
    hundred times): what is tried is the check, and no machine has to bear it.
    Raises ExecutionError when the process ends without an answer.
    """
    begin = time.monotonic()
    with subprocess.Popen(
        [sys.executable, "-m", "nbprod.gates.cold_start", str(Path(bundle).resolve())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            said, wrong = process.communicate(json.dumps(list(rows)), timeout=_TIMEOUT_S)
        except subprocess.TimeoutExpired as error:
            process.kill()
            raise ExecutionError(
                f"no answer within {_TIMEOUT_S:g} s of the start", hint="load the bundle by hand"
            ) from error
    try:
        told = json.loads(said.splitlines()[-1])
    except (IndexError, ValueError) as error:
        raise ExecutionError(
            f"the process ended with status {process.returncode} before its first answer: "
            f"{wrong.strip().splitlines()[-1] if wrong.strip() else 'it said nothing'}",
            hint="load the bundle by hand: nbprod.load_predictor(path)",
        ) from error
    slow = _HOUR_S if sabotage() == SLOW_START else 0.0
    hog = 100.0 if sabotage() == MEMORY_HOG else 1.0
    return ColdStart(told["first_answer"] - begin + slow, told["peak_mb"] * hog)


def _answer(bundle: Path, rows: list[dict[str, Any]]) -> dict[str, float]:
    """What the child does; monotonic clocks are the machine's, so both processes share one."""
    import resource

    predictor = Predictor.load(bundle)
    predictor.answer(rows[:1])
    first = time.monotonic()
    predictor.answer(rows)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "first_answer": first,
        "peak_mb": peak / (1024**2 if sys.platform == "darwin" else 1024),
    }


if __name__ == "__main__":
    told = _answer(Path(sys.argv[1]), json.loads(sys.stdin.read()))
    sys.stdout.write(json.dumps(told) + "\n")
