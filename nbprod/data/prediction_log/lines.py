"""The log's lines wherever they lie: open segments, Parquet parts, or a shared database."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from nbprod.data.prediction_log.database import shared
from nbprod.data.prediction_log.parts import lines_of_ids, outcome_lines_of, scan_parts
from nbprod.data.prediction_log.segments import (
    Kind,
    Lines,
    Segment,
    lines_with,
    read_lines,
    segments,
)
from nbprod.errors import StoreError
from nbprod.records import id_time

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from datetime import datetime
    from pathlib import Path

_CLOCK_SLACK = timedelta(minutes=5)
_FEW = 50  # so many ids are searched for as text; more are looked up line by line
_ID_AT = slice(7, 31)  # behind {"id":"


def scan(folder: Path, kind: Kind, since: datetime | None = None) -> Iterator[Lines]:
    """Every line of a kind, those last written before ``since`` left out, each tried on its sum.

    A segment that is compacted while this goes on is read as a segment or as parts, never both.
    """
    if (database := shared(folder)) is not None:
        yield from database.scan(kind, since)
        return
    read: set[str] = set()
    for segment in segments(folder, kind, since):
        try:
            lines = read_lines(segment)
        except FileNotFoundError:  # it has become parts
            continue
        read.add(segment.path.stem)
        yield lines
    yield from scan_parts(folder, kind, since, read)


def predictions_of(
    folder: Path, ids: Collection[str], *, first: Callable[[Segment], object] | None = None
) -> Lines:
    """The lines of these predictions; damaged ones are counted where they were come upon.

    first: sorts the segments, those most likely to hold the ids before the others.
    """
    if (database := shared(folder)) is not None:
        return database.with_ids("predictions", ids)
    left, good, damaged = set(ids), list[bytes](), 0
    listed = segments(folder, "predictions")
    for segment in sorted(listed, key=first) if first else reversed(listed):  # type: ignore[arg-type]
        if not left:
            break
        try:
            lines = _with_ids(segment, left)
        except FileNotFoundError:
            continue
        here = [line for line in lines.good if _id_of(line) in left]
        good += here
        damaged += lines.damaged
        left.difference_update(map(_id_of, here))
    if left:
        lines = lines_of_ids(folder, left)
        good += lines.good
        damaged += lines.damaged
    return Lines(tuple(good), damaged)


def outcomes_of(folder: Path, ids: Collection[str]) -> Iterator[bytes]:
    """The lines of the outcomes of few predictions; some may be about others."""
    if (database := shared(folder)) is not None:
        yield from database.with_ids("outcomes", ids).good
        return
    needles = [f'"{prediction_id}"'.encode() for prediction_id in ids]
    # An outcome comes after its prediction: what was full before has none.
    since, read = _first_made(ids), set()
    for segment in segments(folder, "outcomes", since):
        try:
            lines = lines_with(segment, needles)
        except FileNotFoundError:  # it has become parts
            continue
        read.add(segment.path.stem)
        yield from lines.good
    yield from outcome_lines_of(folder, ids, since and since - _CLOCK_SLACK, read)


def _first_made(ids: Collection[str]) -> datetime | None:
    """When the oldest of these predictions was made; None where one of them is no id of ours."""
    try:
        return min(map(id_time, ids), default=None)
    except StoreError:
        return None


def _with_ids(segment: Segment, ids: Collection[str]) -> Lines:
    if len(ids) > _FEW:
        return read_lines(segment)
    return lines_with(segment, [f'"{one}"'.encode() for one in ids])


def _id_of(line: bytes) -> str:
    return line[_ID_AT].decode()
