"""A notebook's module as a value: select, assemble, render. Nothing is written here."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from nbprod.extraction.assembly import assemble
from nbprod.extraction.definitions import define
from nbprod.extraction.neighbours import neighbours, neighbours_imported
from nbprod.extraction.placement import place
from nbprod.extraction.provenance import FORMAT, code_version, line_runs, packed
from nbprod.extraction.remembering import Module
from nbprod.extraction.rendering import Renderer
from nbprod.extraction.requirements import requirements
from nbprod.extraction.selection import STAYS, select
from nbprod.notebook.tags import role_of
from nbprod.records import canonical_json, sha256

if TYPE_CHECKING:
    from nbprod.extraction.layout import File
    from nbprod.notebook.document import Document

_encoded = json.JSONEncoder(ensure_ascii=False).encode


def make_module(document: Document, *, notebook: str, package: str, label: str) -> Module:
    """The module that a notebook's tagged cells make; nothing is written.

    notebook: its path in the project, for headers. ExtractionError as in ``extract``. The last
    few are remembered: a notebook whose cells have not changed is not read again.
    """
    beside = neighbours(document.path)
    key = (document.digest, notebook, package, label, beside)
    if key not in _MADE:
        _MADE[key] = _made(document, notebook, package, label, beside)
        while len(_MADE) > _MOST_REMEMBERED:
            _MADE.pop(next(iter(_MADE)))
    return _MADE[key]


# What extraction makes depends on these alone: the cells' digest, the names, the label, and the
# names of the files beside the notebook.
_MADE: dict[tuple[str, str, str, str, frozenset[str]], Module] = {}
_MOST_REMEMBERED = 8


def _made(
    document: Document, notebook: str, package: str, label: str, beside: frozenset[str]
) -> Module:
    selection = select(document)
    definitions = define(selection)
    near = neighbours_imported(selection, definitions, beside)
    work = assemble(selection, definitions, label)
    assembly = work.result
    placement = place(definitions, assembly, work.program)
    renderer = Renderer(work, placement, notebook)
    files = renderer.files()
    texts = {file.path: file.text for file in files}
    trees = {file.path: file.tree for file in files}
    version = code_version(trees)
    points = tuple(f"{entry.shape.file}.{entry.shape.name}" for entry in assembly.entries.values())
    points = tuple(sorted({*points, "features.fit"}))
    used = {cell for file in files for cell in file.cells}
    cells = tuple(cell.cell_id for cell in document.cells if cell.cell_id in used)
    return Module(
        files=texts,
        manifest=_manifest(
            document, notebook, package, version, files, points, requirements(trees, beside)
        ),
        version=version,
        entry_points=points,
        cells=cells,
        findings=(
            *selection.findings,
            *near,
            *assembly.findings,
            *placement.findings,
            *renderer.findings,
        ),
    )


def _manifest(
    document: Document,
    notebook: str,
    package: str,
    version: str,
    files: list[File],
    entry_points: tuple[str, ...],
    required: dict[str, list[str]],
) -> str:
    tagged = {
        cell.cell_id: {"role": role, "source": cell.source}
        for cell in document.code_cells
        if (role := role_of(cell.tags)) not in STAYS
    }
    sources = {cell: told["source"] for cell, told in tagged.items()}
    lines = {file.path: line_runs(file.lines) for file in files if file.lines}
    digests = {file.path: sha256(file.text) for file in sorted(files, key=lambda f: f.path)}
    content: dict[str, Any] = {
        "format": FORMAT,
        "notebook": notebook,
        "package": package,
        "version": version,  # digest of the code that runs
        "digest": sha256(canonical_json(digests)),  # of every byte
        "files": digests,
        "requirements": required,
        "cells": tagged,
        "entry_points": list(entry_points),
        # file -> [first line of the file, cell id, line of the cell, how many lines]
        "lines": lines,
        # file -> its text, so that `sync` can tell what a person edited
        "base": {
            file.path: packed(file.text, lines.get(file.path, []), sources)
            for file in sorted(files, key=lambda f: f.path)
        },
    }
    return _laid_out(content)


def _laid_out(content: dict[str, Any]) -> str:
    """JSON with a line for each cell and each file: a diff shows which of them changed."""
    parts = []
    for name, value in content.items():
        if isinstance(value, dict) and value:
            entries = (f"  {_encoded(key)}: {_encoded(entry)}" for key, entry in value.items())
            told = "{\n" + ",\n".join(entries) + "\n }"
        else:
            told = _encoded(value)
        parts.append(f" {_encoded(name)}: {told}")
    return "{\n" + ",\n".join(parts) + "\n}\n"
