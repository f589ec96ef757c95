"""What a notebook holds, and what stands between it and a module: cells, flow, findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.errors import ExtractionError
from nbprod.extraction.assembly import assemble
from nbprod.extraction.checks import check_cells
from nbprod.extraction.definitions import define
from nbprod.extraction.label_proposal import propose_label
from nbprod.extraction.neighbours import neighbours, neighbours_imported
from nbprod.extraction.placement import place
from nbprod.extraction.resolution import Resolver
from nbprod.extraction.rules import RULES, finding
from nbprod.extraction.selection import STAYS, select
from nbprod.notebook.document import read_notebook
from nbprod.notebook.graph import flow, read_code
from nbprod.notebook.stars import star_imports
from nbprod.notebook.tags import role_of
from nbprod.records import CellSummary, Inspection

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.selection import Selection
    from nbprod.notebook.document import Cell, Document
    from nbprod.notebook.graph import CellCode, Code
    from nbprod.records import Finding


def inspect_notebook(path: str | Path, *, label: str = "") -> Inspection:
    """Look at a notebook without running it: roles, data flow between cells, findings.

    label: the label column; without it, what the notebook fits its model on. NotebookError for
    what is not a notebook; all that is wrong with its content is a finding.
    """
    return inspect_document(read_notebook(path), label=label)


def inspect_document(document: Document, *, label: str = "") -> Inspection:
    """Look at a notebook that was read already, or is being edited; see `inspect_notebook`."""
    path = document.path
    code = read_code(document)
    by_id = {item.cell.cell_id: item for item in code.cells}
    stars = star_imports(code.cells, document.path.parent)
    findings = check_cells(document, code.cells, stars)
    findings += _module_findings(document, code, label or propose_label(document), findings)
    return Inspection(
        notebook=str(path),
        cells=tuple(_summary(cell, by_id.get(cell.cell_id)) for cell in document.cells),
        flow=flow(code.cells),
        findings=tuple(sorted(findings, key=_severity_first)),
        inputs={str(path): document.digest},
    )


def _severity_first(item: Finding) -> int:
    return ("error", "warning", "info").index(item.severity)


def _summary(cell: Cell, code: CellCode | None) -> CellSummary:
    first = next((line for line in cell.source.splitlines() if line.strip()), "")
    return CellSummary(
        cell_id=cell.cell_id,
        index=cell.index,
        kind=cell.kind,
        role=role_of(cell.tags),
        defines=tuple(code.names.binds) if code else (),
        uses=tuple(code.names.needs) if code else (),
        first_line=first,
    )


def _module_findings(
    document: Document, code: Code, label: str, known: list[Finding]
) -> list[Finding]:
    """What making the module would say; its refusal as an error finding.

    Nothing is rendered: what only the finished files show, ``extract`` tells.
    """
    found: list[Finding] = []
    try:
        selection = select(document, code)
        found = selection.findings
        definitions = define(selection)
        found = [*found, *_untagged(selection, definitions)]
        found += neighbours_imported(selection, definitions, neighbours(document.path))
        work = assemble(selection, definitions, label)
        placement = place(definitions, work.result, work.program)
        found = [*found, *work.result.findings, *placement.findings]
        Resolver(work, placement).check()
    except ExtractionError as error:
        found = [*found, *_refused(document, error, [*known, *found])]
    seen = {(item.code, item.cell_id, item.line) for item in known}
    return [item for item in found if (item.code, item.cell_id, item.line) not in seen]


def _untagged(selection: Selection, definitions: Definitions) -> Iterator[Finding]:
    """Names that tagged cells take from untagged ones: each names the cell to tag."""
    tagged = {name for piece in selection.pieces for name in piece.names.binds}
    tagged |= {name for piece in selection.parameters for name in piece.names.binds}
    tagged |= definitions.pieces.keys() | selection.imports.keys()
    told: set[tuple[str, str]] = set()
    for piece in (*selection.pieces, *dict.fromkeys(definitions.pieces.values())):
        for name in piece.names.needs:
            givers = [other for other in selection.untagged if name in other.names.binds]
            if name in tagged or not givers or (piece.cell_id, name) in told:
                continue
            told.add((piece.cell_id, name))
            yield finding(
                "NBX002",
                f"{name} is assigned only by the untagged cell {givers[-1].cell_id}",
                hint=f"give cell {givers[-1].cell_id} a role",
                cell_id=piece.cell_id,
                line=piece.line_of(name),
            )


def _refused(document: Document, error: ExtractionError, known: list[Finding]) -> list[Finding]:
    """The refusal as a finding, unless its cause was told already."""
    code = str(error.details.get("code") or "NBX023")
    causes = {"NBX001": ("NBX001", "NBX027"), "NBX002": ("NBX002",), "NBX023": ("NBX028",)}
    told = {item.code for item in known if item.cell_id == error.cell_id}
    if told & set(causes.get(code, ())):
        return []
    # a gate's notebook has parameters, and no part in a module
    tagged = any(role_of(cell.tags) not in {*STAYS, "parameters"} for cell in document.cells)
    return [
        finding(
            code if code in RULES else "NBX023",
            error.message,
            hint=error.hint,
            cell_id=error.cell_id,
            line=error.line,
            severity="error" if tagged else "warning",
        )
    ]
