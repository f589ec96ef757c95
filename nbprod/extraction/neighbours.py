"""Files beside the notebook that its cells import: a module does not take them along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.extraction.rules import finding

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.selection import Selection
    from nbprod.records import Finding

_PROJECT = "nbprod.toml"
_MOST_FOLDERS = 4


def neighbours(notebook: Path) -> frozenset[str]:
    """Modules that lie in the notebook's folder, or above it as far as the project's folder."""
    found: set[str] = set()
    folder = notebook.resolve().parent
    above = [folder, *folder.parents][:_MOST_FOLDERS]
    project = next((place for place in above if (place / _PROJECT).exists()), folder)
    for place in above[: above.index(project) + 1]:
        found |= {item.stem for item in place.glob("*.py")}
        found |= {item.parent.name for item in place.glob("*/__init__.py")}
    return frozenset(found)


def neighbours_imported(
    selection: Selection, definitions: Definitions, modules: Iterable[str]
) -> list[Finding]:
    """A finding for each module beside the notebook that tagged cells need."""
    beside = set(modules)
    pieces = [*selection.pieces, *selection.tests, *dict.fromkeys(definitions.pieces.values())]
    needed = {name for piece in pieces for name in piece.names.needs}
    told: dict[str, Finding] = {}
    for name in sorted(needed & selection.imports.keys()):
        for item in selection.imports[name]:
            top = item.module.partition(".")[0]
            if top in beside and top not in told:
                told[top] = finding(
                    "NBX034",
                    f"{top} lies beside the notebook: the module imports it, and takes it nowhere",
                    hint="move what is used of it into a lib cell, or install it as a package",
                    cell_id=item.cell_id,
                )
    return list(told.values())
