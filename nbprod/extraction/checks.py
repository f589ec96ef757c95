"""What can be said of a notebook's cells as they stand, whether or not a module comes of them."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from nbprod.extraction.rules import finding
from nbprod.extraction.secrets import secret_lines, secret_text_lines
from nbprod.extraction.selection import STAYS
from nbprod.extraction.star_imports import star_findings
from nbprod.notebook.graph import flow, undefined_names
from nbprod.notebook.magics import binds_unseen
from nbprod.notebook.syntax import nodes_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.notebook.document import Document
    from nbprod.notebook.graph import CellCode
    from nbprod.notebook.stars import Star
    from nbprod.records import Finding, Severity

_ABSOLUTE = re.compile(
    r"^(/(home|Users|root|mnt|media|data|tmp|var|opt|srv|content)/|~/|[A-Za-z]:[\\/])"
)
# The road: what a role computes may be read by those after it.
_PLACE = {"data": 0, "fit": 0, "features": 0, "features-online": 0, "train": 1, "predict": 2}


def check_cells(
    document: Document, cells: Sequence[CellCode], stars: Sequence[Star]
) -> list[Finding]:
    """Every finding about cells: syntax, names, roles, run order, paths, secrets, star imports."""
    return [
        *_syntax_errors(cells),
        *_undefined(cells, stars),
        *_two_roles(cells),
        *_circular(cells),
        *_run_order(cells),
        *_paths(cells),
        *_secrets(document, cells),
        *star_findings(cells, stars),
        *_unseen(cells),
    ]


def _severity(code: CellCode) -> Severity:
    """What is wrong in a cell that stays in the notebook does not stop the module."""
    return "warning" if code.role in STAYS else "error"


def _syntax_errors(cells: Sequence[CellCode]) -> Iterator[Finding]:
    for code in cells:
        if code.error is not None:
            yield finding(
                "NBX006",
                f"not valid Python: {code.error.msg}",
                hint="run the cell in Jupyter and correct it",
                cell_id=code.cell.cell_id,
                line=code.error.lineno,
                severity=_severity(code),
            )


def _undefined(cells: Sequence[CellCode], stars: Sequence[Star]) -> Iterator[Finding]:
    givers: dict[str, str] = {}
    for code in cells:
        for name in code.names.binds:
            givers.setdefault(name, code.cell.cell_id)
    for code, name, line in undefined_names(cells, stars):
        count = code.cell.execution_count
        rule, message = "NBX001", f"{name} is read, but no cell before defines it"
        hint = f"define or import {name} in an earlier cell"
        if name in givers:
            message = f"{name} is read here, but cell {givers[name]} below defines it"
            hint = f"move cell {givers[name]} up: run from the top, this cell fails"
        elif count is not None and not code.cell.raised:
            rule = "NBX027"
            message = (
                f"this cell ran (as number {count}) with {name}, which no cell defines:"
                " the cell that did was deleted or edited since"
            )
            hint = f"define {name} again; then restart the kernel and run all cells"
        yield finding(
            rule,
            message,
            hint=hint,
            cell_id=code.cell.cell_id,
            line=line,
            severity=_severity(code),
        )


def _two_roles(cells: Sequence[CellCode]) -> Iterator[Finding]:
    first: dict[str, tuple[CellCode, ast.stmt]] = {}
    told: set[str] = set()
    for code in cells:
        if code.role in STAYS or code.tree is None:
            continue
        for name, node in _assigned_afresh(code.tree):
            other, before = first.setdefault(name, (code, node))
            if other.role == code.role or name in told or ast.dump(before) == ast.dump(node):
                continue
            told.add(name)
            yield finding(
                "NBX003",
                f"{name} is assigned by the {other.role} cell {other.cell.cell_id}"
                f" and by this {code.role} cell",
                hint="use two names, so that each means one thing",
                cell_id=code.cell.cell_id,
                line=node.lineno,
            )


def _assigned_afresh(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    """Names that top-level statements define, or assign without reading what they held.

    ``frame = frame.dropna()`` goes on with the same thing; loop variables and imports are aside.
    """
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name, node
        elif isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            read = {item.id for item in nodes_of(node.value) if isinstance(item, ast.Name)}
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                for item in nodes_of(target):
                    if (
                        isinstance(item, ast.Name)
                        and isinstance(item.ctx, ast.Store)
                        and item.id not in {*read, "_"}
                    ):
                        yield item.id, node


def _circular(cells: Sequence[CellCode]) -> Iterator[Finding]:
    """Cells that read what a later role computes, while that role reads theirs."""
    by_id = {code.cell.cell_id: code for code in cells}
    edges = [
        (by_id[reader], name, by_id[giver])
        for reader, names in flow(cells).items()
        for name, giver in names.items()
        if by_id[reader].role in _PLACE and by_id[giver].role in _PLACE
    ]
    told: set[str] = set()
    for reader, name, giver in edges:
        if _PLACE[reader.role] >= _PLACE[giver.role] or reader.cell.cell_id in told:
            continue
        for other, back, source in edges:
            if other.role == giver.role and source.role == reader.role:
                told.add(reader.cell.cell_id)
                yield finding(
                    "NBX028",
                    f"{reader.role} and {giver.role} use each other: this cell reads {name} of the"
                    f" {giver.role} cell {giver.cell.cell_id}, and cell {other.cell.cell_id} reads"
                    f" {back} of the {source.role} cell {source.cell.cell_id}",
                    hint=f"what needs {name} belongs to {giver.role}, or to a role after it",
                    cell_id=reader.cell.cell_id,
                    line=reader.names.needs.get(name),
                )
                break


def _run_order(cells: Sequence[CellCode]) -> Iterator[Finding]:
    counts = [code.cell.execution_count for code in cells]
    before = 0
    for code, count in zip(cells, counts, strict=True):
        if count is None:
            continue
        if count < before:
            yield finding(
                "NBX004",
                f"this cell ran as number {count}, after a cell below it had run",
                hint="restart the kernel and run all cells, in order",
                cell_id=code.cell.cell_id,
            )
            break
        before = count
    for index, code in enumerate(cells):
        later = any(count is not None for count in counts[index + 1 :])
        if counts[index] is None and later and code.role not in STAYS and code.source.strip():
            yield finding(
                "NBX004",
                "this cell was not run, though cells below it were",
                hint="restart the kernel and run all cells, in order",
                cell_id=code.cell.cell_id,
            )
            break


def _paths(cells: Sequence[CellCode]) -> Iterator[Finding]:
    for code in cells:
        for node in code.nodes:
            if (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and _ABSOLUTE.match(node.value)
            ):
                yield finding(
                    "NBX005",
                    f"{node.value!r} exists on one machine only",
                    hint="use a path relative to the project, or a parameter",
                    cell_id=code.cell.cell_id,
                    line=node.lineno,
                )


def _secrets(document: Document, cells: Sequence[CellCode]) -> Iterator[Finding]:
    by_id = {code.cell.cell_id: code for code in cells}
    for cell in document.cells:
        code = by_id.get(cell.cell_id)
        if code is None or code.tree is None:
            lines = secret_text_lines(cell.source)
        else:
            dropped = [
                first + line - 1 for first, text in code.dropped for line in secret_text_lines(text)
            ]
            lines = sorted({*secret_lines(code.tree), *dropped})
        for line in lines:
            yield finding(
                "NBX018",
                "this looks like a secret",
                hint="read it from the environment: os.environ[...]; and withdraw this one",
                cell_id=cell.cell_id,
                line=line,
            )


def _unseen(cells: Sequence[CellCode]) -> Iterator[Finding]:
    """``%run`` and its like in cells that stay; in tagged ones, extraction refuses them."""
    for code in cells:
        for line, text in code.dropped if code.role in STAYS else ():
            if binds_unseen(text):
                yield finding(
                    "NBX029",
                    f"`{text.splitlines()[0]}` gives names that cannot be seen here",
                    hint="import them by name from a .py file",
                    cell_id=code.cell.cell_id,
                    line=line,
                    severity="warning",
                )
