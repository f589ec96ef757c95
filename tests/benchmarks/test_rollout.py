"""What a rollout costs the champion's callers, and how fast the way back is; `make bench` prints it.

Callers never stop, so the numbers are of one machine that sends, answers and rolls out at once.
NBPROD_BENCH_CALLERS and NBPROD_BENCH_PAUSE_S set the load.
"""

from __future__ import annotations

import itertools
import os
import statistics
import time
from collections.abc import Iterator

import pytest
from callers import Answer, Traffic
from rollout_project import MINUTES, Served, deployed

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
CALLERS = int(os.environ.get("NBPROD_BENCH_CALLERS", "6"))
PAUSE_S = float(os.environ.get("NBPROD_BENCH_PAUSE_S", "0.02"))
QUIET_S, ROUNDS, ROUND_S = 10.0, 5, 4.0


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Release 1 as champion; verbs are called here, so no controller."""
    with deployed(tmp_path_factory.mktemp("bench"), controlled=False) as made:
        yield made


def p99_ms(answers: list[Answer]) -> float:
    took = sorted(answer.took_s for answer in answers)
    return 1000 * took[int(0.99 * (len(took) - 1))]


def test_a_rollout_under_load(served: Served) -> None:
    """Each step with its requests, failures and the champion's p99; rollback to its last answer."""
    marks: list[tuple[str, float]] = []
    backend, bundle = served.backend, served.bundle("2", bias=1.0)
    with Traffic(backend.url, callers=CALLERS, minutes=MINUTES, pause_s=PAUSE_S) as traffic:
        traffic.wait_for(200)
        marks.append(("quiet", time.monotonic()))
        time.sleep(QUIET_S)
        marks.append(("canary starts", time.monotonic()))
        backend.start_canary(2, bundle, 0.2)
        for percent in (50, 100):
            marks.append((f"canary {percent} %", time.monotonic()))
            backend.set_traffic(percent / 100)
            time.sleep(QUIET_S / 2)
        marks.append(("promotion", time.monotonic()))
        backend.promote()
        marks.append(("rollback", time.monotonic()))
        called = time.monotonic()
        done = backend.rollback(settle=False)
        backend.settle()
        marks.append(("end", time.monotonic()))
        time.sleep(1)
    late = [a for a in traffic.answers if a.sent_at > called and a.body["release"] == "2"]
    last_bad_ms = max(((a.sent_at + a.took_s - called) * 1000 for a in late), default=0.0)
    print(f"\n  {'step':16} {'requests':>8} {'failed':>6} {'p99 ms':>8} {'of quiet':>8}")
    quiet = 0.0
    for (name, start), (_, end) in itertools.pairwise(marks):
        part = [a for a in traffic.answers if start <= a.sent_at < end]
        failed = sum(answer.status != 200 for answer in part)
        own = [a for a in part if a.status == 200 and a.body["role"] == "champion"]
        if not own:
            print(f"  {name:16} {len(part):8} {failed:6} {'-':>8}")
            continue
        quiet = quiet or p99_ms(own)
        print(
            f"  {name:16} {len(part):8} {failed:6} {p99_ms(own):8.1f} {p99_ms(own) / quiet:7.2f}x"
        )
    print(f"  rollback acknowledged after {done['duration_ms']:.0f} ms, ", end="")
    print(f"last answer of the bad release {last_bad_ms:.0f} ms after the call")
    assert traffic.failed == []


def test_what_a_shadow_costs(served: Served) -> None:
    """Requests a second without and with a shadow, in turns."""
    bundle = served.bundle("4", bias=2.0)
    rates: dict[str, list[float]] = {"alone": [], "with a shadow": []}
    served.backend.start_shadow(4, bundle)
    for _ in range(ROUNDS):
        for name, found in rates.items():
            if name == "alone":
                served.project.abort(reason="bench")
            else:
                served.backend.start_shadow(4, bundle)
            with Traffic(served.backend.url, callers=CALLERS, minutes=MINUTES) as traffic:
                traffic.wait_for(50)
                before = len(traffic.answers)
                time.sleep(ROUND_S)
                found.append((len(traffic.answers) - before) / ROUND_S)
            assert traffic.failed == []
    alone, beside = (statistics.median(found) for found in rates.values())
    print(f"\n  {alone:.0f} requests/s alone, {beside:.0f} with a shadow: {beside / alone:.3f}")
