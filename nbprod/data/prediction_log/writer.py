"""Writing the log: one write for everything that came meanwhile.

What only has to outlive this process is written by whoever hands it over: the kernel takes it at
once, and a thread in between would cost more than the write. What has to outlive the machine is
written by a thread, because a disk takes its time and many records share one of its promises.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import os
import queue
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self

from nbprod.data.prediction_log.database import Database, shared
from nbprod.data.prediction_log.segments import KINDS, SUFFIX, Kind, encoder, seal
from nbprod.data.prediction_log.sheets import predictions, size
from nbprod.errors import StoreError
from nbprod.records import REDACTED

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    from nbprod.records import Outcome, Prediction

Durability = Literal["process", "fsync", "none"]
_SEGMENT_BYTES = 64 * 1024 * 1024
_SEGMENT_S = 3600.0
_SEGMENT_RECORDS = 100_000  # what is taken apart when it is read must fit into memory
_DISK_HINT = "make room on the disk and check who may write there; later predictions are tried anew"


@dataclass(frozen=True)
class WriterCounts:
    """What a writer did so far; ``failed`` are records whose caller was told so."""

    written: int = 0
    failed: int = 0
    writes: int = 0  # fewer than appends when several shared one


@dataclass(frozen=True)
class _Job:
    kind: Kind
    records: Sequence[Any]
    future: Future[None]


class LogWriter:
    """Appends predictions and outcomes to this writer's own segments.

    folder: ``<store>/logs/<deployment>/``; made when the first record comes.
    writer_id: names the segments; one replica, one id (letters, digits, ``_``).
    durability: what an acknowledged record survives. ``process``: ``kill -9`` of this process;
    ``fsync``: the machine's power loss too; ``none``: nothing, the caller never waits.
    redact: columns whose values never reach the disk, in inputs, features and key. An outcome
    that comes by a key with a redacted column cannot be matched.
    """

    def __init__(
        self,
        folder: Path,
        *,
        writer_id: str,
        durability: Durability = "process",
        redact: Collection[str] = (),
        segment_bytes: int = _SEGMENT_BYTES,
    ) -> None:
        if not writer_id.replace("_", "").isalnum():
            raise StoreError(
                f"{writer_id!r} cannot name a log's segments", hint="letters, digits and '_' only"
            )
        self._durability = durability
        self._redact = frozenset(redact)
        self._encode = encoder()
        database = shared(folder)
        self._files: dict[Kind, _File | _Shared] = {
            kind: _File(folder / kind, writer_id, segment_bytes, sync=durability == "fsync")
            if database is None
            else _Shared(dataclasses.replace(database), kind)
            for kind in KINDS
        }
        self._counts = WriterCounts()
        self._queue: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._closing = threading.Lock()
        self._closed = False
        self._thread: threading.Thread | None = None
        if durability != "process" or database is not None:
            self._thread = threading.Thread(target=self._run, name="prediction-log", daemon=True)
            self._thread.start()

    @property
    def counts(self) -> WriterCounts:
        """Records written and failed since the writer was made."""
        return self._counts

    def submit(self, records: Sequence[Prediction | Mapping[str, Any]]) -> Future[None]:
        """Hand over predictions, or their plain data; the future is done when they are durable.

        It fails with StoreError when they could not be written: none of them is in the log then.
        Await it with ``asyncio.wrap_future``.
        """
        return self._submit("predictions", records)

    def append(self, records: Sequence[Prediction]) -> None:
        """Write predictions and return when they are durable; StoreError otherwise."""
        self.submit(records).result()

    def submit_outcomes(self, outcomes: Sequence[Outcome]) -> Future[None]:
        """Hand over outcomes as they are; ``post_outcomes`` is the door that checks them."""
        return self._submit("outcomes", outcomes)

    def append_outcomes(self, outcomes: Sequence[Outcome]) -> None:
        """Write outcomes as they are and return when they are durable; StoreError otherwise."""
        self.submit_outcomes(outcomes).result()

    def close(self) -> None:
        """Write what was handed over, then end the thread; a second call does nothing."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._queue.put(None)
            if self._thread is None:
                self._end()
        if self._thread is not None:
            self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _submit(self, kind: Kind, records: Sequence[Any]) -> Future[None]:
        future: Future[None] = Future()
        with self._closing:  # so that nothing is queued behind the end
            if self._closed:
                raise StoreError("the prediction log is closed", hint="open a new LogWriter")
            job = _Job(kind, records, future)
            if self._thread is None:
                self._commit(self._files[kind], [job])
            else:
                self._queue.put(job)
        if self._durability != "none":
            return future
        unwaited: Future[None] = Future()
        unwaited.set_result(None)
        return unwaited

    def _run(self) -> None:
        ended = False
        while not ended:
            jobs = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while True:
                    jobs.append(self._queue.get_nowait())
            ended = None in jobs
            for kind, file in self._files.items():
                self._commit(file, [job for job in jobs if job is not None and job.kind == kind])
        self._end()

    def _end(self) -> None:
        for file in self._files.values():
            file.close()

    def _commit(self, file: _File | _Shared, jobs: list[_Job]) -> None:
        """Write the records of several callers at once, and tell each one."""
        pending: list[_Job] = []
        chunks: list[bytes] = []
        for job in jobs:
            # From here a caller that went away cannot cancel: the prediction was made.
            job.future.set_running_or_notify_cancel()
            try:
                lines = (self._lines(record, file.apart) for record in job.records)
                chunks.append(b"".join(lines))
            except Exception as error:  # noqa: BLE001 - a row's own objects may raise anything
                hint = "rows, features and outputs are plain values: numbers, text, lists, None"
                self._fail([job], StoreError(f"a record is not plain data: {error}", hint=hint))
            else:
                pending.append(job)
        if not pending:
            return
        written = sum(_records(job) for job in pending)
        try:
            file.write(b"".join(chunks), written)
        except OSError as error:
            message = f"{file.place} cannot be written: {error.strerror or error}"
            self._fail(pending, StoreError(message, hint=file.hint))
            return
        self._count(written=written, writes=1)
        for job in pending:
            if not job.future.cancelled():
                job.future.set_result(None)

    def _fail(self, jobs: list[_Job], error: StoreError) -> None:
        self._count(failed=sum(_records(job) for job in jobs))
        for job in jobs:
            if not job.future.cancelled():
                job.future.set_exception(error)

    def _count(self, *, written: int = 0, failed: int = 0, writes: int = 0) -> None:
        old = self._counts
        self._counts = WriterCounts(old.written + written, old.failed + failed, old.writes + writes)

    def _lines(self, record: Prediction | Outcome | Mapping[str, Any], apart: bool) -> bytes:
        """The record's line; a line for each of its predictions where they are to lie apart."""
        if isinstance(record, dict):
            plain = dict(record) if self._redact else record
        else:
            # Not to_json(): it copies every value, and the encoder takes them as they are.
            plain = {item.name: getattr(record, item.name) for item in _fields(type(record))}
        if self._redact:
            self._hide(plain)
        if apart:
            return b"".join(seal(self._encode(one)) for one in predictions(plain))
        return seal(self._encode(plain))

    def _hide(self, plain: dict[str, Any]) -> None:
        if "ids" not in plain:
            for name in ("inputs", "features", "key"):
                if name in plain:
                    plain[name] = redacted(plain[name], self._redact)
            return
        hidden = [REDACTED] * size(plain)
        for name in ("inputs", "features"):  # a sheet's key are names of inputs
            columns = plain[name].items()
            plain[name] = {n: hidden if n in self._redact else values for n, values in columns}


