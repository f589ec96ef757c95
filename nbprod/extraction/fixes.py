"""What an editor can do about a finding at one press: a role to give to a cell."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from nbprod.extraction.proposal import propose_roles
from nbprod.notebook.tags import ROLES, roles_of, tag_of
from nbprod.records import QuickFix, RoleChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from nbprod.notebook.document import Document
    from nbprod.records import Finding

# The next step of a finding that a role mends names the cell so.
_NAMED = re.compile(r"\bcell (\S+) a role\b|\bNOTEBOOK (\S+) ROLE\b")


def quick_fixes(document: Document, findings: Iterable[Finding]) -> Iterator[QuickFix]:
    """Each finding's fix, where one exists; nothing is changed here."""
    proposed: dict[str, Mapping[str, str]] = {}
    for item in findings:
        if item.code in ("NBX002", "NBX015", "NBX016") and not proposed:
            proposed = {told["cell_id"]: told for told in propose_roles(document)}
        if item.code in ("NBX002", "NBX015"):
            yield from _tag_the_giver(item, proposed)
        elif item.code == "NBX016" and item.cell_id is None:
            yield from _tag_them_all(document, item, proposed)
        elif item.code == "NBX007":
            yield from _one_known_role(document, item)


def _change(cell_id: str, role: str, reason: str = "") -> RoleChange:
    return RoleChange(cell_id=cell_id, role=role, tag=tag_of(role), reason=reason)


def _fix(item: Finding, title: str, *changes: RoleChange) -> QuickFix:
    return QuickFix(
        title=title, code=item.code, cell_id=item.cell_id, line=item.line, changes=changes
    )


def _tag_the_giver(item: Finding, proposed: Mapping[str, Mapping[str, str]]) -> Iterator[QuickFix]:
    """The untagged cell that gives the name gets the role that its code looks like."""
    named = _NAMED.search(item.hint)
    giver = next(filter(None, named.groups()), "") if named else ""
    if giver not in proposed:
        return
    told = proposed[giver]
    role = told["role"] if told["role"] not in ("", "skip") else "lib"
    change = _change(giver, role, told["reason"])
    yield _fix(item, f"Tag cell {giver} {change.tag}", change)


def _tag_them_all(
    document: Document, item: Finding, proposed: Mapping[str, Mapping[str, str]]
) -> Iterator[QuickFix]:
    """A notebook without roles gets all that are proposed."""
    given = {cell.cell_id for cell in document.code_cells if roles_of(cell.tags)}
    changes = [
        _change(cell, told["role"], told["reason"])
        for cell, told in proposed.items()
        if told["role"] not in ("", "skip") and cell not in given
    ]
    if changes:
        yield _fix(item, f"Tag {len(changes)} cells as proposed", *changes)


def _one_known_role(document: Document, item: Finding) -> Iterator[QuickFix]:
    """A misspelt role becomes the one that was meant; of several, each can be the only one."""
    cell = next((c for c in document.code_cells if c.cell_id == item.cell_id), None)
    for named in roles_of(cell.tags) if cell else ():
        close = [named] if named in ROLES else difflib.get_close_matches(named, ROLES, n=1)
        if cell and close:
            change = _change(cell.cell_id, close[0])
            yield _fix(item, f"Make it {change.tag}", change)
