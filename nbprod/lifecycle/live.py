"""A notebook while it is edited: what `inspect` and `extract` would say of cells not saved yet."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.records import Inspection, Preview, QuickFix, RoleChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from nbprod.lifecycle.project import Project


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role that a cell can have."""

    role: str
    tag: str
    meaning: str


@dataclass(frozen=True, kw_only=True)
class LiveInspection:
    """What the cells hold as they are now, and what can be mended at one press."""

    inspection: Inspection
    fixes: tuple[QuickFix, ...] = ()


def roles() -> tuple[Role, ...]:
    """Every role in the order of the road."""
    from nbprod.notebook.tags import ROLES, tag_of

    return tuple(
        Role(role=role, tag=tag_of(role), meaning=meaning) for role, meaning in ROLES.items()
    )


def inspect_cells(
    path: str | Path, cells: Sequence[Mapping[str, Any]], *, label: str = ""
) -> LiveInspection:
    """Inspect cells in nbformat's shape as the notebook at a path; nothing runs, nothing is read.

    label: the label column; without it, what the notebook fits its model on.
    """
    from nbprod.extraction import inspect_document, quick_fixes
    from nbprod.notebook.document import document_of

    document = document_of(path, cells)
    found = inspect_document(document, label=label)
    fixes = tuple(quick_fixes(document, found.findings))
    return LiveInspection(
        inspection=dataclasses.replace(found, notebook=Path(path).name, inputs={}), fixes=fixes
    )


def preview_cells(
    project: Project, path: str | Path, cells: Sequence[Mapping[str, Any]]
) -> Preview:
    """The module that these cells of the training notebook would become; nothing is written."""
    from nbprod.extraction import preview_module
    from nbprod.notebook.document import document_of

    settings = project.settings
    notebook = Path(path).resolve()
    folder = Path(settings.project_path).resolve()
    inside = notebook.is_relative_to(folder)
    return preview_module(
        document_of(notebook, cells),
        settings.package_path,
        notebook=notebook.relative_to(folder).as_posix() if inside else notebook.name,
        label=settings.data.label,
    )


def proposed_roles(
    path: str | Path, cells: Sequence[Mapping[str, Any]], *, label: str = ""
) -> tuple[RoleChange, ...]:
    """The role that each cell's code looks like, where it has none yet."""
    from nbprod.extraction import propose_label, propose_roles
    from nbprod.notebook.document import document_of
    from nbprod.notebook.tags import roles_of

    document = document_of(path, cells)
    given = {cell.cell_id for cell in document.code_cells if roles_of(cell.tags)}
    found = propose_roles(document, label=label or propose_label(document))
    return role_changes(told for told in found if told["cell_id"] not in given)


def role_changes(proposals: Iterable[Mapping[str, str]]) -> tuple[RoleChange, ...]:
    """Proposals as changes of roles, without those that leave a cell in the notebook."""
    from nbprod.notebook.tags import tag_of

    return tuple(
        RoleChange(
            cell_id=told["cell_id"],
            role=told["role"],
            tag=tag_of(told["role"]),
            reason=told["reason"],
        )
        for told in proposals
        if told["role"] not in ("", "skip")
    )
