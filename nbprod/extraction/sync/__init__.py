"""Hand edits of the generated module, brought back into the notebook's cells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.records import Sync


def sync(
    notebook_path: str | Path,
    package_path: str | Path,
    *,
    label: str = "",
    check: bool = False,
    project_path: str | Path,
) -> Sync:
    """Bring hand edits of the module at ``package_path`` back into the notebook's cells.

    Three-way: the module as it was extracted is the base, so the notebook may have changed too.
    Every edit is proven: extraction gives the edited module back, or nothing is written and the
    findings say which line cannot go back. check: write nothing in any case.

    label: the label column. Raises NotebookError for what is not a notebook, or was saved by
    somebody else meanwhile, NotFoundError where there is no module, and ExtractionError where the
    notebook cannot become one.
    """
    # imported now: whoever only extracts an unchanged notebook needs none of it
    from nbprod.extraction.sync.writing_back import write_back

    return write_back(
        notebook_path, package_path, label=label, check=check, project_path=project_path
    )


__all__ = ["sync"]
