"""Notebooks as values: read, and a cell's role set without touching anything else.

nbformat 4 is plain JSON and is read as such, so that ``set_role`` can give back every byte of
meaning it found; older notebooks are upgraded by nbformat, text notebooks are jupytext's.
"""

from __future__ import annotations

import codecs
import json
import os
import shutil
import tempfile
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from nbprod.errors import ConfigError, MissingNotebookError, NotebookError, StoreError
from nbprod.imports import leave_out_slow_imports
from nbprod.notebook.tags import with_role
from nbprod.records import canonical_json, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

# What jupytext reads; anything else is taken for an .ipynb.
TEXT_SUFFIXES = frozenset({".py", ".md", ".markdown", ".rmd", ".qmd"})


@dataclass(frozen=True)
class Cell:
    """One cell; ``cell_id`` is unique in its notebook and the same on every reading."""

    cell_id: str
    index: int  # 0-based position
    kind: str  # code | markdown | raw
    source: str  # lines end in \n
    tags: tuple[str, ...] = ()
    execution_count: int | None = None
    raised: bool = False  # its last run ended in an error


@dataclass(frozen=True)
class Document:
    """A notebook's cells; ``digest`` covers ids, kinds, sources and tags, never outputs."""

    path: Path
    cells: tuple[Cell, ...]
    digest: str

    @property
    def code_cells(self) -> tuple[Cell, ...]:
        """The cells that hold code, in order."""
        return tuple(cell for cell in self.cells if cell.kind == "code")

    def cell(self, which: str | int) -> Cell:
        """A cell by its id or by its 1-based number among all cells; ConfigError if none."""
        return self.cells[_position([cell.cell_id for cell in self.cells], which, self.path)]

    def with_sources(self, sources: Mapping[str, str]) -> Document:
        """The same notebook, other sources in the cells of these ids; nothing is written."""
        cells = tuple(
            replace(cell, source=sources.get(cell.cell_id, cell.source)) for cell in self.cells
        )
        return Document(path=self.path, cells=cells, digest=_digest(cells))


def read_notebook(path: str | Path) -> Document:
    """The notebook at ``path``: .ipynb, or a text format that jupytext reads.

    Cells without an id, and all of a text notebook, are called ``cell-<number>``; a repeated id
    gets ``-2``, ``-3``… NotebookError: no such file, not a notebook, not Python.
    """
    path = Path(path)
    content = _content(path, _read_text(path))
    _check_language(content, path)
    return document_of(path, content["cells"])


def document_of(path: str | Path, raw: Sequence[Mapping[str, Any]]) -> Document:
    """A notebook from its cells in nbformat's shape, as an editor holds them before they are saved.

    path: where the notebook is, or will be; it is not read.
    """
    path = Path(path)
    ids = _unique_ids(cell.get("id") for cell in raw)
    cells = tuple(
        Cell(
            cell_id=cell_id,
            index=index,
            kind=str(cell.get("cell_type", "raw")),
            source=_joined(cell.get("source", "")),
            tags=_tags(cell),
            execution_count=_count(cell),
            raised=_raised(cell),
        )
        for index, (cell_id, cell) in enumerate(zip(ids, raw, strict=True))
    )
    return Document(path=path, cells=cells, digest=_digest(cells))


def _digest(cells: Iterable[Cell]) -> str:
    told = [[cell.cell_id, cell.kind, cell.source, list(cell.tags)] for cell in cells]
    return sha256(canonical_json(told))


def set_role(path: str | Path, cell: str | int, role: str) -> Document:
    """Give a cell, named by id or 1-based number, a role ("" or "none": no role), and read again.

    The file is written aside and renamed; outputs, other metadata and key order stay as they
    were. ConfigError for an unknown cell or role, StoreError for a file that cannot be written.
    """
    return set_roles(path, {cell: role})


def set_roles(path: str | Path, roles: Mapping[str | int, str] | Mapping[str, str]) -> Document:
    """Give several cells their roles in one write: {id or 1-based number: role}."""
    path = Path(path)
    text = _read_text(path)
    content = _content(path, text)
    raw = content["cells"]
    ids = _unique_ids(item.get("id") for item in raw)
    changed = False
    for cell, role in roles.items():
        item = raw[_position(ids, cell, path)]
        old = _tags(item)
        new = with_role(old, role)
        if new == old:
            continue
        changed = True
        metadata = item.setdefault("metadata", {})
        if new:
            metadata["tags"] = list(new)
        else:
            metadata.pop("tags", None)
    if changed:
        _replace(path, _rendered(path, text, content))
    return read_notebook(path)


