"""Where records live: ids, atomic writes, digests; nothing else.

A record is one JSON file ``<root>/<folder>/<id>.json``, or ``<id>/record.json`` where artifacts
lie beside it: ``{"digest": …, "record": {…}, "type": "TrainingRun"}``. A record saved under its
id is never changed; one saved under a name (a deployment) is replaced by the next save.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from nbprod.errors import StoreError, TamperedRecordError
from nbprod.records import Record, canonical_json, new_id, sha256

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

R = TypeVar("R", bound=Record)
_NAME = re.compile(r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$")
_LOCK_WAIT_S = 30.0
_LOCK_POLL_S = 0.05
_IS_ID = re.compile(r"^[0-9a-f]{24}$")
_CLOCK_SLACK_S = 60.0  # machines that share a store need not agree to the second


@dataclass(frozen=True)
class RecordStore:
    """The records under one folder."""

    root: Path

    def save(self, folder: str, record: Record, *, as_folder: bool = False, name: str = "") -> Path:
        """Write a record and return its file; it appears whole or not at all.

        folder: the kind's folder, such as ``"runs"``.
        as_folder: the record is ``<id>/record.json``, so that artifacts can lie beside it.
        name: file name instead of the id; such a record may be saved again and is then replaced.
        Raises StoreError when it cannot be written, or when another record has its id.
        """
        stem = _checked(name or record.id)
        path = self._path(folder, stem, as_folder=as_folder)
        plain = record.to_json()
        content = {"digest": record.digest, "record": plain, "type": type(record).__name__}
        text = json.dumps(json.loads(canonical_json(content)), indent=1, ensure_ascii=False)
        if not name:
            self.check_clock(folder)
        try:
            _write(path, text.encode() + b"\n", replace=bool(name))
        except FileExistsError as error:
            if _envelope(path)["digest"] != record.digest:
                raise StoreError(
                    f"{path} already holds another record with this id",
                    hint="records are never changed: make a new one, with a new id",
                ) from error
        return path

    def load(self, cls: type[R], folder: str, record_id: str) -> R:
        """The record with this id or name; its digest is checked.

        Raises StoreError when there is none, TamperedRecordError when it is not what was written.
        """
        path = self._find(folder, record_id)
        if path is None:
            raise StoreError(
                f"there is no {cls.__name__} {record_id!r} in {self.root / folder}",
                hint=f"the latest ones: {', '.join(self.ids(folder)[-3:]) or 'none yet'}",
            )
        return _read(cls, path)

    def latest(self, cls: type[R], folder: str) -> R | None:
        """The newest record of a folder by its id's time; None when there is none."""
        records = self.ids(folder)
        return self.load(cls, folder, records[-1]) if records else None

    def list(self, cls: type[R], folder: str) -> tuple[R, ...]:
        """Every record of a folder, oldest first by id."""
        found = (self.load(cls, folder, stem) for stem in self.ids(folder))
        return tuple(sorted(found, key=lambda record: record.id))

    def resolve(self, cls: type[R], folder: str, prefix: str) -> R:
        """The one record whose id or name starts with ``prefix``; StoreError otherwise."""
        known = self.ids(folder)
        matches = [prefix] if prefix in known else [i for i in known if i.startswith(prefix)]
        if prefix and len(matches) == 1:
            return self.load(cls, folder, matches[0])
        if matches and prefix:
            raise StoreError(
                f"{prefix!r} begins {len(matches)} ids in {self.root / folder}",
                hint=f"write more of it: {', '.join(matches[-3:])}",
            )
        raise StoreError(
            f"no {cls.__name__} begins with {prefix!r} in {self.root / folder}",
            hint=f"the latest ones: {', '.join(known[-3:]) or 'none yet'}",
        )

    def ids(self, folder: str) -> tuple[str, ...]:
        """The ids (or names) stored in a folder, sorted, which for ids is by time."""
        place = self.root / _checked(folder)
        files = {path.stem for path in place.glob("*.json")}
        folders = {path.parent.name for path in place.glob("*/record.json")}
        return tuple(sorted(files | folders))

    def folder_of(self, folder: str, record_id: str) -> Path:
        """The folder that holds a record's artifacts; it need not exist yet."""
        return self.root / _checked(folder) / _checked(record_id)

    def digest_of(self, record_id: str) -> str | None:
        """The checked digest of the record with this id, in whichever folder; None if gone."""
        _checked(record_id)
        for pattern in (f"*/{record_id}.json", f"*/{record_id}/record.json"):
            for path in self.root.glob(pattern):
                return str(_verified(path)["digest"])
        return None

    @contextlib.contextmanager
    def locked(self, name: str, *, wait_s: float = _LOCK_WAIT_S) -> Iterator[None]:
        """Hold the one lock of this name, across threads and processes of this machine.

        wait_s: how long to wait for another holder before StoreError is raised.
        """
        path = self.root / "locks" / f"{_checked(name)}.lock"
        with _disk_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _acquire(handle, name, time.monotonic() + wait_s)
            yield
        finally:
            os.close(handle)  # closing gives the lock back, as the end of the process does

    def check_clock(self, folder: str) -> None:
        """Raises StoreError where the newest record of a folder is one of the future.

        The newest is told by its id's time: after such a record, the latest candidate, verdict or
        rejection would be an older one, in silence. ``save`` asks, too; ask before long work.
        """
        newest = max((i for i in self.ids(folder) if _IS_ID.match(i)), default="")
        ahead_s = (int(newest[:12], 16) / 1000 - time.time()) if newest else 0.0
        if ahead_s > _CLOCK_SLACK_S:
            raise StoreError(
                f"the newest record in {self.root / folder}, {newest}, was made "
                f"{ahead_s:,.0f} s from now: the clock was wrong then, or it is wrong now",
                hint="correct the clock; a record that was made under a wrong one is to be moved "
                "away, and made again",
            )

    def _path(self, folder: str, stem: str, *, as_folder: bool) -> Path:
        place = self.root / _checked(folder)
        return place / stem / "record.json" if as_folder else place / f"{stem}.json"

    def _find(self, folder: str, record_id: str) -> Path | None:
        stem = _checked(record_id)
        candidates = [self._path(folder, stem, as_folder=flag) for flag in (False, True)]
        return next((path for path in candidates if path.is_file()), None)


