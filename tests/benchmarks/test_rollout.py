"""What a rollout costs the champion's callers, and how fast the way back is; `make bench` prints it.

Callers send at a steady rate from one small process, on the cores that answer and roll out: 300
requests a second, or three fifths of the most that this machine answers. They go before all else
where they may; how late they were themselves is told. A request's time counts from the moment it
was due. Each phase is told beside the quiet of the same run, measured before,
between and after. Told are the champion's own callers: while a release is on trial those whom the
traffic state gives to the champion, all callers otherwise.
NBPROD_BENCH_RATE sets another rate.
"""

from __future__ import annotations

import contextlib
import functools
import os
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
import pytest
from rollout_callers import Answer, Steady, steady
from rollout_project import BAD, Served, deployed

from nbprod import traffic
from nbprod.engine import engine_processes
from nbprod.errors import ServingError

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1800)]
MOST_RATE, SHARE_OF_PEAK = 300.0, 0.6
QUIET_S, STEP_S, TRIAL_S, PEAK_S = 6.0, 5.0, 4.0, 4.0
ROUNDS, WARM_S, ROUND_S = 5, 1.0, 4.0
QUIET = "quiet"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Release 1 as champion; verbs are called here, so no controller."""
    with deployed(tmp_path_factory.mktemp("bench"), controlled=False) as made:
        yield made


@dataclass
class Phase:
    """A part of the run, with the traffic state that placed its requests, if one was on trial."""

    name: str
    start: float
    end: float
    canary: int = 0
    fraction: float = 0.0

    def of_champion(self, answer: Answer) -> bool:
        """Whether the request was the champion's own."""
        return not self.canary or traffic.place(answer.trip, self.canary) >= self.fraction


@dataclass
class Timeline:
    """The phases as they are walked."""

    phases: list[Phase] = field(default_factory=list)

    def walk(
        self, name: str, work: Callable[[], object], *, canary: int = 0, fraction: float = 0.0
    ) -> None:
        """Do the work; its requests are a phase."""
        start = time.monotonic()
        work()
        self.phases.append(Phase(name, start, time.monotonic(), canary, fraction))

    def rest(self, name: str = QUIET, seconds: float = QUIET_S, **state: float) -> None:
        """Let callers call."""
        self.walk(name, lambda: time.sleep(seconds), **state)


def quantile_ms(answers: list[Answer], share: float) -> float:
    took = sorted(answer.took_s for answer in answers)
    return 1000 * took[int(share * (len(took) - 1))]


def peak(served: Served, folder: Path) -> float:
    """The most requests a second that this machine answers, callers included."""
    for _ in range(2):  # the first one warms
        start = time.monotonic()
        with steady(served.backend.url, 0, folder / "peak.jsonl") as found:
            time.sleep(PEAK_S)
        count = sum(answer.status == 200 for answer in found.answers)
        rate = count / (time.monotonic() - start)
    return rate


def told(timeline: Timeline, found: Steady) -> None:
    """The table: each phase's requests, failures, and the champion's p50 and p99 beside quiet."""
    answers = found.answers
    kept: list[tuple[Phase, int, int, list[Answer]]] = []
    for phase in timeline.phases:
        part = [a for a in answers if phase.start <= a.due_at < phase.end]
        own = [a for a in part if phase.of_champion(a)]
        kept.append((phase, len(part), sum(a.status != 200 for a in part), own))
    calm = [own for phase, _, _, own in kept if phase.name == QUIET]
    quiet = statistics.median(quantile_ms(own, 0.99) for own in calm)
    spread = sorted(quantile_ms(own, 0.99) for own in calm)
    print(f"\n  quiet p99 {quiet:.1f} ms, from {spread[0]:.1f} to {spread[-1]:.1f}")
    print(f"  {'phase':34} {'s':>5} {'requests':>8} {'failed':>6}", end="")
    print(f" {'p50 ms':>7} {'p99 ms':>7} {'of quiet':>8}")
    for phase, count, failed, own in kept:
        row = f"  {phase.name:34} {phase.end - phase.start:5.1f} {count:8} {failed:6}"
        if len(own) < 20:
            print(f"{row} {'-':>7} {'-':>7} {'-':>8}")
            continue
        p50, p99 = quantile_ms(own, 0.5), quantile_ms(own, 0.99)
        print(f"{row} {p50:7.1f} {p99:7.1f} {p99 / quiet:7.2f}x")
    late = sorted(1000 * answer.late_s for answer in answers)
    print(
        f"  the callers themselves were late: p99 {late[int(0.99 * (len(late) - 1))]:.1f} ms",
        end="",
    )
    print(f", at most {late[-1]:.1f}")