def file_digest(path: str | Path) -> str:
    """SHA-256 of the notebook's bytes on disk, outputs and all; NotebookError if unreadable."""
    path = Path(path)
    _read_text(path)
    return sha256(path.read_bytes())


def set_sources(path: str | Path, sources: Mapping[str, str], *, digest: str) -> Document:
    """Give cells, named by id, another source, and read again; everything else stays.

    digest: the file's when its cells were read (``file_digest``). NotebookError, with nothing
    written, when the file on disk is another one by now: somebody saved it meanwhile.
    """
    path = Path(path)
    text = _read_text(path)
    _refuse_changed(path, digest)
    content = _content(path, text)
    raw = content["cells"]
    ids = _unique_ids(item.get("id") for item in raw)
    for cell_id, new in sources.items():
        item = raw[_position(ids, cell_id, path)]
        old = item.get("source", "")
        item["source"] = new
        if "\r\n" in (old if isinstance(old, str) else "".join(old)):
            item["source"] = item["source"].replace("\n", "\r\n")
        if not isinstance(old, str):
            item["source"] = item["source"].splitlines(keepends=True)
    rendered = _rendered(path, text, content)
    told = [_joined(item.get("source", "")) for item in _content(path, rendered)["cells"]]
    if told != [_joined(item.get("source", "")) for item in raw]:
        raise NotebookError(
            f"{path} cannot hold these cells: its text would be read as others",
            hint="make the edit in the notebook itself",
            notebook=str(path),
        )
    _replace(path, rendered, digest=digest)
    return read_notebook(path)


def _refuse_changed(path: Path, digest: str) -> None:
    if sha256(path.read_bytes()) != digest:
        raise NotebookError(
            f"{path} was saved by somebody else meanwhile; nothing was written",
            hint="run the command again: it reads the notebook as it is now",
            notebook=str(path),
        )


def _read_text(path: Path) -> str:
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


def _content(path: Path, text: str) -> dict[str, Any]:
    if path.suffix.lower() in TEXT_SUFFIXES:
        return _text_content(path, text)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        ended = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated")
        cut = "is cut off" if ended else "is not valid JSON"
        raise NotebookError(
            f"{path} {cut} at line {error.lineno}: {error.msg}"
            if text.strip()
            else f"{path} is empty",
            hint="restore the notebook from version control or from .ipynb_checkpoints",
            notebook=str(path),
        ) from error
    if not isinstance(content, dict) or not {"cells", "worksheets"} & set(content):
        raise NotebookError(
            f"{path} is JSON, but not a notebook",
            hint="a notebook is a JSON object with a list of cells; give an .ipynb file",
            notebook=str(path),
        )
    version = content.get("nbformat", 4)
    if "cells" not in content or (isinstance(version, int) and version < 4):
        content = _upgraded(path, text)
    if told := _misshapen(content):
        raise NotebookError(
            f"{path} is not a notebook: {told}",
            hint="restore the notebook from version control or from .ipynb_checkpoints",
            notebook=str(path),
        )
    return cast("dict[str, Any]", content)


def _misshapen(content: Mapping[str, Any]) -> str:
    """What is not as nbformat has it, of the parts that are read here; "" when all is."""
    cells = content["cells"]
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        return "its cells are not a list of objects"
    for number, cell in enumerate(cells, start=1):
        source = cell.get("source", "")
        if not isinstance(source, str) and not (
            isinstance(source, list) and all(isinstance(line, str) for line in source)
        ):
            return f"the source of its cell {number} is not text"
    metadata = [content.get("metadata"), *(cell.get("metadata") for cell in cells)]
    if not all(isinstance(item, dict | None) for item in metadata):
        return "metadata is not an object"
    kernel = [(metadata[0] or {}).get(name) for name in ("kernelspec", "language_info")]
    if not all(isinstance(item, dict | None) for item in kernel):
        return "its kernelspec or language_info is not an object"
    return ""


def _upgraded(path: Path, text: str) -> dict[str, Any]:
    """An older notebook as nbformat 4, without the random ids that the upgrade would give."""
    leave_out_slow_imports()
    import nbformat

    try:
        content: dict[str, Any] = nbformat.reads(text, as_version=4)
    except Exception as error:  # whatever an unreadable file makes nbformat raise
        raise NotebookError(
            f"{path} is not a notebook that nbformat understands: {error}",
            hint="open it in Jupyter and save it again",
            notebook=str(path),
        ) from error
    for cell in content["cells"]:
        cell.pop("id", None)
    return content


