"""What is shown of a notebook while it is edited: fixes, and the module that was not written."""

from __future__ import annotations

from dataclasses import dataclass

from nbprod.records.plain import Plain
from nbprod.records.record import Finding


@dataclass(frozen=True, kw_only=True)
class RoleChange(Plain):
    """A role that a cell should get."""

    cell_id: str
    role: str
    tag: str  # as it stands in the notebook's metadata
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class QuickFix(Plain):
    """One way to mend a finding, which its code, cell and line name."""

    title: str
    code: str
    cell_id: str | None
    line: int | None
    changes: tuple[RoleChange, ...]


@dataclass(frozen=True, kw_only=True)
class LineRun(Plain):
    """Lines of a file that stand in a cell, too: so many from these two places on, 1-based."""

    line: int
    cell_id: str
    cell_line: int
    count: int


@dataclass(frozen=True, kw_only=True)
class PreviewFile(Plain):
    """One file of the module as extraction would write it."""

    path: str  # in the package
    text: str
    lines: tuple[LineRun, ...] = ()
    changed: bool = False  # it differs from the one on disk, or there is none
    edited: bool = False  # the one on disk was edited by hand


@dataclass(frozen=True, kw_only=True)
class Preview(Plain):
    """The module that was not written; no files where the cells cannot become one."""

    package: str
    version: str = ""
    files: tuple[PreviewFile, ...] = ()
    removed: tuple[str, ...] = ()  # files on disk that the module no longer has
    entry_points: tuple[str, ...] = ()
    diff: str = ""  # unified, from the disk to the notebook
    findings: tuple[Finding, ...] = ()
