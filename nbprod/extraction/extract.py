"""Notebook to module, and what differs from the one on disk: read, compare, write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExtractionError
from nbprod.extraction.neighbours import neighbours
from nbprod.extraction.provenance import MANIFEST, edited_files, origins_of, read_manifest
from nbprod.extraction.remembering import keep, key_of, remembered
from nbprod.extraction.rules import finding
from nbprod.extraction.writing import difference, on_disk, recover, write_package
from nbprod.notebook.document import read_notebook
from nbprod.records import Extraction, sha256

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.remembering import Module
    from nbprod.notebook.document import Document
    from nbprod.records import Finding


def extract(
    notebook_path: str | Path,
    package_path: str | Path,
    *,
    label: str = "",
    time: str = "",  # noqa: ARG001 - part of the verb; no rule needs the time column yet
    check: bool = False,
    force: bool = False,
    project_path: str | Path,
    cache_path: Path | None = None,
) -> Extraction:
    """Write the module that a notebook's tagged cells make to ``package_path``.

    label: the label column. check: write nothing; ``changed`` and ``diff`` tell what differs.
    force: overwrite files edited by hand; without it they are an error finding (NBX014) with the
    difference, and nothing is written. cache_path: a folder to keep modules in for the next
    process, which has little to do then where no cell has changed. Raises NotebookError for what
    is not a notebook and ExtractionError, with cell and line, for what cannot become a module.
    """
    package_path, project_path = Path(package_path), Path(project_path)
    document = read_notebook(notebook_path)
    notebook = _relative(document.path, project_path)
    module = _module(document, notebook, package_path.name, label, cache_path)
    disk = compare_on_disk(package_path, module, force=force)
    findings = list(module.findings)
    if disk.edited:
        findings.insert(0, _edited_finding(package_path.name, disk.edited))
    elif disk.changed and not check:
        files = {path: disk.new[path] for path in disk.changed if path in disk.new}
        write_package(package_path, files, disk.stale, last=MANIFEST, seen=disk.present)
    differs = disk.edited or (disk.changed if check else ())
    return Extraction(
        notebook=notebook,
        package=package_path.name,
        version=module.version,
        files={path: sha256(text) for path, text in sorted(module.files.items())},
        cells=module.cells,
        entry_points=module.entry_points,
        changed=disk.changed if check or not disk.edited else (),
        diff=difference_of(disk, module, package_path.name, differs),
        findings=tuple(findings),
        inputs={notebook: document.digest},
    )


def _module(
    document: Document, notebook: str, package: str, label: str, cache_path: Path | None
) -> Module:
    """The module of a notebook: as it is kept, or made."""
    key = ""
    if cache_path is not None:
        beside = sorted(neighbours(document.path) - {package})  # it lies there from now on
        key = key_of(document.digest, notebook, package, label, beside)
        if (kept := remembered(cache_path, key)) is not None:
            return kept
    # imported now: libcst and all that makes a module take longer than the rest of a process
    from nbprod.extraction.module import make_module

    try:
        module = make_module(document, notebook=notebook, label=label, package=package)
    except ExtractionError as error:
        if error.notebook is None:
            error.notebook = error.details["notebook"] = notebook
        raise
    if cache_path is not None:
        keep(cache_path, key, module)
    return module


@dataclass(frozen=True)
class Disk:
    """A module and what lies where it should go: path in the package -> text."""

    new: dict[str, str]
    present: dict[str, str]
    changed: tuple[str, ...]  # files to write or remove
    stale: tuple[str, ...]  # files to remove: of an older extraction
    edited: tuple[str, ...]  # files that a person wrote or edited, and that would change


def compare_on_disk(package_path: Path, module: Module, *, force: bool = False) -> Disk:
    """What writing the module would change; with force, nothing counts as edited."""
    recover(package_path, MANIFEST)
    try:
        manifest = read_manifest(package_path)
    except ExtractionError:
        if not force:
            raise
        manifest = None
    new = {**module.files, MANIFEST: module.manifest}
    known = set(manifest["files"]) if manifest else set()
    present = on_disk(package_path, {*new, *known})
    stale = sorted((known - set(module.files)) & set(present))
    changed = sorted([path for path in new if present.get(path) != new[path]] + stale)
    edited = [] if force else _edited_by_hand(package_path, manifest, present, module.files)
    return Disk(new, present, tuple(changed), tuple(stale), tuple(edited))


def difference_of(disk: Disk, module: Module, package: str, paths: Iterable[str]) -> str:
    """The diff of files that differ, each hunk with its cells; the manifest only by itself."""
    differs = list(paths)
    shown = [path for path in differs if path != MANIFEST] or differs
    return difference(
        {path: disk.present[path] for path in shown if path in disk.present},
        {path: disk.new[path] for path in shown if path in disk.new},
        package,
        _origins(module) if shown else {},
    )


def _edited_by_hand(
    package_path: Path,
    manifest: dict[str, Any] | None,
    present: dict[str, str],
    files: dict[str, str],
) -> list[str]:
    """Files on disk that extraction did not write, and would change."""
    if manifest is not None:
        edited = [path for path in edited_files(package_path, manifest) if path in present]
        known = set(manifest["files"])
    else:
        edited, known = [], set()
    strangers = [path for path in files if path in present and path not in known]
    return sorted(
        path
        for path in (*edited, *strangers)
        if present[path].strip() and present[path] != files.get(path)
    )


def _origins(module: Module) -> dict[str, dict[int, tuple[str, int]]]:
    runs: dict[str, list[list[Any]]] = json.loads(module.manifest)["lines"]
    return {path: origins_of(lines) for path, lines in runs.items()}


def _edited_finding(package: str, edited: tuple[str, ...]) -> Finding:
    return finding(
        "NBX014",
        f"edited by hand since it was extracted: {', '.join(f'{package}/{p}' for p in edited)}",
        hint="`nbprod sync` brings the edit into its cell; `nbprod extract --force` drops it",
    )


def _relative(path: Path, project_path: Path) -> str:
    try:
        return path.resolve().relative_to(project_path.resolve()).as_posix()
    except ValueError:
        return path.name