def _text_content(path: Path, text: str) -> dict[str, Any]:
    leave_out_slow_imports()
    import jupytext

    try:
        with warnings.catch_warnings():
            # ids that nbformat draws may be alike, once in a million notebooks: they are not kept
            warnings.filterwarnings("ignore", "Non-unique cell id")
            content: dict[str, Any] = jupytext.reads(text, fmt={"extension": path.suffix})
    except Exception as error:  # whatever an unreadable file makes jupytext raise
        raise NotebookError(
            f"{path} is not a notebook that jupytext understands: {error}",
            hint="jupytext --test says where; or give an .ipynb file",
            notebook=str(path),
        ) from error
    for cell in content["cells"]:
        cell.pop("id", None)  # jupytext draws new ones at every reading
    return content


def _check_language(content: Mapping[str, Any], path: Path) -> None:
    metadata = content.get("metadata") or {}
    language = (metadata.get("kernelspec") or {}).get("language") or (
        metadata.get("language_info") or {}
    ).get("name", "python")
    if str(language).lower() not in ("python", "ipython", "python3"):
        raise NotebookError(
            f"{path} is a notebook in {language}, not in Python",
            hint="nbprod carries Python notebooks into production",
            notebook=str(path),
        )


def _unique_ids(ids: Iterable[Any]) -> list[str]:
    """An id for every cell: its own, its number where it has none, a suffix where it repeats."""
    told = [item if isinstance(item, str) and item else None for item in ids]
    taken = {item for item in told if item}
    seen: set[str] = set()
    unique: list[str] = []
    for number, item in enumerate(told, start=1):
        name = base = item or f"cell-{number}"
        count = 1
        while name in seen or (name != item and name in taken):
            count += 1
            name = f"{base}-{count}"
        seen.add(name)
        unique.append(name)
    return unique


def _position(ids: list[str], which: str | int, path: Path) -> int:
    if str(which) in ids:
        return ids.index(str(which))
    if str(which).isdecimal() and 1 <= int(which) <= len(ids):
        return int(which) - 1
    raise ConfigError(
        f"{path} has no cell {which!r}",
        hint=f"name a cell by its id or by its number, 1 to {len(ids)};"
        " `nbprod inspect` lists them",
    )


def _count(cell: Mapping[str, Any]) -> int | None:
    count = cell.get("execution_count")
    return count if isinstance(count, int) else None


def _raised(cell: Mapping[str, Any]) -> bool:
    outputs = cell.get("outputs")
    return isinstance(outputs, list) and any(
        isinstance(item, dict) and item.get("output_type") == "error" for item in outputs
    )


def _joined(source: Any) -> str:
    text = source if isinstance(source, str) else "".join(source)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _tags(cell: Mapping[str, Any]) -> tuple[str, ...]:
    tags = (cell.get("metadata") or {}).get("tags") or ()
    return tuple(map(str, tags)) if isinstance(tags, list | tuple) else ()


def _rendered(path: Path, text: str, content: dict[str, Any]) -> str:
    if path.suffix.lower() in TEXT_SUFFIXES:
        import jupytext

        # A text without cell metadata is read with "keep none"; tags must be kept now.
        metadata = content["metadata"].setdefault("jupytext", {})
        if metadata.get("cell_metadata_filter") == "-all":
            metadata["cell_metadata_filter"] = "tags,-all"
        return str(jupytext.writes(content, fmt={"extension": path.suffix}))
    second = text.split("\n", 2)[1] if "\n" in text else ""
    indent = len(second) - len(second.lstrip()) or None
    end = "\n" if text.endswith("\n") else ""
    return json.dumps(content, ensure_ascii=False, indent=indent) + end


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be written: {error.strerror or error}",
        hint="check the folder's permissions and free space; the notebook is as it was",
    )


def _replace(path: Path, text: str, *, digest: str = "") -> None:
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
            _refuse_changed(path, digest)
        os.replace(aside, target)
    except NotebookError:
        Path(aside).unlink(missing_ok=True)
        raise
    except OSError as error:
        Path(aside).unlink(missing_ok=True)
        raise _unwritable(path, error) from error
