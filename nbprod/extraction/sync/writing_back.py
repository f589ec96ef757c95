"""Module to notebook: what a person edited goes into the cell it came from, or nothing does."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.extraction.provenance import MANIFEST
from nbprod.extraction.sync import telling
from nbprod.extraction.sync.sides import Sides
from nbprod.extraction.sync.solving import Problem
from nbprod.extraction.writing import on_disk, write_package
from nbprod.notebook.edits import set_sources
from nbprod.records import Sync

if TYPE_CHECKING:
    from nbprod.extraction.remembering import Module
    from nbprod.notebook.document import Document


def write_back(
    notebook_path: str | Path,
    package_path: str | Path,
    *,
    label: str,
    check: bool,
    project_path: str | Path,
) -> Sync:
    """See `nbprod.extraction.sync`."""
    path, package = Path(notebook_path), Path(package_path)
    sides = Sides(path, package, _relative(path, Path(project_path)), label)
    if not sides.edited:
        return _record(sides, passed=True)
    sides.merge()
    if sides.findings:
        return _record(sides, passed=False, findings=tuple(sides.findings))
    problem = Problem(sides.document, sides.notebook, package.name, label, sides.now, sides.wanted)
    attempt = problem.solve()
    if attempt.failed and (other := problem.with_names_renamed()) is not None:
        again = other.solve()
        if not again.failed:
            problem, attempt = other, again
            attempt.sources = _against(sides.document, other.document, again.sources)
    if attempt.module is None or attempt.failed:
        return _record(sides, passed=False, findings=tuple(telling.refused(problem, attempt)))
    changed = _changed(sides, attempt.module)
    if not check:
        _write(sides, attempt.sources, attempt.module, changed)
    return _record(
        sides,
        passed=True,
        version=attempt.module.version,
        cells={
            cell.cell_id: _difference(cell.source, attempt.sources[cell.cell_id], cell.cell_id)
            for cell in sides.document.cells
            if cell.cell_id in attempt.sources
        },
        changed=changed,
        written=not check,
        findings=(
            *telling.placed(problem, attempt),
            *telling.relaid(package.name, attempt.differences),
            *telling.endings(package.name, {path: sides.present[path] for path in sides.edited}),
        ),
    )


def _record(sides: Sides, **values: Any) -> Sync:
    return Sync(
        notebook=sides.notebook,
        package=sides.package.name,
        edited=sides.edited,
        inputs={sides.notebook: sides.document.digest},
        **values,
    )


def _changed(sides: Sides, module: Module) -> tuple[str, ...]:
    """Files of the module that are not on disk as they will be."""
    new = {**module.files, MANIFEST: module.manifest}
    stale = set(sides.manifest["files"]) - set(new)
    return tuple(
        sorted(
            [path for path in new if sides.present.get(path) != new[path]]
            + [path for path in stale if path in sides.present]
        )
    )


def _write(sides: Sides, sources: dict[str, str], module: Module, changed: tuple[str, ...]) -> None:
    """Write the notebook, then the module; each only if it is as it was read."""
    new = {**module.files, MANIFEST: module.manifest}
    files = {path: new[path] for path in changed if path in new}
    stale = [path for path in changed if path not in new]
    if on_disk(sides.package, sides.present) == sides.present and sources:
        set_sources(sides.path, sources, digest=sides.digest)
    write_package(sides.package, files, stale, last=MANIFEST, seen=sides.present)


def _against(document: Document, renamed: Document, sources: dict[str, str]) -> dict[str, str]:
    """The cells that are other than in a document, where they were renamed and then edited."""
    return {
        cell.cell_id: source
        for cell, other in zip(document.cells, renamed.cells, strict=True)
        if (source := sources.get(cell.cell_id, other.source)) != cell.source
    }


def _difference(old: str, new: str, cell_id: str) -> str:
    name = f"cell {cell_id}"
    lines = difflib.unified_diff(
        old.split("\n"), new.split("\n"), f"{name} (notebook)", f"{name} (synced)", lineterm=""
    )
    return "\n".join(lines) + "\n"


def _relative(path: Path, project_path: Path) -> str:
    try:
        return path.resolve().relative_to(project_path.resolve()).as_posix()
    except ValueError:
        return path.name
