"""The data contract at both speeds, beside pandera itself and a pydantic model written by hand.

Twenty fields: numbers with bounds, categories, text, true/false, a moment. All in one process, in
one run; figures are the best of several rounds, because other work on the machine only adds.
"""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any, Literal

import numpy as np
import pandas as pd
import pydantic
import pytest

from nbprod.data.contract import (
    RowValidator,
    check_frame,
    infer_contract,
    load_contract,
    render_schemas,
)
from nbprod.records import DataContract

ROWS = 1_000_000
CARRIERS = ("AA", "B6", "DL", "UA")


def rows_of(count: int) -> pd.DataFrame:
    """Twenty columns of plausible values, the same for every run."""
    rng = np.random.default_rng(0)
    columns: dict[str, Any] = {f"f{n}": rng.uniform(1, 100, count).round(3) for n in range(8)}
    columns |= {f"i{n}": rng.integers(0, 1000, count) for n in range(4)}
    columns |= {f"c{n}": rng.choice(CARRIERS, count) for n in range(4)}
    columns |= {f"b{n}": rng.integers(0, 2, count).astype(bool) for n in range(2)}
    columns["at"] = pd.date_range("2026-01-01", periods=count, freq="s")
    columns["name"] = [f"N{n}" for n in range(count)]
    return pd.DataFrame(columns)


class HandWritten(pydantic.BaseModel):
    """What a person would write for the same rows."""

    model_config = pydantic.ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    f0: float = pydantic.Field(ge=0, le=150)
    f1: float = pydantic.Field(ge=0, le=150)
    f2: float = pydantic.Field(ge=0, le=150)
    f3: float = pydantic.Field(ge=0, le=150)
    f4: float = pydantic.Field(ge=0, le=150)
    f5: float = pydantic.Field(ge=0, le=150)
    f6: float = pydantic.Field(ge=0, le=150)
    f7: float = pydantic.Field(ge=0, le=150)
    i0: int = pydantic.Field(ge=0, le=1500)
    i1: int = pydantic.Field(ge=0, le=1500)
    i2: int = pydantic.Field(ge=0, le=1500)
    i3: int = pydantic.Field(ge=0, le=1500)
    c0: Literal["AA", "B6", "DL", "UA"]
    c1: Literal["AA", "B6", "DL", "UA"]
    c2: Literal["AA", "B6", "DL", "UA"]
    c3: Literal["AA", "B6", "DL", "UA"]
    b0: bool
    b1: bool
    at: datetime = pydantic.Field(ge=datetime(2026, 1, 1), strict=False)
    name: str


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[DataContract, Any]:
    """The contract as its file says it, and pandera's own schema of the same file."""
    few = rows_of(2000)
    inferred = infer_contract(
        few, few[["f0"]], few[["f0"]], package="p", key=(), time="at", not_inputs=()
    )
    path = tmp_path_factory.mktemp("contract") / "schemas.py"
    path.write_text(render_schemas(inferred))
    spec = importlib.util.spec_from_file_location("bench_schemas", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_schemas"] = module
    spec.loader.exec_module(module)
    return load_contract(path, package="p"), module.Input.to_schema()


def best_s(work: Callable[[], object], rounds: int) -> float:
    """The shortest of several rounds, in seconds."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def test_single_rows(written: tuple[DataContract, Any]) -> None:
    """A row of twenty fields, one call a row, as a request brings it."""
    contract, schema = written
    frame = rows_of(500)
    rows = [
        {name: v.isoformat() if hasattr(v, "isoformat") else v for name, v in row.items()}
        for row in frame.to_dict("records")
    ]
    validator = RowValidator(contract.input)
    one = frame.head(1)
    took = {
        "pandera, a frame of one row": best_s(lambda: schema.validate(one, lazy=True), 10),
        "pydantic, written by hand": best_s(
            lambda: [HandWritten.model_validate(row) for row in rows], 20
        )
        / len(rows),
        "nbprod": best_s(lambda: [validator.check([row]) for row in rows], 20) / len(rows),
    }
    for name, seconds in took.items():
        print(f"{name:28} {seconds * 1e6:10.1f} us a row   x{seconds / took['nbprod']:8.2f}")
    assert validator.check(rows)[1] == []
    assert took["nbprod"] < 50e-6
    assert took["nbprod"] < took["pandera, a frame of one row"] / 50
    assert took["nbprod"] < took["pydantic, written by hand"] * 1.5


@pytest.mark.parametrize("kind", ["good", "one value in a hundred is bad", "all values are bad"])
def test_a_million_rows(written: tuple[DataContract, Any], kind: str) -> None:
    """A frame of a million rows; every failure is counted by nbprod, and by pandera."""
    import pandera.errors

    contract, schema = written
    frame = rows_of(ROWS)
    if kind != "good":
        step = 1 if kind.startswith("all") else 100
        for name in [f"f{n}" for n in range(8)] + [f"i{n}" for n in range(4)]:
            frame.loc[::step, name] = -1

    def bare() -> None:
        try:
            schema.validate(frame, lazy=True)
        except pandera.errors.SchemaErrors:
            assert kind != "good"

    rounds = 3 if kind == "good" else 1
    pandera_s = best_s(bare, rounds)
    ours_s = best_s(lambda: check_frame(contract, "input", frame), rounds)
    print(f"1M rows, {kind}: pandera {pandera_s:.2f} s, nbprod {ours_s:.2f} s")
    print(f"   x{ours_s / pandera_s:.2f} of bare pandera")
    assert ours_s < pandera_s * 1.2
