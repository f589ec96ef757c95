"""What a notebook says reaches the gate, and nothing else does."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from nbprod.errors import StoreError
from nbprod.gates import check
from nbprod.gates.recording import read_measurements


def test_a_check_is_recorded_as_it_was_said(tmp_path, monkeypatch, capsys) -> None:
    """Values, slice and interval come back; NumPy scalars and NaN included."""
    record = tmp_path / "checks.jsonl"
    monkeypatch.setenv("NBPROD_GATE_RECORD", str(record))
    check(
        "auc",
        np.float64(0.8),
        ">= 0.7",
        slice={"origin": np.str_("JFK"), "month": 3},
        rows=np.int64(500),
        low=np.float32(0.75),
        high=0.9,
    )
    check("nan", math.nan, ">= 0.7", sabotage="constant")
    first, second = read_measurements(record, "gates/a.ipynb")
    assert (first.name, first.value, first.rows) == ("auc", 0.8, 500)
    assert first.slice == {"origin": "JFK", "month": "3"}
    assert (first.low, first.high, first.notebook) == (0.75, 0.9, "gates/a.ipynb")
    assert math.isnan(second.value)
    assert second.sabotage == "constant"
    assert "✓ passed" in capsys.readouterr().out


def test_outside_a_gate_a_check_only_judges_and_prints(monkeypatch, capsys) -> None:
    """Without a record file nothing is written; the verdict is returned and shown."""
    monkeypatch.delenv("NBPROD_GATE_RECORD", raising=False)
    judged = check("auc", 0.5, ">= 0.7", slice={"origin": "JFK"}, rows=10)
    assert judged.verdict == "failed"
    said = capsys.readouterr().out
    assert "✗ failed" in said
    assert "auc[origin=JFK] = 0.5" in said


def test_the_projects_rules_reach_the_notebook(monkeypatch) -> None:
    """Inside a gate the reader sees the verdict by the project's thresholds."""
    rules = {"thresholds": {"auc": ">= 0.9"}, "min_slice": 0, "confidence": 0.95}
    monkeypatch.setenv("NBPROD_GATE_RULES", json.dumps(rules))
    assert check("auc", 0.8, ">= 0.7").verdict == "failed"


@pytest.mark.parametrize("line", ["{", '{"name": "x"}', '{"name": "x", "value": 1, "verdict": 1}'])
def test_a_line_that_check_did_not_write_is_refused(tmp_path, line) -> None:
    """A record with anything else in it cannot be judged."""
    record = tmp_path / "checks.jsonl"
    record.write_text(f"{line}\n")
    with pytest.raises(StoreError, match="line 1"):
        read_measurements(record, "n")


def test_no_record_is_no_check(tmp_path) -> None:
    """A notebook that recorded nothing has no file."""
    assert read_measurements(tmp_path / "none.jsonl", "n") == []
