"""`check`: how a gate notebook says what it measured."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import StoreError
from nbprod.gates.slices import RULES_VARIABLE
from nbprod.gates.thresholds import GateRules, Measurement, judge

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.records import GateCheck

RECORD_VARIABLE = "NBPROD_GATE_RECORD"  # the file that a notebook's checks are appended to
NOTEBOOK_VARIABLE = "NBPROD_GATE_NOTEBOOK"
_MARKS = {"passed": "✓", "failed": "✗", "inconclusive": "?"}


def check(
    name: str,
    value: float,
    threshold: str = "",
    *,
    slice: Mapping[str, Any] | None = None,  # noqa: A002 - the word of the public contract
    rows: int = 0,
    low: float | None = None,
    high: float | None = None,
    confidence: float = 0.0,
    sabotage: str = "shuffled_labels",
) -> GateCheck:
    """Judge a value against its threshold and, inside a gate, record it.

    threshold: such as ``">= 0.70"``; one in nbprod.toml wins, a notebook can only be stricter.
    slice: column -> value of the rows measured. rows: how many they were. low, high: the
    value's confidence interval; the pessimistic end must meet the threshold. confidence: the
    interval's level, [gate] confidence by default; the gate widens intervals of many slices.
    sabotage: the damage that must fail this check: damage to the rows (``shuffled_labels``,
    ``broken_rows``, ``drifted_rows``, ``repeated_rows``, ``stale_rows``), to the predictor
    (``constant``, ``shuffled_predictions``, ``swapped_column``, ``slow_predictions``,
    ``biased_predictions``, ``jittery_predictions``, ``nan_predictions``), or a name that
    the notebook itself acts on (`nbprod.gates.sabotage()` says which one is on).
    The gate judges again what is recorded here; the verdict returned is for the reader.
    """
    measured = Measurement(
        name=name,
        value=float(value),
        threshold=threshold,
        slice={str(column): str(item) for column, item in (slice or {}).items()},
        rows=int(rows),
        low=None if low is None else float(low),
        high=None if high is None else float(high),
        confidence=float(confidence),
        sabotage=sabotage,
        notebook=os.environ.get(NOTEBOOK_VARIABLE, ""),
    )
    judged, findings = judge(measured, _rules())
    if record := os.environ.get(RECORD_VARIABLE):
        _append(Path(record), measured)
    said = "".join(f"\n  {item.code} {item.message}" for item in findings)
    sys.stdout.write(
        f"{_MARKS[judged.verdict]} {judged.verdict:<12} {measured.title} = {judged.value:.4g} "
        f"(required {judged.threshold or 'nothing'}){said}\n"
    )
    return judged


def read_measurements(record: Path, notebook: str) -> list[Measurement]:
    """What a notebook recorded, in its order; none when it recorded nothing.

    Raises StoreError for a line that `check` did not write.
    """
    if not record.exists():
        return []
    measured = []
    for number, line in enumerate(record.read_text(encoding="utf-8").splitlines(), 1):
        try:
            measured.append(Measurement(**{**json.loads(line), "notebook": notebook}))
        except (ValueError, TypeError) as error:
            raise StoreError(
                f"line {number} of {record.name} is not a check: {error}",
                hint="record checks with nbprod.check(…) only",
            ) from error
    return measured


def _rules() -> GateRules:
    text = os.environ.get(RULES_VARIABLE)
    return GateRules(**json.loads(text)) if text else GateRules()


def _append(record: Path, measured: Measurement) -> None:
    line = json.dumps({k: v for k, v in vars(measured).items() if k != "notebook"})
    # One write to a file opened for appending: lines of two processes do not mix.
    with record.open("ab", buffering=0) as file:
        file.write(line.encode() + b"\n")
