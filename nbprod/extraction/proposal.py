"""A role for each cell of an ordinary notebook, guessed from what its code does."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.clues import Clues, clues_of, learner_names, read_calls_of
from nbprod.extraction.definitions import ENTRY_NAMES
from nbprod.extraction.label_proposal import column_taken
from nbprod.notebook.graph import flow, imported_modules, understand

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.notebook.document import Document
    from nbprod.notebook.graph import CellCode


def propose_roles(document: Document, *, label: str = "") -> tuple[dict[str, str], ...]:
    """A role for each code cell, with the reason: {"cell_id", "role", "reason"}.

    A role that a cell has already is kept. label: the label column, where it is known: a cell
    that only takes this column belongs to training.
    """
    cells = understand(document)
    modules = imported_modules(node for code in cells for node in code.nodes)
    learners = learner_names(cells)
    clues = {code.cell.cell_id: clues_of(code, modules, learners) for code in cells}
    roles: dict[str, tuple[str, str]] = {}
    seen: set[str] = set()
    trained: set[str] = set()
    for code in cells:
        read_calls_of(trained, clues[code.cell.cell_id])
        role = _role(code, clues[code.cell.cell_id], seen, label)
        roles[code.cell.cell_id] = role
        if role[0] != "train" or code.role or clues[code.cell.cell_id].trains:
            seen.add(role[0])
        if role[0] == "train":
            trained |= code.names.binds.keys()
    _skip_what_nothing_needs(cells, roles)
    return tuple(
        {"cell_id": cell_id, "role": role, "reason": reason}
        for cell_id, (role, reason) in roles.items()
    )


def _role(code: CellCode, clues: Clues, seen: set[str], label: str) -> tuple[str, str]:
    """One cell's role and the reason, from its clues and the roles of the cells before it."""
    if code.role:
        return code.role, "the cell has this role already"
    if code.tree is None:
        return "skip", "the cell is not valid Python"
    if any(name.startswith("test_") for name in clues.definitions):
        return "test", f"defines {clues.definitions[0]}"
    for role, name in ENTRY_NAMES.items():
        if name in clues.definitions:
            return role, f"defines {name}()"
    if not code.names.binds and not code.names.mutates:
        return "skip", "assigns and changes nothing"
    if not clues.loose:
        if clues.definitions:
            return "lib", f"defines {', '.join(clues.definitions[:3])}"
        return "skip", "imports, plots or looks at something"
    values = [getattr(node, "value", None) for node in clues.loose]
    takes_label = all(isinstance(v, ast.expr) and column_taken(v) == label for v in values)
    if label and takes_label and "train" not in seen:
        return "train", f"takes the label {label!r}"
    return _role_of_statements(clues, seen)


def _role_of_statements(clues: Clues, seen: set[str]) -> tuple[str, str]:
    if clues.constants:
        return "lib", "constants"
    if clues.literals:
        late = seen & {"data", "split", "fit", "features"}
        return ("lib", "constants") if late else ("parameters", "plain values at the top")
    loads_later = bool(clues.loads) and bool(seen & {"split", "fit"})
    told = (
        ("train", clues.trains and f"calls {clues.trains}"),
        ("fit", loads_later and f"calls {clues.loads} after the split: a table to look up"),
        ("data", clues.loads and f"calls {clues.loads}"),
        ("predict", clues.predicts and f"calls {clues.predicts}"),
        ("split", clues.splits and f"splits rows: {clues.splits}"),
        ("fit", clues.learns and f"calls {clues.learns}"),
        ("data", "data" not in seen and "prepares the data"),
        ("data", not seen & {"split", "features"} and "prepares the data before the split"),
        (
            "fit",
            clues.statistics and not clues.columns and f"learns from rows: .{clues.statistics}()",
        ),
        ("skip", "train" in seen and "comes after training"),
    )
    for role, reason in told:
        if reason:
            return role, reason
    return "features", f"computes features{': ' + clues.columns if clues.columns else ''}"


def _skip_what_nothing_needs(cells: Sequence[CellCode], roles: dict[str, tuple[str, str]]) -> None:
    """Cells that neither training nor prediction needs stay in the notebook."""
    gives = flow(cells)
    changes: dict[str, set[str]] = {}
    for code in cells:
        for name in code.names.mutates:
            changes.setdefault(name, set()).add(code.cell.cell_id)
    ends = [cell_id for cell_id, (role, _) in roles.items() if role in ("train", "predict", "test")]
    if not any(roles[cell_id][0] == "train" for cell_id in ends):
        return
    needed: set[str] = set()
    pending = [*ends, *(c.cell.cell_id for c in cells if c.role)]
    while pending:
        cell_id = pending.pop()
        if cell_id not in needed:
            needed.add(cell_id)
            pending += gives.get(cell_id, {}).values()
    for code in cells:
        cell_id = code.cell.cell_id
        if cell_id not in needed and roles[cell_id][0] not in ("skip", "parameters"):
            roles[cell_id] = ("skip", "nothing that trains or predicts needs it")