def check_inputs(record: Record, lookup: Callable[[str], str | None]) -> None:
    """Verify that the records named in ``record.inputs`` still have the digests named there.

    lookup: the digest that a record id has now, None when it is gone; such as
    ``RecordStore.digest_of``. Raises TamperedRecordError, or StoreError for a missing one.
    """
    for record_id, digest in record.inputs.items():
        present = lookup(record_id)
        if present is None:
            raise StoreError(
                f"{type(record).__name__} {record.id} was made from {record_id}, which is gone",
                hint="make that record again, then this one",
            )
        if present != digest:
            raise TamperedRecordError(
                f"{type(record).__name__} {record.id} was made from {record_id}, "
                "which is no longer the same record",
                hint=_rerun(type(record).__name__),
            )


# What to run again when a record is not the one that was written.
_VERBS = {
    "Extraction": "nbprod extract",
    "ParityReport": "nbprod parity",
    "DataContract": "nbprod contract infer",
    "ContractReport": "nbprod contract check",
    "TrainingRun": "nbprod train",
    "GateResult": "nbprod gate",
    "Approval": "nbprod approve",
    "Release": "nbprod release",
    "Deployment": "nbprod deploy",
    "Health": "nbprod monitor",
}


def _rerun(kind: str) -> str:
    verb = _VERBS.get(kind)
    return f"run `{verb}` again" if verb else "make the record again with the command that made it"


def _checked(name: str) -> str:
    if not _NAME.match(name):
        raise StoreError(
            f"{name!r} cannot be the name of a record or its folder",
            hint="letters, digits, '.', '_' and '-', not starting with '.' or '-'",
        )
    return name


def _envelope(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise StoreError(f"{path} cannot be read: {error}", hint="check the file") from error
    except ValueError as error:
        raise TamperedRecordError(
            f"{path} is not the record that was written: {error}",
            hint="restore the file, or make the record again with the command that made it",
        ) from error
    if not isinstance(content, dict) or set(content) != {"digest", "record", "type"}:
        raise TamperedRecordError(
            f"{path} is not the record that was written: not digest, record and type",
            hint="restore the file, or make the record again with the command that made it",
        )
    return content


def _verified(path: Path) -> dict[str, Any]:
    content = _envelope(path)
    if sha256(canonical_json(content["record"])) != content["digest"]:
        raise TamperedRecordError(
            f"{path} is not the record that was written: its digest differs",
            hint=f"restore the file, or {_rerun(str(content['type']))}",
        )
    return content


def _read(cls: type[R], path: Path) -> R:
    content = _verified(path)
    if content["type"] != cls.__name__:
        raise StoreError(
            f"{path} holds a {content['type']}, not a {cls.__name__}",
            hint="look for the record in the folder of its own kind",
        )
    return cls.from_json(content["record"])


def _acquire(handle: int, name: str, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise StoreError(
                    f"another command holds the lock {name!r}",
                    hint="wait until it has ended, then try again",
                ) from error
            time.sleep(_LOCK_POLL_S)
        else:
            return


@contextlib.contextmanager
def _disk_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        raise StoreError(
            f"{path} cannot be written: {error.strerror or error}",
            hint="make room on the disk and check who may write there, then try again",
        ) from error


def _write(path: Path, content: bytes, *, replace: bool) -> None:
    """Write aside, force to disk, then give it its name; FileExistsError if it may not replace."""
    with _disk_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.parent / f".{path.name}.{new_id()}"
        try:
            with aside.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if replace:
                aside.replace(path)
            else:
                os.link(aside, path)  # unlike a rename, a link never replaces
            _sync_folder(path.parent)
        finally:
            aside.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
