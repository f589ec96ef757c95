"""What is told about an edit: where it went, why it cannot go back, and what to do instead."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.rules import finding
from nbprod.extraction.sync.judging import wrapped
from nbprod.extraction.sync.renaming import renamed_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbprod.errors import ExtractionError
    from nbprod.extraction.sync.edits import Hunk
    from nbprod.extraction.sync.judging import Difference
    from nbprod.extraction.sync.merging import Conflict
    from nbprod.extraction.sync.places import Place, Text
    from nbprod.extraction.sync.solving import Attempt, Problem
    from nbprod.records import Finding

_BY_HAND = "make the change in the notebook's cell, then `nbprod extract --force`"


def stranger(name: str) -> Finding:
    """A file in the way that extraction did not write."""
    return finding(
        "NBX041",
        f"{name} was not written by nbprod, but extraction will write a file of that name",
        hint="give your file another name, or remove it",
    )


def gone(name: str, notebook: str) -> Finding:
    """An edited file that the notebook no longer makes."""
    return finding(
        "NBX040",
        f"{name} was edited, but {notebook} no longer makes that file",
        hint="move the edit into the cell where it belongs now, and remove the file",
    )


def header(name: str, line: int) -> Finding:
    """An edit of the comments that a generated file begins with."""
    return finding(
        "NBX041",
        f"{name} line {line}: the header says where the file comes from; it has no cell",
        hint="leave the header as it was; a comment of yours goes above the code it is about",
    )


def not_python(name: str, error: SyntaxError) -> Finding:
    """An edit that is not Python."""
    return finding(
        "NBX041",
        f"{name} line {error.lineno} is not valid Python: {error.msg}",
        hint="correct that line, then run `nbprod sync` again",
    )


def conflict(name: str, line: int, item: Conflict, notebook: str, place: Place | None) -> Finding:
    """A line that was changed on both sides."""
    where = f"cell {place[0]} of {notebook}" if place else notebook
    return finding(
        "NBX040",
        f"{name} line {line} was changed here and in the notebook:"
        f" {_quoted(item.one)} here, {_quoted(item.other)} in {where}",
        hint="make both say the same, in the module or in the cell; nothing was written",
        cell_id=place[0] if place else None,
        line=place[1] if place else None,
    )


def placed(problem: Problem, attempt: Attempt) -> list[Finding]:
    """Where lines went that could have gone elsewhere: those between two cells, and imports."""
    found = []
    for hunk, edits in attempt.chosen:
        if hunk.between is None:
            continue
        cell_id = next((cell for cell in hunk.between if cell in edits.cells()), None)
        line = problem.wanted[hunk.path].number(hunk.lines.start)
        found.append(
            finding(
                "NBX042",
                f"{problem.package}/{hunk.path} line {line} stands between the cells"
                f" {hunk.between[0]} and {hunk.between[1]}: it went to {cell_id}",
                hint="move it in the notebook if it belongs to the other cell",
                cell_id=cell_id,
            )
        )
    mirrored = dict.fromkeys(place for _, edits in attempt.chosen for place in edits.mirrored)
    found += [
        finding(
            "NBX042",
            f"cell {cell_id} line {line} got the same edit: the module has both lines once",
            cell_id=cell_id,
            line=line,
        )
        for cell_id, line in mirrored
    ]
    found += [
        finding("NBX042", f"{old} is called {new} now in every cell that has it")
        for old, new in problem.renamed.items()
    ]
    found += [
        finding("NBX042", f"`{statement}` went to cell {cell_id}", cell_id=cell_id)
        for statement, cell_id in problem.imported.items()
    ]
    return found


def relaid(package: str, differences: Iterable[Difference]) -> list[Finding]:
    """What extraction lays out in its own way, or adds to an edit."""
    found = []
    for item in differences:
        name = f"{package}/{item.path} line {item.line}"
        if item.kind == "layout":
            message = f"{name}: extraction sets line breaks, blank lines and imports in its own way"
        elif item.kind == "order":
            message = f"{name}: extraction writes functions of the notebook above its own"
        elif item.got:
            message = f"{name}: with your edit goes {_quoted(item.got)}"
        else:
            message = f"{name}: your edit needs no {_quoted(item.wanted)} any more"
        found.append(finding("NBX043", message, hint="look at the module there"))
    return found


def endings(package: str, texts: Mapping[str, str]) -> list[Finding]:
    """Files that were saved with other line endings than extraction writes."""
    return [
        finding(
            "NBX043",
            f"{package}/{path}: every line ends in a line feed now, the last one too",
            hint="have your editor keep the line endings of the module",
        )
        for path, text in texts.items()
        if "\r\n" in text or not text.endswith("\n")
    ]


# ---------------------------------------------------------------- refused


def refused(problem: Problem, attempt: Attempt) -> list[Finding]:
    """Why no edit of cells makes the module that a person wrote."""
    if attempt.error is not None:
        return [_not_extracted(problem, attempt.error)]
    if attempt.clash is not None:
        cell_id, line = attempt.clash
        return [
            finding(
                "NBX041",
                f"cell {cell_id} line {line} stands at several places of the module,"
                " which were edited in different ways",
                hint="make the same edit at each of them",
                cell_id=cell_id,
                line=line,
            )
        ]
    return [_lost(problem, attempt, item) for item in attempt.lost]


def _not_extracted(problem: Problem, error: ExtractionError) -> Finding:
    files = ", ".join(f"{problem.package}/{path}" for path in problem.wanted)
    hint = error.hint
    if error.details.get("code") == "NBX006":  # the cell as it is now is fine
        hint = f"extraction wrote that line of several; {_BY_HAND}"
    elif renamed := renamed_names(problem.texts, problem.wanted, problem.names):
        hint = f"other cells have {', '.join(renamed)} too; rename it in the notebook, then extract"
    return finding(
        "NBX041",
        f"with the edit of {files} in its cell, extraction refuses: {error.message}",
        hint=hint,
        cell_id=error.cell_id,
        line=error.line,
    )


def _dropped(problem: Problem, attempt: Attempt, item: Difference) -> Finding | None:
    """What extraction says about a line that it leaves out."""
    if attempt.module is None or not item.wanted or item.wanted[0].strip().startswith("#"):
        return None
    before = {f.message for f in problem.now.findings}
    new = [f for f in attempt.module.findings if f.message not in before]
    return next((f for f in new if f.message.startswith("dropped: ")), None)


def _lost(problem: Problem, attempt: Attempt, item: Difference) -> Finding:
    name = f"{problem.package}/{item.path} line {item.line}"
    text = problem.wanted.get(item.path)
    if text is None:
        return finding(
            "NBX041",
            f"the edit would change {problem.package}/{item.path} too,"
            " which comes from the same lines of the notebook",
            hint=f"make the edit there as well, or {_BY_HAND}",
        )
    if not item.wanted and not item.got:
        return finding(
            "NBX041",
            f"with your edit, extraction writes no {problem.package}/{item.path} any more",
            hint="leave in what that file is for; or remove its cell in the notebook, then extract",
        )
    place = problem.texts[item.path].places.get(item.place)
    dropped = _dropped(problem, attempt, item)
    if dropped is not None:
        return finding(
            "NBX041",
            f"{name}: {_quoted(item.wanted)} would not come back; {dropped.message}",
            hint="let the module use it, or keep it in an untagged cell of the notebook",
            cell_id=dropped.cell_id,
            line=dropped.line,
        )
    if not item.wanted and set(item.got) <= {
        line.rstrip() for line in problem.texts[item.path].lines
    }:
        what = f"extraction still writes {_quoted(item.got)} there"
    elif not item.wanted:
        what = (
            f"extraction writes {_quoted(item.got)} there too, from the same line of the notebook"
        )
    elif item.got:
        what = f"{_quoted(item.wanted)} would come back as {_quoted(item.got)}"
    else:
        what = f"{_quoted(item.wanted)} would not come back"
    return finding(
        "NBX041",
        f"{name}: {what}",
        hint=_advice(text, item, [h for h in problem.hunks if h.path == item.path]),
        cell_id=place[0] if place else None,
    )


def _advice(text: Text, item: Difference, hunks: list[Hunk]) -> str:
    line = (item.wanted or item.got or ("",))[0].strip()
    node = text.statement(item.place)
    edited = {i for hunk in hunks for i in hunk.lines}
    imports = line.startswith(("import ", "from "))
    if wrapped(item.wanted, item.got):
        return "extraction writes this line, to return a frame; make it one in a line before it"
    if item.wanted and item.place not in edited and (item.got or not imports):
        return "it comes from the same line of the notebook as your edit; edit both alike"
    if imports:
        if item.wanted and item.place not in edited:
            return "the notebook imports this name once for all files; edit it in each of them"
        if item.wanted:
            return "extraction carries only imports that the file uses; leave it out"
        return "the file uses this import; leave it in"
    if line.startswith("#"):
        return "a comment goes with the statement under it; put it above one"
    if isinstance(node, ast.ClassDef) and node.name == "State":
        return (
            "State holds what fit cells assign and features cells read;"
            " edit those lines, its fields follow"
        )
    if line.startswith("return "):
        return "extraction writes this line; change the value in a line before it"
    if line.startswith("def "):
        return "extraction writes this line, so that every module is called the same way"
    if line.startswith(('"""', "'''")):
        return "extraction writes this text; put yours into a comment in the cell"
    return _BY_HAND


def _quoted(lines: Iterable[str]) -> str:
    told = [line.strip() for line in lines if line.strip()]
    if not told:
        return "nothing"
    return f"`{told[0]}`" + (f" and {len(told) - 1} more lines" if len(told) > 1 else "")
