"""The package on disk: compared, and written so that a failure leaves the old one as it was."""

from __future__ import annotations

import contextlib
import difflib
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import ExtractionError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_ASIDE = ".nbprod-new"
_KEPT = ".nbprod-old"
_WAIT_S = 30


def on_disk(folder: Path, paths: Iterable[str]) -> dict[str, str]:
    """The files that exist, as text: path in the package -> content."""
    found: dict[str, str] = {}
    for path in paths:
        try:
            found[path] = (folder / path).read_bytes().decode("utf-8", errors="surrogateescape")
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _failed(folder / path, error) from error
    return found


def difference(
    old: Mapping[str, str],
    new: Mapping[str, str],
    package: str,
    origins: Mapping[str, Mapping[int, tuple[str, int]]] | None = None,
) -> str:
    """A unified diff of the files that differ, "" when none does.

    origins: for lines of the new files, by path and number, the cell and line they come from;
    every hunk then names the cells, where git names the function.
    """
    parts: list[str] = []
    for path in sorted({*old, *new}):
        before, after = old.get(path, ""), new.get(path, "")
        if before != after:
            lines = difflib.unified_diff(
                before.splitlines(keepends=True),
                after.splitlines(keepends=True),
                f"{package}/{path} (on disk)" if path in old else "/dev/null",
                f"{package}/{path} (from the notebook)" if path in new else "/dev/null",
            )
            parts += _with_cells(list(lines), (origins or {}).get(path, {}))
    return "".join(line if line.endswith("\n") else line + "\n" for line in parts)


def _with_cells(diff: list[str], origins: Mapping[int, tuple[str, int]]) -> list[str]:
    """The diff, each of its hunks headed by the cells behind its changed lines."""
    heads = [index for index, line in enumerate(diff) if line.startswith("@@ ")]
    for head, end in zip(heads, [*heads[1:], len(diff)], strict=True):
        first: dict[str, int] = {}
        for line in _changed_lines(diff[head:end]):
            if line in origins:
                first.setdefault(*origins[line])
        if first:
            cells = "; ".join(f"cell {cell}, line {line}" for cell, line in first.items())
            diff[head] = f"{diff[head].rstrip()} {cells}\n"
    return diff


def _changed_lines(hunk: list[str]) -> list[int]:
    """Numbers of the new lines of a hunk; for lines that are only gone, of those around them."""
    number = int(hunk[0].split("+")[1].split(" ")[0].split(",")[0])
    told: list[int] = []
    gone = False
    for line in hunk[1:]:
        if line.startswith("-"):
            gone = True
            continue
        if line.startswith("+"):
            told.append(number)
        elif gone:
            told += [number - 1, number]
        gone = False
        number += 1
    return told + ([number - 1] if gone else [])


def write_package(
    folder: Path,
    files: Mapping[str, str],
    stale: Iterable[str],
    last: str,
    seen: Mapping[str, str] | None = None,
) -> None:
    """Write files and remove stale ones; ``last`` is written after all others.

    Everything is written aside first, then renamed; when a rename fails, the old files are put
    back. seen: the files as they were when it was decided to write, path -> content; refused when
    one is another by then. StoreError when the disk does not let it.
    """
    stale = list(stale)
    order = sorted(files, key=lambda path: (path == last, path))
    try:
        with _alone_in(folder):
            try:
                for path in order:
                    _write_aside(folder / path, files[path])
                if seen is not None:
                    _refuse_changed(folder, seen, files, (*order, *stale))
                _swap(folder, order, stale)
            finally:
                for path in (last, *order, *stale):  # ``last`` first: see ``recover``
                    for suffix in (_ASIDE, _KEPT):
                        with contextlib.suppress(FileNotFoundError):
                            os.unlink(folder / (path + suffix))
    except OSError as error:
        raise _failed(Path(error.filename or folder), error) from error
    _remove_empty(folder, stale)


def recover(folder: Path, last: str) -> None:
    """Bring a package in order whose writer was killed half-way: the old module, or the new one.

    The old files lie beside the new ones from before the first rename until after the last one,
    and that of ``last`` only while all of them do: it tells which of both is whole. Nothing is
    done while somebody writes, or where the disk does not let it.
    """
    left = [item for place in ("", "tests/") for item in folder.glob(f"{place}*.nbprod-*")]
    if not left:
        return
    with contextlib.suppress(OSError, StoreError), _alone_in(folder, wait_s=0):
        if (folder / (last + _KEPT)).exists():
            kept = [item for item in left if item.name.endswith(_KEPT)]
            for item in sorted(kept, key=lambda item: item.name == last + _KEPT):
                os.replace(item, item.with_name(item.name.removesuffix(_KEPT)))
        for item in left:
            item.unlink(missing_ok=True)


@contextlib.contextmanager
def _alone_in(folder: Path, wait_s: float = _WAIT_S) -> Iterator[None]:
    """One writer of a package at a time, on this machine; ends with the process that holds it."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows: no lock on a folder
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        until = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() > until:
                    raise StoreError(
                        f"another process has been writing {folder} for {wait_s} s",
                        hint="wait for it, or end it; then run the command again",
                    ) from error
                time.sleep(0.02)
            except OSError:  # a file system without locks
                break
        yield
    finally:
        os.close(handle)


def _refuse_changed(
    folder: Path, seen: Mapping[str, str], wanted: Mapping[str, str], paths: Iterable[str]
) -> None:
    """Another writer of the very same module does no harm; any other change is somebody's."""
    paths = list(paths)
    now = on_disk(folder, paths)
    for path in paths:
        if now.get(path) not in (seen.get(path), wanted.get(path)):
            raise ExtractionError(
                f"{folder / path} was saved by somebody else meanwhile; the module is as it was",
                hint="run the command again: it reads the module as it is now",
            )


def _write_aside(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{path}{_ASIDE}", "w", encoding="utf-8", newline="") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())


def _swap(folder: Path, order: list[str], stale: list[str]) -> None:
    kept: list[str] = []
    made: list[str] = []
    try:
        for path in (*stale, *order):
            if (folder / path).exists():
                os.link(folder / path, folder / (path + _KEPT))
                kept.append(path)
        for path in order:
            os.replace(folder / (path + _ASIDE), folder / path)
            made.append(path)
        for path in stale:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(folder / path)
    except OSError:
        for path in made:
            if path not in kept:
                (folder / path).unlink(missing_ok=True)
        for path in kept:
            os.replace(folder / (path + _KEPT), folder / path)
        raise


def _remove_empty(folder: Path, stale: list[str]) -> None:
    for parent in {(folder / path).parent for path in stale} - {folder}:
        with contextlib.suppress(OSError):
            parent.rmdir()


def _failed(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path}: {error.strerror or error}",
        hint="check the folder's permissions and free space; the module is as it was",
    )
