"""Which statements of a notebook go into the module, and what stays behind, each with a finding."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeGuard

from nbprod.extraction.bars import without_bars
from nbprod.extraction.commands import command_finding
from nbprod.extraction.expansion import expand
from nbprod.extraction.frame_lists import FrameLists
from nbprod.extraction.learners import made_by
from nbprod.extraction.meanings import writes_file
from nbprod.extraction.pieces import Piece, pieces_of
from nbprod.extraction.rules import finding, refusal
from nbprod.extraction.showing import only_shows, shown_names
from nbprod.extraction.star_imports import names_used, star_findings, used_of_star
from nbprod.notebook.effects import DISPLAY_NAMES, root_name
from nbprod.notebook.graph import read_code
from nbprod.notebook.magics import binds_unseen, names_bound
from nbprod.notebook.reading import Reader, reader_of
from nbprod.notebook.stars import star_imports
from nbprod.notebook.tags import ROLES, roles_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nbprod.notebook.document import Document
    from nbprod.notebook.graph import CellCode, Code
    from nbprod.notebook.names import Names
    from nbprod.notebook.stars import Star
    from nbprod.records import Finding

# Roles whose statements become functions, and may handle several frames at once.
_SEVERAL_FRAMES = frozenset({"data", "split", "fit", "features", "train", "predict"})
STAYS = frozenset({"", "skip"})


@dataclass(frozen=True)
class Import:
    """One imported name: ``import module as name`` or ``from module import member as name``."""

    name: str
    module: str  # with leading dots where it is relative
    member: str = ""  # "" for `import module`
    order: int = 0
    cell_id: str = ""

    @property
    def told(self) -> tuple[str, str]:
        """What is imported, whatever it is called."""
        return self.module, self.member


@dataclass
class Selection:
    """A notebook taken apart: statements by role, imports, and what was left behind."""

    document: Document
    reader: Reader
    pieces: list[Piece] = field(default_factory=list)  # of tagged cells, in the notebook's order
    untagged: list[Piece] = field(default_factory=list)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    parameters: list[Piece] = field(default_factory=list)
    tests: list[Piece] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    shown: frozenset[str] = DISPLAY_NAMES  # names of plots and loggers
    stars: list[Star] = field(default_factory=list)
    # what IPython's lines give: name -> (cell id, line, text), and lines that give unseen names
    commands: dict[str, tuple[str, int, str]] = field(default_factory=dict)
    unseen: list[tuple[str, str]] = field(default_factory=list)
    lists: FrameLists = field(default_factory=FrameLists)
    makers: dict[str, str] = field(default_factory=dict)  # name -> the call that made its object
    used: frozenset[str] = frozenset()  # names that cells read, and that none of them assigns

    @property
    def modules(self) -> Mapping[str, str]:
        """The top-level package behind each imported name."""
        return self.reader.modules

    def names(self, node: ast.stmt) -> Names:
        """The names of one statement, knowing the notebook's functions and modules."""
        return self.reader.names(node)


def select(document: Document, known: Code | None = None) -> Selection:
    """The statements of a notebook by role.

    known: the notebook's code, where it was read already. ExtractionError: no tagged cell, an
    unknown role, a syntax error in a tagged cell.
    """
    known = known or read_code(document)
    cells = known.cells
    _check_roles(cells)
    selection = Selection(document=document, reader=known.reader)
    selection.shown = shown_names(cells, selection.modules)
    selection.stars = star_imports(cells, document.path.parent)
    if selection.stars:
        selection.used = names_used(cells)
        given = {name: star.module for star in selection.stars for name in star.given or ()}
        tops = {name: module.partition(".")[0] for name, module in given.items()}
        selection.reader = reader_of(known.reader.functions, {**tops, **selection.modules})
        selection.findings += star_findings(cells, selection.stars)
    order = 0
    for code in cells:
        for line, text in code.dropped:
            for name in names_bound(text):
                selection.commands[name] = (code.cell.cell_id, line, text)
            if binds_unseen(text):
                selection.unseen.append((code.cell.cell_id, text))
            if code.role not in STAYS:
                selection.findings.append(command_finding(text, code.cell.cell_id, line))
        if code.tree is None:
            continue
        where = (code.cell.cell_id, code.role, code.source, code.tree)
        for piece in pieces_of(*where, order + 1, selection.reader):
            order += 1
            _place(selection, piece, stays=code.role in STAYS)
    return selection


def _check_roles(cells: tuple[CellCode, ...]) -> None:
    tagged = [code for code in cells if code.role not in STAYS]
    if not tagged:
        raise refusal(
            "NBX016",
            "no cell has a role, so there is nothing to extract",
            hint="tag the cells: `nbprod tag NOTEBOOK CELL ROLE`,"
            " or let `nbprod init --from NOTEBOOK` propose a role for each",
        )
    for code in cells:
        roles = roles_of(code.cell.tags)
        unknown = [role for role in roles if role not in ROLES]
        if unknown:
            raise refusal(
                "NBX007",
                f"cell {code.cell.cell_id} has the unknown role {unknown[0]!r}",
                hint=f"use one of: {', '.join(ROLES)}",
                cell_id=code.cell.cell_id,
            )
        if len(roles) > 1:
            raise refusal(
                "NBX007",
                f"cell {code.cell.cell_id} has several roles: {', '.join(roles)}",
                hint="leave one; split the cell if it does two things",
                cell_id=code.cell.cell_id,
            )
    for code in tagged:
        if code.error is not None:
            raise refusal(
                "NBX006",
                f"cell {code.cell.cell_id} is not valid Python,"
                f" line {code.error.lineno}: {code.error.msg}",
                hint="run the cell in Jupyter and correct it",
                cell_id=code.cell.cell_id,
                line=code.error.lineno,
            )


