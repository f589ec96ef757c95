"""A notebook's cells given other roles or sources; everything else in its file stays as it was."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import NotebookError
from nbprod.notebook.document import position_of, read_notebook, source_of, tags_of, unique_ids
from nbprod.notebook.files import read_text, refuse_changed, replace_text
from nbprod.notebook.formats import content_of, rendered
from nbprod.notebook.tags import with_role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.notebook.document import Document


def set_role(path: str | Path, cell: str | int, role: str) -> Document:
    """Give a cell, named by id or 1-based number, a role ("" or "none": no role), and read again.

    The file is written aside and renamed; outputs, other metadata and key order stay as they
    were. ConfigError for an unknown cell or role, StoreError for a file that cannot be written.
    """
    return set_roles(path, {cell: role})


def set_roles(path: str | Path, roles: Mapping[str | int, str] | Mapping[str, str]) -> Document:
    """Give several cells their roles in one write: {id or 1-based number: role}."""
    path = Path(path)
    text = read_text(path)
    content = content_of(path, text)
    raw = content["cells"]
    ids = unique_ids(item.get("id") for item in raw)
    changed = False
    for cell, role in roles.items():
        item = raw[position_of(ids, cell, path)]
        old = tags_of(item)
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
        replace_text(path, rendered(path, text, content))
    return read_notebook(path)


def set_sources(path: str | Path, sources: Mapping[str, str], *, digest: str) -> Document:
    """Give cells, named by id, another source, and read again; everything else stays.

    digest: the file's when its cells were read (``file_digest``). NotebookError, with nothing
    written, when the file on disk is another one by now: somebody saved it meanwhile.
    """
    path = Path(path)
    text = read_text(path)
    refuse_changed(path, digest)
    content = content_of(path, text)
    raw = content["cells"]
    ids = unique_ids(item.get("id") for item in raw)
    for cell_id, new in sources.items():
        item = raw[position_of(ids, cell_id, path)]
        old = item.get("source", "")
        item["source"] = new
        if "\r\n" in (old if isinstance(old, str) else "".join(old)):
            item["source"] = item["source"].replace("\n", "\r\n")
        if not isinstance(old, str):
            item["source"] = item["source"].splitlines(keepends=True)
    changed = rendered(path, text, content)
    told = [source_of(item) for item in content_of(path, changed)["cells"]]
    if told != [source_of(item) for item in raw]:
        raise NotebookError(
            f"{path} cannot hold these cells: its text would be read as others",
            hint="make the edit in the notebook itself",
            notebook=str(path),
        )
    replace_text(path, changed, digest=digest)
    return read_notebook(path)
