"""Outcomes: ground truth that arrives later, by prediction id or by the contract's key."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from nbprod.data.prediction_log.lines import outcomes_of, predictions_of, scan
from nbprod.data.prediction_log.reader import moment, records
from nbprod.data.prediction_log.segments import KINDS, open_line
from nbprod.data.prediction_log.writer import LogWriter
from nbprod.records import Outcome, OutcomeReceipt, Prediction, canonical_json

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from pandas import DataFrame

    from nbprod.data.prediction_log.reader import Moment

_ID_AT = slice(7, 31)  # behind {"id":"
_FEW = 50  # so many ids are searched for as text; more are looked up line by line


def post_outcomes(
    folder: Path, posted: Sequence[Outcome], *, writer: LogWriter | None = None
) -> OutcomeReceipt:
    """Attach ground truth to logged predictions; the same outcome again changes nothing.

    An outcome with a key goes to every prediction logged with that key. A later, different
    value replaces the earlier one. What names no logged prediction is not stored but named in
    the receipt. Each call reads the log once, so post many outcomes at a time; by key it takes
    longer than by id.

    writer: the replica's own writer; without one a segment is written for this call.
    Raises StoreError when the outcomes cannot be written: then none of them is.
    """
    targets = _targets(folder, posted)
    touched = {prediction_id for ids in targets for prediction_id in ids}
    known = {(o.prediction_id, o.name): _text(o.outcome) for o in _stored(folder, touched)}
    fresh: list[Outcome] = []
    duplicates = 0
    for outcome, ids in zip(posted, targets, strict=True):
        new = [i for i in ids if known.get((i, outcome.name)) != _text(outcome.outcome)]
        duplicates += bool(ids and not new)
        for prediction_id in new:
            known[prediction_id, outcome.name] = _text(outcome.outcome)
            fresh.append(dataclasses.replace(outcome, prediction_id=prediction_id))
    unknown = tuple(
        outcome.prediction_id or canonical_json(outcome.key)
        for outcome, ids in zip(posted, targets, strict=True)
        if not ids
    )
    if fresh:
        _write(folder, fresh, writer)
    return OutcomeReceipt(
        accepted=len(posted) - duplicates - len(unknown), duplicates=duplicates, unknown=unknown
    )


def outcomes(
    folder: Path, ids: Collection[str] | None = None, *, name: str = ""
) -> dict[str, Outcome]:
    """The latest outcome of each prediction, by prediction id.

    ids: only these predictions. name: only outcomes of this name, such as the label's column.
    """
    stored = _stored(folder, None if ids is None else frozenset(ids))
    return {o.prediction_id: o for o in stored if name in ("", o.name)}


def joined(folder: Path, start: Moment, end: Moment, *, name: str = "") -> DataFrame:
    """Predictions in [start, end) with their outcomes, one row per prediction.

    Columns: the record's own fields; ``inputs.<column>``, ``features.<column>`` and
    ``key.<column>``; ``output``, or ``output.<column>`` where there are several; ``outcome``,
    ``observed_at`` and ``labelled``. name: the outcome's name.
    """
    import pandas as pd

    truth = outcomes(folder, name=name)
    rows = [_flat(plain, truth.get(plain["id"])) for plain in records(folder, start, end)]
    frame = pd.DataFrame(rows)
    return frame.sort_values("id", ignore_index=True) if rows else pd.DataFrame(columns=_COLUMNS)


def counts(folder: Path, start: Moment, end: Moment) -> dict[str, Any]:
    """What the log holds for [start, end).

    predictions, degraded, by_release, by_role, labelled: of the predictions in the interval;
    damaged, torn: lines that are not what was written, in the segments the interval touches
    (their own time is not to be trusted); replaced: outcomes that a later value replaced.
    """
    found: dict[str, Any] = {"predictions": 0, "degraded": 0, "by_release": {}, "by_role": {}}
    ids = set()
    for plain in records(folder, start, end):
        ids.add(plain["id"])
        found["predictions"] += 1
        found["degraded"] += bool(plain["degraded"])
        for field in ("release", "role"):
            group = found[f"by_{field}"]
            group[plain[field]] = group.get(plain[field], 0) + 1
    found["labelled"] = len(outcomes(folder, ids))
    found |= damage(folder, start)
    stored = [(o.prediction_id, o.name) for o in _stored(folder)]
    found["replaced"] = len(stored) - len(set(stored))
    return found


def damage(folder: Path, start: Moment) -> dict[str, int]:
    """Lines that are not what was written, in every segment last written since ``start``.

    damaged: altered after they were written. torn: cut off by the end of a process.
    """
    found = {"damaged": 0, "torn": 0}
    for kind in KINDS:
        for lines in scan(folder, kind, moment(start)):
            found["damaged"] += lines.damaged
            found["torn"] += lines.torn
    return found


# of a frame without rows
_COLUMNS = [
    *(item.name for item in dataclasses.fields(Prediction)),
    *("outcome", "observed_at", "labelled"),
]


def _flat(plain: Mapping[str, Any], outcome: Outcome | None) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for name, value in plain.items():
        if isinstance(value, dict):
            row |= {f"{name}.{column}": item for column, item in value.items()}
        else:
            row[name] = value
    row["outcome"] = outcome.outcome if outcome else None
    row["observed_at"] = outcome.observed_at if outcome else ""
    row["labelled"] = outcome is not None
    return row


def _stored(folder: Path, ids: Collection[str] | None = None) -> list[Outcome]:
    """The stored outcomes, of these predictions or of all, in the order they were received."""
    if ids is None or len(ids) > _FEW:
        lines: Iterator[bytes] = (o for found in scan(folder, "outcomes") for o in found.good)
    else:
        lines = outcomes_of(folder, ids)
    stored = [Outcome.from_json(open_line(line)) for line in lines]
    if ids is not None:
        stored = [outcome for outcome in stored if outcome.prediction_id in ids]
    return sorted(stored, key=lambda outcome: outcome.received_at)


def _targets(folder: Path, posted: Sequence[Outcome]) -> list[list[str]]:
    """For each outcome the ids of the logged predictions it belongs to."""
    ids = _logged({o.prediction_id for o in posted if o.prediction_id}, folder)
    keys = {_key(o.key) for o in posted if o.key and not o.prediction_id}
    by_key = _logged_keys(keys, folder) if keys else {}
    return [
        ([o.prediction_id] if o.prediction_id in ids else [])
        if o.prediction_id
        else by_key.get(_key(o.key), [])
        for o in posted
    ]


def _logged(ids: Collection[str], folder: Path) -> set[str]:
    return {line[_ID_AT].decode() for line in predictions_of(folder, ids).good}


def _logged_keys(keys: Collection[str], folder: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for lines in scan(folder, "predictions"):
        for plain in map(open_line, lines.good):
            key = _key(plain["key"])
            if key in keys:
                found.setdefault(key, []).append(plain["id"])
    return found


def _key(key: Mapping[str, Any]) -> str:
    """One text for one key: 7 and 7.0 are the same."""
    return canonical_json(
        {
            name: int(value) if isinstance(value, float) and value.is_integer() else value
            for name, value in key.items()
        }
    )


def _text(value: Any) -> str:
    return canonical_json(value)


def _write(folder: Path, fresh: list[Outcome], writer: LogWriter | None) -> None:
    if writer is not None:
        writer.append_outcomes(fresh)
        return
    with LogWriter(folder, writer_id=f"post_{os.getpid()}") as own:
        own.append_outcomes(fresh)