def test_a_rollout_under_load(served: Served, tmp_path: Path) -> None:
    """Each phase with its requests, failures and the champion's p99; rollback to its last answer."""
    most = peak(served, tmp_path)
    rate = float(os.environ.get("NBPROD_BENCH_RATE", "0")) or min(MOST_RATE, SHARE_OF_PEAK * most)
    print(f"\n  {most:.0f} requests/s at the most, {rate:.0f} sent")
    backend, line = served.backend, Timeline()
    good = served.bundle("2", bias=1.0)
    bad = {name: served.bundle(name.replace(" ", "-"), features=BAD[name]) for name in BAD}
    broken = served.bundle("broken", broken=True)
    called = 0.0

    def back() -> None:
        nonlocal called
        called = time.monotonic()
        served.project.rollback(reason="bench")

    with steady(backend.url, rate, tmp_path / "answers.jsonl") as found:
        time.sleep(3)
        line.rest()
        # It ends with the canary's own first requests, which are not told here.
        start = functools.partial(backend.start_canary, 2, good, 0.2)
        line.walk("canary starts", start, canary=2, fraction=0.2)
        line.rest("canary at 20 %", STEP_S, canary=2, fraction=0.2)
        backend.set_traffic(0.5)
        line.rest("canary at 50 %", STEP_S, canary=2, fraction=0.5)
        backend.set_traffic(1.0)
        line.rest("canary at 100 %", 1.0, canary=2, fraction=1.0)
        line.walk("promotion", lambda: served.project.promote(reason="bench"))
        line.rest("after the promotion", STEP_S)
        line.rest()
        line.walk("rollback", back)
        line.rest("after the rollback", STEP_S)
        line.rest()
        line.walk("a release that does not load", lambda: refused(served, broken))
        for number, (name, bundle) in enumerate(bad.items(), 10):
            start = functools.partial(backend.start_canary, number, bundle, 0.2)
            line.walk(f"starts: {name}", start, canary=number, fraction=0.2)
            line.rest(f"on trial: {name}", TRIAL_S, canary=number, fraction=0.2)
            line.walk(f"ended: {name}", lambda: served.project.abort(reason="bench"))
            line.rest(QUIET, QUIET_S / 2)
    told(line, found)
    late = [a for a in found.answers if called < a.due_at < called + 60 and a.release == "2"]
    last_ms = max(((a.due_at + a.took_s - called) * 1000 for a in late), default=0.0)
    duration_ms = next(
        s.duration_ms for s in served.project.status().history[::-1] if s.action == "rollback"
    )
    print(f"  rollback acknowledged after {duration_ms:.0f} ms, ", end="")
    print(f"last answer of the bad release {last_ms:.0f} ms after the call")
    assert [answer for answer in found.answers if answer.status != 200] == []


def refused(served: Served, broken: Path) -> None:
    with pytest.raises(ServingError, match="does not start"):
        served.backend.start_canary(9, broken, 0.2)


def test_what_a_shadow_costs(served: Served, tmp_path: Path) -> None:
    """Requests a second and the champion's processor time, without and with a shadow, in turns.

    The champion has a core of its own, all else the other one, where the shadow goes last. Callers
    that shared the champion's core would decide how many rows it finds waiting for its next batch,
    and that changes what a request costs far more than any shadow: rows a batch are told.
    """
    cores = sorted(os.sched_getaffinity(0))[:2]
    served.backend.start_shadow(4, served.bundle("4", bias=2.0))
    champion = psutil.Process(served.backend.replica_pids()[0])
    for process in engine_processes(served.backend.engine.id):
        pin(process.pid, cores[0] if process.pid == champion.pid else cores[1])
    found: dict[str, list[tuple[float, float, float]]] = {"alone": [], "with a shadow": []}
    for turn in range(2 * ROUNDS):
        name = list(found)[turn % 2]
        verb = "unshadow" if name == "alone" else "shadow"
        served.backend._keeping.change(verb, version=4)
        with steady(served.backend.url, 0, tmp_path / "shadow.jsonl", core=cores[1]) as seen:
            time.sleep(WARM_S)
            before, batches, start = champion.cpu_times(), batched(served), time.monotonic()
            time.sleep(ROUND_S)
            after, end = champion.cpu_times(), time.monotonic()
            rows, count = (now - then for now, then in zip(batched(served), batches, strict=True))
        answers = seen.answers
        assert {answer.status for answer in answers} == {200}
        answered = sum(start <= answer.due_at + answer.took_s < end for answer in answers)
        spent_s = after.user + after.system - before.user - before.system
        found[name].append((answered / (end - start), 1e6 * spent_s / answered, rows / count))
    alone, beside = (
        [statistics.median(one[place] for one in turns) for place in range(3)]
        for turns in found.values()
    )
    print(f"\n  {alone[0]:.0f} requests/s alone, {beside[0]:.0f} with a shadow, ", end="")
    print(f"{beside[0] / alone[0]:.3f}; processor time of the champion's process for a ", end="")
    print(
        f"request {alone[1]:.0f} -> {beside[1]:.0f} us, {beside[1] / alone[1]:.3f}; rows a batch ",
        end="",
    )
    print(f"{alone[2]:.1f} -> {beside[2]:.1f}")
    dropped = metrics(served).count("shadow_rows_dropped_total{")
    print(f"  kinds of rows that were not shown: {dropped}")
    served.project.abort(reason="bench")


def metrics(served: Served) -> str:
    return httpx.get(f"{served.backend.url}/metrics", trust_env=False).text


def batched(served: Served) -> tuple[float, float]:
    """The rows that the champion has computed, and in how many batches."""
    lines = [line for line in metrics(served).splitlines() if 'release="1"' in line]
    rows, count = (
        sum(float(line.rpartition(" ")[2]) for line in lines if f"batch_rows_{name}{{" in line)
        for name in ("sum", "count")
    )
    return rows, count


def pin(pid: int, core: int) -> None:
    """A process, every thread of it, to one core."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread), {core})