def _place(selection: Selection, piece: Piece, *, stays: bool) -> None:
    """Put one statement where it belongs."""
    if piece.is_import:
        _add_imports(selection, piece)
    elif _only_for_types(piece.node):
        for inner in piece.node.body:
            _add_imports(selection, replace(piece, node=inner))
    elif stays:
        selection.untagged.append(piece)
    elif piece.role == "parameters":
        _add_parameter(selection, piece)
    elif piece.role == "test":
        selection.tests.append(piece)
    elif not left_behind(selection, piece):
        piece = without_bars(selection, piece)
        parts = [piece]
        if piece.role in _SEVERAL_FRAMES:
            parts = expand(selection.lists.spelled_out(piece), selection.names, selection.makers)
        for index, part in enumerate(parts):
            object.__setattr__(part, "order", piece.order + index)
            if part is piece or not left_behind(selection, part):
                selection.pieces.append(part)
                selection.lists.note(part)
                if (made := made_by(part.node)) is not None:
                    selection.makers[made[0]] = made[1]


def _only_for_types(node: ast.stmt) -> TypeGuard[ast.If]:
    """``if TYPE_CHECKING:`` over imports: a module may as well import them."""
    return (
        isinstance(node, ast.If)
        and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
        and all(isinstance(inner, ast.Import | ast.ImportFrom) for inner in node.body)
        and not node.orelse
    )


def _add_imports(selection: Selection, piece: Piece) -> None:
    node = piece.node
    assert isinstance(node, ast.Import | ast.ImportFrom)
    for alias in node.names:
        if isinstance(node, ast.Import):
            name = alias.asname or alias.name.partition(".")[0]
            found = Import(name, alias.name, "", piece.order, piece.cell_id)
            if alias.asname is None and "." in alias.name:
                # `import a.b` binds a; kept whole, so that a.b is there
                found = Import(name, alias.name, "", piece.order, piece.cell_id)
        elif alias.name == "*":
            for name in used_of_star(selection.stars, piece.cell_id, node, selection.used):
                found = Import(name, node.module or "", name, piece.order, piece.cell_id)
                selection.imports.setdefault(name, []).append(found)
            continue
        else:
            module = "." * node.level + (node.module or "")
            name = alias.asname or alias.name
            found = Import(name, module, alias.name, piece.order, piece.cell_id)
        if (plain := _without_widgets(found)) is not found:
            selection.findings.append(
                finding(
                    "NBX011",
                    f"{found.name} is {plain.module}'s plain bar: a module has no widgets",
                    cell_id=piece.cell_id,
                    line=piece.line,
                )
            )
        selection.imports.setdefault(found.name, []).append(plain)


def _without_widgets(item: Import) -> Import:
    """``tqdm.notebook`` and ``tqdm_notebook`` as what writes to a terminal or a log."""
    if item.module in ("tqdm.notebook", "tqdm.autonotebook"):
        return replace(item, module="tqdm")
    plain = {"tqdm_notebook": "tqdm", "tnrange": "trange"}.get(item.member)
    return replace(item, member=plain) if item.module == "tqdm" and plain else item


def _add_parameter(selection: Selection, piece: Piece) -> None:
    node = piece.node
    target = None
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target = node.targets[0]
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        target = node.target
    if isinstance(target, ast.Name):
        selection.parameters.append(piece)
        return
    if only_shows(node, selection.modules, selection.shown) or isinstance(
        node, ast.Expr | ast.Assert
    ):
        _leave(selection, piece, "NBX009", "stays in the notebook")
        return
    raise refusal(
        "NBX023",
        f"cell {piece.cell_id} line {piece.line}:"
        " a parameters cell holds assignments, `name = value`",
        hint="move this statement to the cell that uses the parameters",
        cell_id=piece.cell_id,
        line=piece.line,
    )


def left_behind(selection: Selection, piece: Piece) -> bool:
    """Whether a statement of a tagged cell has nothing to do in a module."""
    node = piece.node
    if isinstance(node, ast.Pass) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    ):
        return True
    if isinstance(node, ast.Expr) and root_name(node.value) == "get_ipython":
        _leave(selection, piece, "NBX008", "only IPython runs it")
        return True
    if isinstance(node, ast.Assert) or (
        isinstance(node, ast.Delete) and all(isinstance(item, ast.Name) for item in node.targets)
    ):
        _leave(selection, piece, "NBX010", "changes no value that the module computes")
        return True
    if only_shows(node, selection.modules, selection.shown):
        _leave(selection, piece, "NBX009", "only shows something")
        return True
    if piece.role in ("features", "predict") and writes_file(node):
        _leave(selection, piece, "NBX010", "a request writes no file")
        return True
    return False


def _leave(selection: Selection, piece: Piece, code: str, why: str) -> None:
    selection.findings.append(
        finding(
            code, f"dropped: {piece.first_line} ({why})", cell_id=piece.cell_id, line=piece.line
        )
    )
