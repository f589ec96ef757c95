"""The module that a notebook would become as it is edited now, beside what lies on disk."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nbprod.errors import ExtractionError
from nbprod.extraction.extract import compare_on_disk, difference_of
from nbprod.extraction.module import make_module
from nbprod.extraction.rules import RULES, finding
from nbprod.records import LineRun, Preview, PreviewFile

if TYPE_CHECKING:
    from pathlib import Path

    from nbprod.notebook.document import Document
    from nbprod.records import Finding


def preview_module(
    document: Document, package_path: Path, *, notebook: str, label: str = ""
) -> Preview:
    """See `Preview`; what cannot become a module is a finding, and nothing is written.

    notebook: its path in the project, as headers name it.
    """
    name = package_path.name
    try:
        module = make_module(document, notebook=notebook, label=label, package=name)
        disk = compare_on_disk(package_path, module)
    except ExtractionError as error:
        return Preview(package=name, findings=(_refusal(error),))
    runs = json.loads(module.manifest)["lines"]
    files = tuple(
        PreviewFile(
            path=path,
            text=text,
            lines=tuple(
                LineRun(line=first, cell_id=cell, cell_line=start, count=count)
                for first, cell, start, count in runs.get(path, ())
            ),
            changed=path in disk.changed,
            edited=path in disk.edited,
        )
        for path, text in sorted(module.files.items())
    )
    return Preview(
        package=name,
        version=module.version,
        files=files,
        removed=disk.stale,
        entry_points=module.entry_points,
        diff=difference_of(disk, module, name, disk.changed),
        findings=module.findings,
    )


def _refusal(error: ExtractionError) -> Finding:
    code = str(error.details.get("code") or "NBX023")
    return finding(
        code if code in RULES else "NBX023",
        error.message,
        hint=error.hint,
        cell_id=error.cell_id,
        line=error.line,
        severity="error",
    )
