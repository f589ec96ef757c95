"""Profiling what is served: in batches, beside the requests, into files that can be merged.

``<folder>/<release>/<start>-<seconds>s-<writer>-<n>.bin`` holds the rows of ``seconds`` from
``start`` (UTC). The file is rewritten whole with each flush, so a process that is killed loses
at most the rows since then: the prediction log has them all.
"""

from __future__ import annotations

import itertools
import logging
import re
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from nbprod.data.prediction_log.sheets import size
from nbprod.data.profile.sampling import Sample
from nbprod.data.profile.sketches import Profile
from nbprod.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from pathlib import Path

    import pandas as pd

    from nbprod.records import Prediction

_LOGGER = logging.getLogger(__name__)
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"^(?P<start>\d{8}T\d{6}Z)-(?P<seconds>\d+)s-\w+-\d+\.bin$")
_MAX_WAITING = 4_000  # rows; of more a sample is kept: the log has them, and memory has an end
_SHARE = 0.02  # of one core's time: under more load than that allows, a sample is profiled
_PAUSE_S = 0.0005


class ProfileWriter:
    """Profiles rows in a thread of its own, off the request path.

    folder: ``<store>/profiles/<deployment>/``. release: the release version as text.
    writer_id: one replica, one id (letters, digits, ``_``). output: the name of the one output
    column, for predictions whose output is a scalar. redact: columns that are left out. inputs:
    the contract's columns, where a caller may send others: those would have a sketch each.
    rows_per_flush, interval_s: rows are profiled and written when so many wait, or so long. What
    a flush cost is waited for before the next one; of what came meanwhile a random sample of
    ``rows_per_flush`` is profiled and the rest counted as ``skipped``.
    bucket_s: one file holds so many seconds; a window can be read no finer than that.
    """

    def __init__(
        self,
        folder: Path,
        *,
        release: str,
        writer_id: str,
        output: str = "output",
        redact: Collection[str] = (),
        inputs: Collection[str] = (),
        rows_per_flush: int = 2000,
        interval_s: float = 10.0,
        bucket_s: int = 3600,
    ) -> None:
        if not writer_id.replace("_", "").isalnum():
            raise StoreError(
                f"{writer_id!r} cannot name a profile's files", hint="letters, digits and '_' only"
            )
        self._folder = folder / release
        self._writer_id = writer_id
        self._output = output
        self._redact = frozenset(redact)
        self._inputs = frozenset(inputs)
        self._rows_per_flush = rows_per_flush
        self._interval_s = interval_s
        self._bucket_s = bucket_s
        self._sample = Sample(_MAX_WAITING)
        self._changed = threading.Condition()
        self._closed = False
        self._bucket: tuple[Path, Profile] | None = None
        self._bucket_start = 0
        self.profiled = 0  # rows that are in a file
        self.lost = 0  # rows that no file will have: the disk refused, or the writer was closed
        self.skipped = 0  # rows that a sample stands for
        self._rest_until = 0.0  # seconds, monotonic clock
        self._thread = threading.Thread(target=self._run, name="profile", daemon=True)
        self._thread.start()

    def add(self, rows: Sequence[Mapping[str, Any] | Prediction]) -> None:
        """Hand over rows and return at once.

        A row is a Prediction, its plain data, or a mapping with its columns named by part:
        ``input.carrier``; a sheet of the prediction log is as many rows as it holds.
        """
        with self._changed:
            if self._closed:
                self.lost += sum(map(size, rows))
                return
            before = self._sample.seen
            for row in rows:
                self._sample.add(row)
            # Once: a thread that rests is not to be woken by every batch that comes meanwhile.
            if before < self._rows_per_flush <= self._sample.seen:
                self._changed.notify()

    def close(self) -> None:
        """Profile and write what waits, then end the thread; a second call does nothing."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _run(self) -> None:
        closed = False
        while not closed:
            with self._changed:
                if not self._closed and self._sample.seen < self._rows_per_flush:
                    self._changed.wait(self._interval_s)
                while not self._closed and (rest := self._rest_until - time.monotonic()) > 0:
                    self._changed.wait(rest)
                closed = self._closed
                sample, self._sample = self._sample, Sample(_MAX_WAITING)
            started = time.thread_time()
            rows = sample.take(_MAX_WAITING if closed else self._rows_per_flush)
            self.skipped += sample.seen - len(rows)
            if not rows:
                continue
            self._flush(rows)
            self._rest_until = time.monotonic() + (time.thread_time() - started) / _SHARE

    def _flush(self, rows: list[Mapping[str, Any] | Prediction]) -> None:
        try:
            path, profile = self._current()
            batch = Profile.empty().track(self._frame(rows), between=_give_way)
            merged = profile.merge(batch)
            merged.save(path)
        except Exception as error:  # noqa: BLE001 - no row may end the thread; it is counted
            self.lost += len(rows)
            _LOGGER.warning("%d rows were not profiled: %s", len(rows), error)
        else:
            self._bucket = (path, merged)
            self.profiled += len(rows)

    def _current(self) -> tuple[Path, Profile]:
        """The file of the present moment, and what it holds."""
        start = int(time.time()) // self._bucket_s * self._bucket_s
        if self._bucket is None or start != self._bucket_start:
            stamp = datetime.fromtimestamp(start, UTC).strftime(_STAMP)
            stem = f"{stamp}-{self._bucket_s}s-{self._writer_id}"
            # An earlier process with this name may have left files of the same moment.
            taken = [int(path.stem.rpartition("-")[2]) for path in self._folder.glob(f"{stem}-*")]
            path = self._folder / f"{stem}-{max(taken, default=-1) + 1}.bin"
            self._bucket = (path, Profile.empty())
            self._bucket_start = start
        return self._bucket

    def _frame(self, rows: list[Mapping[str, Any] | Prediction]) -> pd.DataFrame:
        """One column for each column of each part; built by columns, which is what costs least."""
        import pandas as pd

        parts: dict[str, list[Mapping[str, Any]]] = {"input": [], "features": [], "output": []}
        flat = []
        for row in rows:
            if isinstance(row, Mapping) and "inputs" not in row:
                flat.append(row)
                continue
            record = row if isinstance(row, Mapping) else vars(row)
            output = record["output"]
            parts["input"].append(record["inputs"])
            parts["features"].append(record["features"])
            parts["output"].append(
                output if isinstance(output, Mapping) else {self._output: output}
            )
        columns: dict[str, list[Any]] = {}
        for part, mappings in parts.items():
            for name in dict.fromkeys(itertools.chain.from_iterable(mappings)):
                foreign = part == "input" and self._inputs and name not in self._inputs
                if name not in self._redact and not foreign:
                    columns[f"{part}.{name}"] = [values.get(name) for values in mappings]
                    _give_way()
        frame = pd.DataFrame(columns).infer_objects()
        if not flat:
            return frame
        kept = [{n: v for n, v in row.items() if _bare(n) not in self._redact} for row in flat]
        return pd.concat([frame, pd.DataFrame(kept)], ignore_index=True).infer_objects()


def _give_way() -> None:
    """Let the threads that answer callers go on: they wait for one column's work, not for all."""
    time.sleep(_PAUSE_S)


def load_window(folder: Path, release: str, start: datetime, end: datetime) -> Profile:
    """The merged profile of one release for [start, end), widened to whole files.

    folder: ``<store>/profiles/<deployment>/``. Raises StoreError for a damaged file.
    """
    profile = Profile.empty()
    for path in _files(folder / release, start, end):
        profile = profile.merge(Profile.load(path))
    return profile


def _files(folder: Path, start: datetime, end: datetime) -> Iterable[Path]:
    for path in sorted(folder.glob("*.bin")):
        match = _NAME.match(path.name)
        if match is None:
            continue
        first = datetime.strptime(match["start"], _STAMP).replace(tzinfo=UTC)
        if first < end and first + timedelta(seconds=int(match["seconds"])) > start:
            yield path


def _bare(name: str) -> str:
    return name.partition(".")[2] or name
