"""The log's lines: sealed, and every change is seen."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from nbprod.data.prediction_log.segments import (
    Segment,
    encoder,
    is_sealed,
    open_line,
    read_lines,
    seal,
    segments,
)

if TYPE_CHECKING:
    from pathlib import Path


def test_sealed_line_opens_to_its_object() -> None:
    """A line is JSON, fits its sum, and gives back what was sealed."""
    line = seal(b'{"id":"a","x":1}')
    assert line.endswith(b"\n")
    assert is_sealed(line[:-1])
    assert open_line(line[:-1]) == {"id": "a", "x": 1}


def test_every_changed_byte_is_seen() -> None:
    """No single byte of a line can change without the sum telling."""
    line = seal('{"id":"a","x":1,"name":"Zürich"}'.encode())[:-1]
    for place in range(len(line)):
        changed = bytearray(line)
        changed[place] ^= 1
        assert not is_sealed(bytes(changed)), place
    assert not is_sealed(b"")
    assert not is_sealed(line[:-1])


def test_torn_end_is_told_from_damage(tmp_path: Path) -> None:
    """Text after the last newline is torn; a whole line that does not fit its sum is damaged."""
    path = tmp_path / "000000000001-r0.jsonl"
    good = seal(b'{"id":"a"}')
    path.write_bytes(good + good.replace(b'"a"', b'"b"') + good + good[:-9])
    lines = read_lines(Segment(path))
    assert (len(lines.good), lines.damaged, lines.torn) == (2, 1, 1)
    path.write_bytes(b"")
    assert read_lines(Segment(path)).torn == 0


def test_segments_that_ended_before_are_left_out(tmp_path: Path) -> None:
    """A segment last written before the asked time is not read; the others come in order."""
    import os

    folder = tmp_path / "predictions"
    folder.mkdir()
    for name in ("000000000002-b.jsonl", "000000000001-a.jsonl"):
        (folder / name).write_bytes(b"")
    now = datetime.now(UTC)
    old = (now - timedelta(days=2)).timestamp()
    os.utime(folder / "000000000001-a.jsonl", (old, old))
    found = [segment.start_ms for segment in segments(tmp_path, "predictions")]
    assert found == [1, 2]
    since = now - timedelta(days=1)
    assert [s.start_ms for s in segments(tmp_path, "predictions", since)] == [2]
    assert segments(tmp_path / "none", "predictions") == []


@pytest.mark.parametrize("with_orjson", [True, False])
def test_values_of_numpy_and_pandas_are_plain(
    with_orjson: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a row can hold becomes plain JSON, the same with and without orjson."""
    if not with_orjson:
        monkeypatch.setitem(sys.modules, "orjson", None)
    encode = encoder()
    row: dict[str, Any] = {
        "int": np.int64(3),
        "float": np.float64(0.1),
        "float32": np.float32(0.5),
        "bool": np.bool_(True),
        "nan": float("nan"),
        "np_nan": np.float64("nan"),
        "inf": float("inf"),
        "na": pd.NA,
        "nat": pd.NaT,
        "time": pd.Timestamp("2026-01-01T00:00:00Z"),
        "big": 2**80,
        "half": "a\ud800",
        "list": [1, None, {"x": np.int8(1)}],
        "tuple": (1.5, float("nan")),
    }
    assert json.loads(encode(row)) == {
        "int": 3, "float": 0.1, "float32": 0.5, "bool": True, "nan": None, "np_nan": None,
        "inf": None, "na": None, "nat": None, "time": "2026-01-01T00:00:00+00:00",
        "big": 2**80, "half": "a?", "list": [1, None, {"x": 1}], "tuple": [1.5, None],
    }  # fmt: skip
    del row["big"], row["half"]
    assert json.loads(encode(row))["nan"] is None
    with pytest.raises(TypeError, match="does not belong"):
        encode({"x": object()})
