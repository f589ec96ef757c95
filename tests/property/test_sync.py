"""Laws of sync: an edit of the module goes back whole, or nothing is written."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from made_notebooks import Cells, content, notebooks, written

from nbprod.extraction import extract, locate, sync
from nbprod.notebook import read_notebook

NUMBER = itertools.count()
UNCHECKED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # a busy machine is slow
# not `low = high = 0.0`, of which no part can be put into parentheses
ASSIGNED = re.compile(r"^(\s*[\w.\[\]']+(?:: [\w\[\], ]+)?) = (?!field\()(?!.* = )(.+)$")
Edit = Callable[[str, int], list[str]]


def add_comment(line: str, number: int) -> list[str]:
    return [f"{line[: len(line) - len(line.lstrip())]}# note {number}", line]


def add_trailing_comment(line: str, number: int) -> list[str]:
    return [f"{line}  # note {number}"]


def change_number(line: str, number: int) -> list[str]:
    return [re.sub(r"(?<![\w.])\d+\b(?!\.)", str(100 + number), line, count=1)]


def put_into_parentheses(line: str, _: int) -> list[str]:
    return [ASSIGNED.sub(r"\1 = (\2)", line)]


def delete(_: str, __: int) -> list[str]:
    return []


def say_twice(line: str, _: int) -> list[str]:
    return [line, line]


def rename(line: str, number: int) -> list[str]:
    return [re.sub(r"^(\s*)(\w+) =", rf"\1\2_{number} =", line)]


def on_condition(line: str, number: int) -> list[str]:
    indent = line[: len(line) - len(line.lstrip())]
    return [f"{indent}if {number} > 3:", f"    {line}"] if ASSIGNED.match(line) else [line]


def by_the_way(line: str, number: int) -> list[str]:
    found = ASSIGNED.match(line)
    if not found:
        return [line]
    indent = line[: len(line) - len(line.lstrip())]
    return [f"{indent}between_{number} = {found[2]}", f"{found[1]} = between_{number}"]


def break_off(line: str, _: int) -> list[str]:
    return [line[: len(line) // 2]]


# What always goes back, but for a comment in the middle of a line; and whatever else people do.
CERTAIN: list[Edit] = [add_comment, add_trailing_comment, change_number, put_into_parentheses]
ANY: list[Edit] = [
    *CERTAIN, delete, say_twice, rename, on_condition, by_the_way, break_off
]  # fmt: skip


def edit_module(
    package: Path, random: Random, edits: list[Edit], files: int
) -> tuple[set[str], bool]:
    """Edit a line, that comes from a cell, in each of some files; their cells, any comment?"""
    cells: set[str] = set()
    commented = False
    for path in random.sample(sorted(package.glob("*.py")), files):
        lines = path.read_text().split("\n")
        places = {n: locate(package, path, n) for n in range(1, len(lines) + 1)}
        own = [n for n, place in places.items() if place and lines[n - 1].strip()]
        if not own:
            continue
        number, edit = random.choice(own), random.choice(edits)
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


@settings(max_examples=30, deadline=None, suppress_health_check=UNCHECKED)
@given(cells=notebooks(), random=st.randoms(use_true_random=False))
def test_extract_after_sync_is_the_identity(cells: Cells, random: Random, tmp_path: Path) -> None:
    """The module stays as it was edited, only the edited cells change; or no byte does."""
    folder = tmp_path / str(next(NUMBER))
    path, package = written(folder, cells), folder / "module"
    extract(path, package, label="late", project_path=folder)
    edited, commented = edit_module(package, random, CERTAIN, 3)
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


@settings(max_examples=30, deadline=None, suppress_health_check=UNCHECKED)
@given(cells=notebooks(), random=st.randoms(use_true_random=False))
def test_any_edit_goes_back_whole_or_not_at_all(
    cells: Cells, random: Random, tmp_path: Path
) -> None:
    """Whatever was edited: both sides fit together afterwards and it is told, or no byte changed."""
    folder = tmp_path / str(next(NUMBER))
    path, package = written(folder, cells), folder / "module"
    extract(path, package, label="late", project_path=folder)
    edit_module(package, random, ANY, random.randrange(1, 4))
    wanted, module, notebook = bodies(package), content(package), path.read_bytes()

    record = sync(path, package, label="late", project_path=folder)
    codes = {finding.code for finding in record.findings}
    assert all(finding.hint for finding in record.findings if finding.severity == "error")
    if not record.passed:
        assert (path.read_bytes(), content(package)) == (notebook, module)
        assert "NBX041" in codes
        return
    assert "NBX043" in codes or bodies(package) == wanted
    before, after = json.loads(notebook), json.loads(path.read_bytes())
    for told in (before, after):  # all but the sources of the cells it names is as it was
        for cell in told["cells"]:
            if cell["id"] in record.cells:
                del cell["source"]
    assert after == before
    assert extract(path, package, label="late", project_path=folder).changed == ()


@settings(max_examples=20, deadline=None, suppress_health_check=UNCHECKED)
@given(cells=notebooks(), random=st.randoms(use_true_random=False))
def test_both_sides_of_a_line_are_a_conflict(cells: Cells, random: Random, tmp_path: Path) -> None:
    """A line edited in the cell and in the module: told with the cell, and no byte is written."""
    folder = tmp_path / str(next(NUMBER))
    path, package = written(folder, cells), folder / "module"
    extract(path, package, label="late", project_path=folder)
    files = sorted(package.glob("*.py"))
    lines = {file: file.read_text().split("\n") for file in files}
    sources = {cell.cell_id: cell.source.split("\n") for cell in read_notebook(path).cells}
    found = [
        (file, number, place)
        for file in files
        for number, line in enumerate(lines[file], start=1)
        if (place := locate(package, file, number))
        and ASSIGNED.match(line)
        and sources[place[0]][place[1] - 1].strip() == line.strip()
    ]
    assume(found)  # a notebook may hold no line that its module took over as it is
    file, number, (cell_id, cell_line) = random.choice(found)
    told = json.loads(path.read_text())
    cell = next(cell for cell in told["cells"] if cell["id"] == cell_id)
    cell["source"][cell_line - 1] = ASSIGNED.sub(r"\1 = (\2)", cell["source"][cell_line - 1])
    path.write_text(json.dumps(told))
    lines[file][number - 1] += "  # there"
    file.write_text("\n".join(lines[file]))
    module, notebook = content(package), path.read_bytes()

    record = sync(path, package, label="late", project_path=folder)
    assert not record.passed
    assert "NBX040" in {finding.code for finding in record.findings}
    assert (path.read_bytes(), content(package)) == (notebook, module)
