"""Rows that the contract refused, kept beside the prediction log for somebody to look at."""

from __future__ import annotations

import errno
import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.data.prediction_log.segments import encoder
from nbprod.records import REDACTED, Json, Violation, utc_now

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

_LOGGER = logging.getLogger(__name__)
# A caller that sends only rubbish must not fill the disk: of one process, and of all together.
_MAX_BYTES = 64 * 1024 * 1024
_FOLDER_BYTES = 16 * _MAX_BYTES


class Quarantine:
    """JSON lines, one for each refused row, in this process's own file.

    Beyond 64 MiB, or a gibibyte in the whole folder, rows are counted and no longer kept:
    ``dropped``. Upkeep of the log forgets old files.
    """

    def __init__(self, folder: Path, *, writer_id: str, redact: Collection[str] = ()) -> None:
        self._path = Path(folder, "quarantine", f"{writer_id}.jsonl")
        self._redact = frozenset(redact)
        self._encode = encoder()  # takes what JSON's own 64 bits do not
        self._lock = threading.Lock()
        self._size = 0
        self._room: int | None = None  # bytes; known once there is something to keep
        self.kept = 0
        self.dropped = 0

    def add(
        self,
        rows: Sequence[Mapping[str, Any]],
        violations: Sequence[Violation],
        *,
        request_id: str,
        release: str,
    ) -> None:
        """Keep the rows that violations name, by their place in ``rows``; never raises."""
        broken: dict[int, list[Violation]] = {}
        for found in violations:
            broken.setdefault(found.row, []).append(found)
        lines = [
            self._encode(self._line(rows[row], about, row, request_id, release))
            for row, about in broken.items()
        ]
        data = b"".join(line + b"\n" for line in lines)
        with self._lock:
            if self._size + len(data) > self._most() or not self._write(data):
                self.dropped += len(lines)
            else:
                self.kept += len(lines)

    def _line(
        self,
        row: Mapping[str, Any],
        about: Sequence[Violation],
        place: int,
        request_id: str,
        release: str,
    ) -> Json:
        return {
            "at": utc_now(),
            "request_id": request_id,
            "release": release,
            "row": place,
            "inputs": {k: REDACTED if k in self._redact else v for k, v in row.items()},
            "violations": [
                # A message may quote the value.
                {"column": v.column, "rule": v.rule}
                | ({} if v.column in self._redact else {"message": v.message})
                for v in about
            ],
        }

    def _most(self) -> int:
        """How many bytes this process may keep, beside what the others had when it began."""
        if self._room is None:
            others = sum(entry.stat().st_size for entry in self._path.parent.glob("*.jsonl"))
            self._room = min(_MAX_BYTES, max(0, _FOLDER_BYTES - others))
        return self._room

    def _write(self, data: bytes) -> bool:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                written = os.write(handle, data)
                if written != len(data):  # the disk is full: half a line is none
                    os.ftruncate(handle, os.fstat(handle).st_size - written)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            finally:
                os.close(handle)
        except OSError as error:
            _LOGGER.warning("refused rows cannot be kept in %s: %s", self._path, error)
            return False
        self._size += len(data)
        return True
