"""``from x import *`` in a module: each name that is used, by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.extraction.rules import finding

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterator, Sequence

    from nbprod.notebook.graph import CellCode
    from nbprod.notebook.stars import Star
    from nbprod.records import Finding

_MOST_TOLD = 12


def names_used(cells: Sequence[CellCode]) -> frozenset[str]:
    """Names that a notebook's cells read, and that none of its own statements assigns.

    Python's own among them: ``from math import *`` gives another ``pow`` than Python has.
    """
    read = {name for code in cells for name in code.names.needs}
    return frozenset(read - {name for code in cells for name in code.names.binds})


def used_of_star(
    stars: Sequence[Star], cell_id: str, node: ast.ImportFrom, used: frozenset[str]
) -> list[str]:
    """The names in use that a star import gives."""
    given = [
        star.given or frozenset()
        for star in stars
        if star.cell_id == cell_id and star.line == node.lineno
    ]
    return sorted(used & frozenset().union(*given))


def star_findings(cells: Sequence[CellCode], stars: Sequence[Star]) -> Iterator[Finding]:
    """What becomes of each star import: a list of names, or nothing where it could not be asked."""
    used = names_used(cells) if stars else frozenset()
    for star in stars:
        line = f"`from {star.module} import *`"
        if star.given is None:
            message = f"{line}: which names that gives is not known here ({star.why})"
            hint = f"install {star.module}, or import the names that are used"
        else:
            names = sorted(used & star.given)
            message = f"{line} hides which names are used: {', '.join(names[:_MOST_TOLD])}"
            message += f" and {len(names) - _MOST_TOLD} more" if len(names) > _MOST_TOLD else ""
            hint = "the module imports these by name, as the notebook should"
            if not names:
                message, hint = f"{line}: nothing of it is used", "leave it out"
        yield finding("NBX022", message, hint=hint, cell_id=star.cell_id, line=star.line)
