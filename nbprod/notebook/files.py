"""A notebook's file as text: read whole, replaced whole, never over somebody's later save."""

from __future__ import annotations

import codecs
import os
import shutil
import tempfile
from pathlib import Path

from nbprod.errors import MissingNotebookError, NotebookError, StoreError
from nbprod.records import sha256


def file_digest(path: str | Path) -> str:
    """SHA-256 of the notebook's bytes on disk, outputs and all; NotebookError if unreadable."""
    path = Path(path)
    read_text(path)
    return sha256(path.read_bytes())


def read_text(path: Path) -> str:
    """A notebook's text without a byte order mark; NotebookError when there is none to read."""
    try:
        return path.read_text(encoding="utf-8-sig")  # some editors write a byte order mark
    except FileNotFoundError as error:
        raise MissingNotebookError(
            f"there is no notebook {path}",
            hint="check the path, or [notebooks] train in nbprod.toml",
            notebook=str(path),
        ) from error
    except UnicodeDecodeError as error:
        raise NotebookError(
            f"{path} is not a notebook: it is not UTF-8 text",
            hint="give an .ipynb file, or a text notebook that jupytext reads",
            notebook=str(path),
        ) from error
    except OSError as error:
        raise NotebookError(
            f"{path} cannot be read: {error.strerror or error}",
            hint="give the path of a notebook file that you may read",
            notebook=str(path),
        ) from error


def refuse_changed(path: Path, digest: str) -> None:
    """NotebookError when the file is not the one of this digest any more."""
    if sha256(path.read_bytes()) != digest:
        raise NotebookError(
            f"{path} was saved by somebody else meanwhile; nothing was written",
            hint="run the command again: it reads the notebook as it is now",
            notebook=str(path),
        )


def replace_text(path: Path, text: str, *, digest: str = "") -> None:
    """Write aside and rename, so that a reader sees the old file or the new one.

    Line endings and byte order mark stay the file's. digest: refuse when the file has another
    one by then.
    """
    target = path.resolve()
    with open(target, "rb") as old:
        first = old.readline()
    if first.endswith(b"\r\n"):
        text = text.replace("\n", "\r\n")
    if first.startswith(codecs.BOM_UTF8):
        text = "\ufeff" + text
    try:
        handle, aside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        shutil.copymode(target, aside)
        if digest:
            refuse_changed(path, digest)
        os.replace(aside, target)
    except NotebookError:
        Path(aside).unlink(missing_ok=True)
        raise
    except OSError as error:
        Path(aside).unlink(missing_ok=True)
        raise _unwritable(path, error) from error


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be written: {error.strerror or error}",
        hint="check the folder's permissions and free space; the notebook is as it was",
    )
