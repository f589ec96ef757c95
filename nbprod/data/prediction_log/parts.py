"""Closed segments become Parquet parts by date, which are a tenth of the size.

``<folder>/parts/<date>/<release>/<segment>.parquet`` holds the sealed lines of one segment with the
columns that questions are asked by, ``<folder>/outcome-parts/<date>/<name>/…`` the outcomes, by the
date they came and what they are called. A part is whole before its segment goes, so that every
record is in one of them at any moment; while a segment is there, its parts are not looked at.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from nbprod.data.prediction_log.segments import (
    KINDS,
    Kind,
    Lines,
    Segment,
    is_sealed,
    open_line,
    read_lines,
    segments,
)
from nbprod.errors import StoreError
from nbprod.records import id_time

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

_FOLDERS: dict[Kind, str] = {"predictions": "parts", "outcomes": "outcome-parts"}
# Column of a part -> field of the record: what is looked up by, the moment, the folder's name.
_COLUMNS: dict[Kind, dict[str, str]] = {
    "predictions": {"id": "id", "at": "at", "release": "release", "role": "role"},
    "outcomes": {"id": "prediction_id", "at": "received_at", "name": "name"},
}
_GROUPED: dict[Kind, str] = {"predictions": "release", "outcomes": "name"}
_ROW_GROUP = 2000  # what is read to find one record
_NAME_LENGTH = 100  # a folder's name has an end, an outcome's need not
_SAFE = frozenset("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-")


def compact(folder: Path) -> int:
    """Turn every closed segment into parts; how many were.

    A segment is closed when no process has it open for writing. One compaction at a time: where
    another one runs, nothing is done. A segment with a damaged line is left as it is, for a
    person to look at.
    """
    done = 0
    with _alone(folder) as free:
        for kind in KINDS if free else ():
            for segment in segments(folder, kind):
                if _is_open(segment.path):
                    continue
                lines = read_lines(segment)
                if lines.damaged or not lines.good:
                    continue
                _write(folder, kind, segment, lines.good)
                segment.path.unlink()
                done += 1
    return done


def parts(
    folder: Path,
    kind: Kind = "predictions",
    *,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Path]:
    """The parts of a kind whose date lies in [since, until], oldest date first."""
    first = since.astimezone(UTC).date().isoformat() if since else ""
    last = until.astimezone(UTC).date().isoformat() if until else "9"
    every = (folder / _FOLDERS[kind]).glob("*-*-*")
    dates = sorted(path for path in every if first <= path.name <= last)
    return [part for date in dates for part in sorted(date.glob("*/*.parquet"))]


def part_lines(part: Path) -> Lines:
    """Every line of a part, each tried against its sum."""
    import pyarrow.parquet as pq

    try:
        column = pq.read_table(part, columns=["line"]).column("line")
    except FileNotFoundError:  # its date was removed meanwhile
        return Lines(())
    except (OSError, ValueError) as error:
        raise _damaged(part, error) from error
    return _tried(line.encode() for line in column.to_pylist())


def scan_parts(
    folder: Path, kind: Kind, since: datetime | None, read: Collection[str]
) -> Iterator[Lines]:
    """The lines of every part but those of segments that were read already, by their stems."""
    for part in parts(folder, kind, since=since):
        if part.stem not in read:
            yield part_lines(part)


def lines_of_ids(folder: Path, ids: Collection[str]) -> Lines:
    """The lines of these predictions, found by the date in their ids and the parts' statistics."""
    found: list[bytes] = []
    by_date: dict[str, list[str]] = {}
    for one in ids:
        with contextlib.suppress(StoreError, OverflowError):  # an id of the year 9999 is none
            made = id_time(one)
            for day in (made, made + timedelta(minutes=5), made - timedelta(minutes=5)):
                by_date.setdefault(day.date().isoformat(), []).append(one)
    seen: set[tuple[Path, str]] = set()
    for date, wanted in by_date.items():
        for part in sorted((folder / _FOLDERS["predictions"] / date).glob("*/*.parquet")):
            left = sorted({one for one in wanted if (part, one) not in seen})
            seen.update((part, one) for one in left)
            found += _found(part, left)
    return _tried(found)


def outcome_lines_of(
    folder: Path, ids: Collection[str], since: datetime | None, read: Collection[str]
) -> Iterator[bytes]:
    """The outcomes of these predictions in the parts of dates since then, each tried on its sum."""
    for part in parts(folder, "outcomes", since=since):
        if part.stem not in read:
            yield from _tried(_found(part, sorted(ids))).good


def _found(part: Path, ids: list[str]) -> list[bytes]:
    """The lines of one part about these predictions; its statistics say where to look."""
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(part, columns=["line"], filters=[("id", "in", ids)])
    except FileNotFoundError:  # its date was removed meanwhile
        return []
    except (OSError, ValueError) as error:
        raise _damaged(part, error) from error
    return [line.encode() for line in table.column("line").to_pylist()]


def remove_before(folder: Path, moment: datetime) -> int:
    """Retention: forget whole dates, and segments last written, before a moment; how many files."""
    removed = 0
    dates = [date for name in _FOLDERS.values() for date in (folder / name).glob("*-*-*")]
    for date in dates:
        if date.name < moment.astimezone(UTC).date().isoformat():
            removed += sum(1 for _ in date.glob("*/*.parquet"))
            shutil.rmtree(date)
    for kind in KINDS:
        for segment in segments(folder, kind):
            if segment.path.stat().st_mtime < moment.timestamp() and not _is_open(segment.path):
                segment.path.unlink()
                removed += 1
    return removed


def _write(folder: Path, kind: Kind, segment: Segment, lines: tuple[bytes, ...]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for line in lines:
        plain = open_line(line)
        row = {column: str(plain[field]) for column, field in _COLUMNS[kind].items()}
        row["line"] = line.decode()
        groups.setdefault((row["at"][:10], _name(row[_GROUPED[kind]])), []).append(row)
    made = []
    for (date, group), rows in groups.items():
        rows.sort(key=lambda row: row["id"])
        target = folder / _FOLDERS[kind] / date / group / f"{segment.path.stem}.parquet"
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_suffix(".part")
        table = pa.Table.from_pylist(rows)
        pq.write_table(table, aside, compression="zstd", row_group_size=_ROW_GROUP)
        handle = os.open(aside, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
        made.append((aside, target))
    for aside, target in made:
        aside.replace(target)


def _name(text: str) -> str:
    """A release, or an outcome's name, as a folder's name; any other sign becomes an underscore."""
    safe = "".join(sign if sign in _SAFE else "_" for sign in text).lstrip(".")
    return safe[:_NAME_LENGTH] or "_"


def _tried(lines: Any) -> Lines:
    every = list(lines)
    good = tuple(line for line in every if is_sealed(line))
    return Lines(good, damaged=len(every) - len(good))


def _damaged(part: Path, error: Exception) -> StoreError:
    return StoreError(f"{part} cannot be read: {error}", hint="restore the part from a copy")


def _is_open(path: Path) -> bool:
    """Whether a writer holds the segment: its lock goes with its process."""
    with contextlib.suppress(OSError), path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False
    return True


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".compacting").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
            return
        yield True
