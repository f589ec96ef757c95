"""One prediction found among ten million, with its outcome, as `nbprod why` looks for it.

NBPROD_BENCH_RECORDS sets another size; ten million take a few minutes to write and about 1 GB. The peer
is DuckDB asked for the same id over the same Parquet files.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import statistics
import time
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nbprod.data import prediction_log
from nbprod.data.prediction_log import parts as parts_module
from nbprod.data.prediction_log.segments import encoder, seal
from nbprod.records import Outcome

pytestmark = pytest.mark.timeout(3600)
RECORDS = int(os.environ.get("NBPROD_BENCH_RECORDS", "10_000_000"))
DAYS, PART = 30, 90_000  # a segment of 64 MiB holds about so many
FIRST = dt.datetime(2026, 10, 1, tzinfo=dt.UTC)
LABELLED = 10  # one prediction in so many has an outcome


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """Ten million sealed records of 30 days in parts, outcomes of a tenth; some of the ids."""
    folder = tmp_path_factory.mktemp("log")
    dice, encode = random.Random(1), encoder()
    known: list[str] = []
    step = dt.timedelta(days=DAYS) / RECORDS
    for start in range(0, RECORDS, PART):
        count = min(PART, RECORDS - start)
        tails = dice.randbytes(6 * count).hex()
        by_date: dict[str, list[tuple[str, str, str]]] = {}
        for place in range(count):
            moment = FIRST + (start + place) * step
            tail = tails[12 * place : 12 * place + 12]
            one = f"{int(moment.timestamp() * 1000):012x}{tail}"
            plain = _record(one, moment.isoformat(), start + place)
            line = seal(encode(plain))[:-1].decode()
            by_date.setdefault(plain["at"][:10], []).append((one, plain["at"], line))
        for date, rows in by_date.items():
            _write_part(folder, date, start, rows)
            known += [one for one, _, _ in dice.sample(rows, max(1, len(rows) // 1000))]
    outcomes = [
        Outcome(outcome=0.0, name="late", prediction_id=f"{dice.getrandbits(96):024x}")
        for _ in range(RECORDS // LABELLED)
    ]
    outcomes += [Outcome(outcome=1.0, name="late", prediction_id=one) for one in known]
    with prediction_log.LogWriter(folder, writer_id="bench") as writer:
        for start in range(0, len(outcomes), 10_000):
            writer.append_outcomes(outcomes[start : start + 10_000])
    return folder, known


def _record(one: str, at: str, number: int) -> dict[str, object]:
    """A record of ten inputs and ten features."""
    inputs = {f"column_{n}": number % (n + 7) for n in range(10)}
    features = {f"feature_{n}": number % (n + 3) / 7 for n in range(10)}
    return {
        "id": one, "at": at, "deployment": "d", "release": "1", "role": "champion",
        "request_id": one, "inputs": inputs, "features": features, "output": number % 97 / 97,
        "latency_ms": 3.5, "degraded": False, "module_version": "m", "key": {"k": number},
        "shadow_of": "", "routing_key": "",
    }  # fmt: skip


def _write_part(folder: Path, date: str, number: int, rows: list[tuple[str, str, str]]) -> None:
    rows.sort()
    ids, moments, lines = (list(column) for column in zip(*rows, strict=True))
    table = pa.table(
        {
            "id": ids,
            "at": moments,
            "release": ["1"] * len(ids),
            "role": ["champion"] * len(ids),
            "line": lines,
        }
    )
    target = folder / "parts" / date / "1" / f"{number:012x}-r.parquet"
    target.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, target, compression="zstd", row_group_size=parts_module._ROW_GROUP)


def test_why_finds_one_of_ten_million(log: tuple[Path, list[str]]) -> None:
    """The record and its outcome are found, and how long that takes beside DuckDB's own look-up."""
    folder, known = log
    asked = random.Random(2).sample(known, 20)
    ours, of_outcome, peer, compacted = [], [], [], []
    everything = str(folder / "parts" / "*" / "*" / "*.parquet")
    connection = duckdb.connect()
    for one in asked:
        started = time.perf_counter()
        found = prediction_log.find(folder, one)
        ours.append(time.perf_counter() - started)
        assert found is not None
        assert found.id == one
        started = time.perf_counter()
        outcome = prediction_log.outcomes(folder, [one])[one]
        of_outcome.append(time.perf_counter() - started)
        assert outcome.outcome == 1.0
        started = time.perf_counter()
        (line,) = connection.execute(
            f"select line from read_parquet('{everything}') where id = ?", [one]
        ).fetchone()
        peer.append(time.perf_counter() - started)
        assert one in line
    parts_module.compact(folder)  # the outcomes' segments, as is done by the way every ten minutes
    for one in asked:
        started = time.perf_counter()
        outcome = prediction_log.outcomes(folder, [one])[one]
        compacted.append(time.perf_counter() - started)
        assert outcome.outcome == 1.0
    size = sum(path.stat().st_size for path in folder.rglob("*.parquet"))
    print(
        f"\n{RECORDS:,} records in {size / 1e6:,.0f} MB; medians (worst) of {len(asked)} look-ups"
    )
    for name, values in (
        ("record", ours),
        ("outcome, in segments", of_outcome),
        ("outcome, in parts", compacted),
        ("DuckDB, the record", peer),
    ):
        print(f"{name:20} {statistics.median(values) * 1000:7.0f} ms ({max(values) * 1000:.0f})")
    print(f"of DuckDB: {statistics.median(ours) / statistics.median(peer):.2f}")
