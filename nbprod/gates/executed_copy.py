"""The executed copy of a gate notebook: what stopped it on top, its pictures, what it told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.masking import MASKED
from nbprod.records import new_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbprod.errors import NbprodError

# papermill's own tag for cells that it adds after a failure: a notebook that is run again from
# its executed copy leaves them out.
_ADDED = "papermill-error-cell-tag"
_MOST_PICTURES = 12


def put_failure_on_top(copy: Path, error: NbprodError) -> None:
    """Begin a failed notebook's executed copy with what happened and the cell where it did."""
    if not copy.exists():
        return
    import nbformat

    node = nbformat.read(copy, as_version=4)
    added = [place for place, cell in enumerate(node.cells[:1]) if _is_added(cell)]
    for place in reversed(added):
        del node.cells[place]
    failed = next((cell for cell in node.cells if _has_error(cell)), None)
    lines = ["## ✗ This notebook stopped", "", _quoted(error.message), "", f"→ {error.hint}"]
    if failed is not None:
        lines += ["", "The cell where it stopped, with its output; the whole notebook follows."]
    top = [nbformat.v4.new_markdown_cell("\n".join(lines))]
    if failed is not None:
        top.append(nbformat.from_dict({**failed, "id": new_id()[-8:]}))
    for cell in top:
        cell.metadata = nbformat.from_dict({"tags": [_ADDED]})
    node.cells = [*top, *node.cells]
    nbformat.write(node, copy)


def pictures(copy: Path) -> Iterator[tuple[str, str]]:
    """(heading, base64 PNG) of each picture an executed notebook shows, in its order."""
    if not copy.exists():
        return
    import nbformat

    heading, found = "", 0
    for cell in nbformat.read(copy, as_version=4).cells:
        if cell.cell_type == "markdown":
            titles = [line.lstrip("# ") for line in cell.source.splitlines() if line[:1] == "#"]
            heading = titles[-1] if titles else heading
        for output in cell.get("outputs", []):
            image = output.get("data", {}).get("image/png")
            if image and found < _MOST_PICTURES:
                found += 1
                yield heading, "".join(image).replace("\n", "")


def telling_cells(copy: Path) -> tuple[str, ...]:
    """The ids of cells that showed a secret: in the kept copy it is masked.

    Told is what was printed, displayed or raised; what stands in a source is `nbprod inspect`'s.
    """
    if not copy.exists():
        return ()
    import nbformat

    cells = nbformat.read(copy, as_version=4).cells
    return tuple(str(cell.id) for cell in cells if MASKED in str(cell.get("outputs", "")))


def _has_error(cell: Any) -> bool:
    return any(output.get("output_type") == "error" for output in cell.get("outputs", []))


def _is_added(cell: Any) -> bool:
    return _ADDED in cell.metadata.get("tags", [])


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}" for line in text.splitlines())
