"""Reading a growing log again and again: each time only what came since the last time."""

from __future__ import annotations

from datetime import timedelta
from itertools import chain
from typing import TYPE_CHECKING, Any

from nbprod.data.prediction_log.database import shared
from nbprod.data.prediction_log.parts import part_lines, parts
from nbprod.data.prediction_log.reader import moment
from nbprod.data.prediction_log.segments import Kind, Segment, is_sealed, open_lines, segments

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from nbprod.data.prediction_log.reader import Moment

_OVERLAP_S = 120.0  # a row of a shared database may be committed so long after its own moment
_AT: dict[Kind, str] = {"predictions": "at", "outcomes": "received_at"}


class Follower:
    """One kind of record of a log since a moment, as plain data, as it comes.

    Each record is given at least once: again where its segment has meanwhile become a part, or
    where a failed write was cut back. Damaged lines and torn ends are never given.
    """

    def __init__(self, folder: Path, kind: Kind, since: Moment) -> None:
        self._folder = folder
        self._kind: Kind = kind
        self._since: datetime | None = moment(since)
        self._ends: dict[str, int] = {}  # stem of a segment -> the byte it was read to
        self._parts: set[Path] = set()  # those that were read
        self._newest: datetime | None = None  # of a shared database

    def new(self) -> Iterator[dict[str, Any]]:
        """What came since the last call; everything since the moment on the first."""
        for plain in chain.from_iterable(map(open_lines, self._lines())):
            at = moment(plain[_AT[self._kind]])
            if at is None or (self._since is not None and at < self._since):
                continue
            self._newest = max(at, self._newest or at)
            yield plain

    def _lines(self) -> Iterator[bytes]:
        if (database := shared(self._folder)) is not None:
            for page in database.scan(self._kind, self._from()):
                yield from page.good
            return
        here = set()
        for segment in segments(self._folder, self._kind, self._since):
            here.add(segment.path.stem)
            try:
                yield from self._rest_of(segment)
            except FileNotFoundError:  # it has become parts meanwhile
                here.discard(segment.path.stem)
        for part in parts(self._folder, self._kind, since=self._since):
            if part.stem not in here and part not in self._parts:
                self._parts.add(part)
                yield from part_lines(part).good

    def _rest_of(self, segment: Segment) -> Iterator[bytes]:
        """The lines behind the byte that was read to; all where the file is not as it was."""
        stem = segment.path.stem
        start = self._ends.get(stem, 0)
        with segment.path.open("rb") as file:
            if start and not _continues(file, start):
                start = 0
            file.seek(start)
            for line in file:
                if not line.endswith(b"\n"):  # being written, or torn
                    break
                start += len(line)
                self._ends[stem] = start
                if is_sealed(line[:-1]):
                    yield line[:-1]

    def _from(self) -> datetime | None:
        if self._newest is None:
            return self._since
        overlapping = self._newest - timedelta(seconds=_OVERLAP_S)
        return max(overlapping, self._since) if self._since else overlapping


def _continues(file: Any, start: int) -> bool:
    """Whether a line still ends where the last reading did: a failed write is cut back."""
    file.seek(start - 1)
    return bool(file.read(1) == b"\n")