def _records(job: _Job) -> int:
    return sum(map(size, job.records))


def redacted(row: Mapping[str, Any], columns: Collection[str]) -> dict[str, Any]:
    """The row with the values of these columns hidden."""
    return {name: REDACTED if name in columns else value for name, value in row.items()}


_fields: Callable[[type], tuple[dataclasses.Field[Any], ...]] = dataclasses.fields


class _Shared:
    """The log in a database that other machines write to as well."""

    hint = "start the database and check [serving.log] url; later predictions are tried anew"
    apart = True  # there each prediction is a row, found by its id

    def __init__(self, database: Database, kind: Kind) -> None:
        self.place = "the database of the prediction log"
        self._database = database
        self._kind: Kind = kind

    def write(self, data: bytes, _records: int) -> None:
        """Commit whole lines or nothing; OSError when the database refuses."""
        self._database.write(self._kind, data)

    def close(self) -> None:
        self._database.close()


class _File:
    """The segment being written: rolled by size and age, cut back after a failed write."""

    hint = _DISK_HINT
    apart = False

    def __init__(self, folder: Path, writer_id: str, limit_bytes: int, *, sync: bool) -> None:
        self.folder = folder
        self.place = str(folder)
        self._writer_id = writer_id
        self._limit_bytes = limit_bytes
        self._sync = sync
        self._handle: int | None = None
        self._size = 0
        self._records = 0
        self._started = 0.0

    def write(self, data: bytes, records: int) -> None:
        """Append whole lines or nothing; OSError when the disk refuses."""
        if self._is_over():
            self.close()
        handle = self._open() if self._handle is None else self._handle
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(handle, rest) :]
            if self._sync:
                os.fsync(handle)
        except OSError:
            self._cut_back(handle)
            raise
        self._size += len(data)
        self._records += records

    def close(self) -> None:
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None

    def _is_over(self) -> bool:
        if self._handle is None:
            return False
        gone = os.fstat(self._handle).st_nlink == 0  # somebody removed the segment
        old = time.time() - self._started >= _SEGMENT_S
        full = self._size >= self._limit_bytes or self._records >= _SEGMENT_RECORDS
        return gone or old or full

    def _open(self) -> int:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._started, self._size, self._records = time.time(), 0, 0
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
        start_ms = int(self._started * 1000)
        while self._handle is None:
            path = self.folder / f"{start_ms:012x}-{self._writer_id}{SUFFIX}"
            try:
                self._handle = os.open(path, flags, 0o644)
            except FileExistsError:
                start_ms += 1
        fcntl.flock(self._handle, fcntl.LOCK_EX)  # says to a compaction that it is written to
        if self._sync:
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return self._handle

    def _cut_back(self, handle: int) -> None:
        """Leave no half line behind; a segment that cannot be cut is left with its torn end."""
        try:
            os.ftruncate(handle, self._size)
            if self._sync:  # what a failed fsync left in the cache is not to be trusted
                self.close()
        except OSError:
            self.close()
