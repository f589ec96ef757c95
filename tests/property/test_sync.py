"""Laws of sync: an edit of the module goes back whole, or nothing is written."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_notebooks import Cells, content, notebooks, written

from nbprod.extraction import extract, locate, sync
from nbprod.notebook import read_notebook

NUMBER = itertools.count()
ASSIGNED = re.compile(r"^(\s*[\w.\[\]']+(?:: [\w\[\], ]+)?) = (?!field\()(.+)$")
Edit = Callable[[str, int], list[str]]


def add_comment(line: str, number: int) -> list[str]:
    return [f"{line[: len(line) - len(line.lstrip())]}# note {number}", line]


def add_trailing_comment(line: str, number: int) -> list[str]:
    return [f"{line}  # note {number}"]


def change_number(line: str, number: int) -> list[str]:
    return [re.sub(r"(?<![\w.])\d+\b(?!\.)", str(100 + number), line, count=1)]


def put_into_parentheses(line: str, _: int) -> list[str]:
    return [ASSIGNED.sub(r"\1 = (\2)", line)]


EDITS: list[Edit] = [add_comment, add_trailing_comment, change_number, put_into_parentheses]


def edit_module(package: Path, random: Random) -> tuple[set[str], bool]:
    """Edit a line, that comes from a cell, in each of three files; their cells, any comment?"""
    cells: set[str] = set()
    commented = False
    for path in random.sample(sorted(package.glob("*.py")), 3):
        lines = path.read_text().split("\n")
        places = {n: locate(package, path, n) for n in range(1, len(lines) + 1)}
        own = [n for n, place in places.items() if place and lines[n - 1].strip()]
        if not own:
            continue
        number, edit = random.choice(own), random.choice(EDITS)
        place = places[number]
        assert place is not None
        lines[number - 1 : number] = edit(lines[number - 1], random.randrange(100))
        path.write_text("\n".join(lines))
        cells.add(place[0])
        commented = commented or edit in (add_comment, add_trailing_comment)
    return cells, commented


def bodies(package: Path) -> dict[str, str]:
    """The module's files without the header, which tells digests and cells."""
    return {
        path.relative_to(package).as_posix(): re.sub(r"\A(#.*\n)+", "", path.read_text())
        for path in package.rglob("*.py")
    }


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cells=notebooks(), random=st.randoms(use_true_random=False))
def test_extract_after_sync_is_the_identity(cells: Cells, random: Random, tmp_path: Path) -> None:
    """The module stays as it was edited, only the edited cells change; or no byte does."""
    folder = tmp_path / str(next(NUMBER))
    path, package = written(folder, cells), folder / "module"
    extract(path, package, label="late", project_path=folder)
    edited, commented = edit_module(package, random)
    wanted, module, notebook = bodies(package), content(package), path.read_bytes()
    before = {cell.cell_id: cell.source for cell in read_notebook(path).cells}

    record = sync(path, package, label="late", project_path=folder)
    after = {cell.cell_id: cell.source for cell in read_notebook(path).cells}
    codes = {finding.code for finding in record.findings}
    if not record.passed:
        assert commented  # a comment has no place on half a line: everything else goes back
        assert (path.read_bytes(), content(package)) == (notebook, module)
        assert codes == {"NBX041"}
        return
    assert "NBX043" in codes or bodies(package) == wanted
    changed = {cell_id for cell_id in before if after[cell_id] != before[cell_id]}
    assert changed == set(record.cells)
    assert changed <= edited
    module = content(package)
    again = extract(path, package, label="late", project_path=folder)
    assert again.changed == ()
    assert not any(finding.severity == "error" for finding in again.findings)
    assert content(package) == module
    assert sync(path, package, label="late", project_path=folder).edited == ()
