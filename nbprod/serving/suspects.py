"""Requests that ended the process which computed them: alone the second time, refused the third.

The proxy gives a request that a dying replica never answered to another one. A row that kills its
process (a crash in native code, memory without end) would so go through all of them. Each process
keeps what it computes at the moment in a file of a few kilobytes, mapped into memory: it outlives
the process, and the others look into it before they compute. The proxy names each request anew
(``X-Nbprod-Attempt``), and sends the name along when it sends the request once more; so a caller
who sends the same rows twice is under no suspicion, and without that proxy nobody is.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import struct
import time
import zlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

HEADER = "X-Nbprod-Attempt"
NAMED = "NBPROD_PROXY_NAMES_REQUESTS"  # "1" in the environment of a replica behind that proxy
MOST = 2  # processes that one request may end
_ROOM = 1024  # requests of one batch that are kept
_BYTES = 8 * (_ROOM + 1)
_DYING_S = 0.2  # more than a process takes to close its files
_LOOK_S = 0.002
_KEPT_S = 600.0  # a request is held to have killed for so long


def attempt_of(headers: Mapping[str, str]) -> str:
    """What the proxy calls a request; empty where none does, whatever a caller sends.

    headers: their names in lower case.
    """
    told = headers.get(HEADER.lower(), "")
    return told if told and os.environ.get(NAMED) == "1" else ""


class Suspects:
    """What this process computes, and what others computed when they died.

    folder: shared by the processes of one deployment on this machine.
    """

    def __init__(self, folder: Path, *, writer_id: str) -> None:
        self._folder = folder
        self._path = folder / writer_id
        self._others: dict[str, mmap.mmap] = {}
        self._own: mmap.mmap | None = None
        with contextlib.suppress(OSError):  # a full disk: then nothing is held against anyone
            folder.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX)  # goes with this process
            os.write(self._handle, bytes(_BYTES))  # no hole: a full disk must not fail a batch
            self._own = mmap.mmap(self._handle, _BYTES)
        self.look_around()

    @contextlib.contextmanager
    def computing(self, attempts: Sequence[str]) -> Iterator[None]:
        """While these requests are computed it is there for others to see."""
        if self._own is None:
            yield
            return
        kept = [_print(attempt) for attempt in attempts if attempt][:_ROOM]
        struct.pack_into(f"{len(kept) + 1}Q", self._own, 0, len(kept), *kept)
        try:
            yield
        finally:
            struct.pack_into("Q", self._own, 0, 0)

    def deaths(self, attempts: Sequence[str]) -> dict[str, int]:
        """How many processes each of these requests may have ended; empty for most batches."""
        found: dict[str, int] = {}
        wanted = {_print(attempt): attempt for attempt in attempts if attempt}
        for name, other in list(self._others.items()):
            if (common := _held(other) & wanted.keys()) and self._is_dying(name):
                for one in common:
                    found[wanted[one]] = found.get(wanted[one], 0) + 1
        return found

    def look_around(self) -> None:
        """Learn of new processes and forget those long dead; called each second."""
        if self._own is None:
            return
        with contextlib.suppress(OSError):
            os.utime(self._handle)
            here = {entry.name: entry.stat().st_mtime for entry in os.scandir(self._folder)}
            for name in set(self._others) - set(here):
                del self._others[name]
            for name in set(here) - set(self._others) - {self._path.name}:
                if mapped := _mapped(self._folder / name):
                    self._others[name] = mapped
            for name, seen_at in here.items():
                if time.time() - seen_at > _KEPT_S and self._is_dead(name):
                    (self._folder / name).unlink()

    def close(self) -> None:
        """Leave no file behind; a second call does nothing."""
        if self._own is not None:
            self._own = None
            with contextlib.suppress(OSError):
                self._path.unlink()
            os.close(self._handle)

    def _is_dying(self, name: str) -> bool:
        """Whether it is dead, or will be in a moment.

        The kernel closes a dying process's connections one after the other and its lock after
        them: the proxy may have sent the request here while the lock still stands.
        """
        until = time.monotonic() + _DYING_S
        while not self._is_dead(name):
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK_S)
        return True

    def _is_dead(self, name: str) -> bool:
        if name == self._path.name:
            return False
        try:
            handle = os.open(self._folder / name, os.O_RDONLY)
        except OSError:  # it ended in an orderly way
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        finally:
            os.close(handle)
        return True


def _print(attempt: str) -> int:
    half = len(attempt) // 2
    return zlib.crc32(attempt[:half].encode()) << 32 | zlib.crc32(attempt[half:].encode())


def _mapped(path: Path) -> mmap.mmap | None:
    """The file of another process; None where it is being made, or gone."""
    with contextlib.suppress(OSError, ValueError), path.open("rb") as file:
        return mmap.mmap(file.fileno(), _BYTES, prot=mmap.PROT_READ)
    return None


def _held(other: mmap.mmap) -> frozenset[int]:
    (count,) = struct.unpack_from("Q", other, 0)
    return (
        frozenset(struct.unpack_from(f"{min(count, _ROOM)}Q", other, 8)) if count else frozenset()
    )
