"""Statistics in the middle of features statements, taken out: fit() learns them, transform() reads.

``df["age"] = df["age"].fillna(df["age"].median())`` computes another median for every batch of
rows; the module learns ``age_median`` from the training rows, once.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.learned_values import STATISTICS, is_statistic
from nbprod.extraction.learners import column_of
from nbprod.extraction.lineage import made
from nbprod.extraction.pieces import part_source
from nbprod.extraction.rules import finding
from nbprod.notebook.syntax import nodes_of, once_per_node

if TYPE_CHECKING:
    from nbprod.extraction.anatomy import Anatomy
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Program
    from nbprod.extraction.selection import Selection


def hoist(selection: Selection, program: Program, anatomy: Anatomy) -> bool:
    """Take statistics out of features statements, in place; whether any was.

    Held-out rows get what the training rows taught, where the cells do the same to both.
    """
    taken = {
        name
        for item in (*selection.pieces, *selection.untagged)
        for name in (*item.names.binds, *item.names.needs)
    } | selection.imports.keys()
    learned: dict[str, str] = {}  # a statistic of whatever rows -> the name that it has
    found = False
    for piece in [item for item in program.steps if item.role == "features"]:
        if not holds_statistic(piece.node):
            continue
        rows = {
            name for name in program.needs(piece) if anatomy.rows(name, program.writer(piece, name))
        }
        inside = _statistics(piece.node, rows)
        names: dict[str, str] = {}
        fits: list[Piece] = []
        for node in inside:
            text = ast.unparse(node)
            shape = _shape(node, rows)
            held_out = any(
                anatomy.rows(name, program.writer(piece, name)) == {"holdout"} for name in rows
            )
            if (held_out and shape not in learned) or text in names:
                continue
            if shape not in learned or not held_out:
                learned[shape] = _called(node, taken)
                source = f"{learned[shape]} = {part_source(piece, node)}"
                fits.append(made(selection, piece, source, "fit"))
            else:
                _tell(selection, piece, learned[shape])
            names[text] = learned[shape]
        if names:
            found = True
            _replace(selection, piece, fits, names)
    return found


@once_per_node
def holds_statistic(node: ast.stmt) -> bool:
    """Whether a statement takes a statistic, whosever rows it is of."""
    return isinstance(node, ast.Assign | ast.AugAssign | ast.Expr) and any(
        isinstance(item, ast.Attribute) and item.attr in STATISTICS for item in nodes_of(node)
    )


def _statistics(node: ast.stmt, rows: set[str]) -> list[ast.expr]:
    """The outermost statistics of rows within a statement, but for those of each turn or group."""
    value = getattr(node, "value", None)
    if not isinstance(value, ast.expr) or is_statistic(value):
        return []  # the whole of it is one: that is told elsewhere
    found: list[ast.expr] = []
    pending: list[ast.AST] = [value]
    if isinstance(node, ast.Assign):
        pending += [item for item in node.targets if not isinstance(item, ast.Name)]
    while pending:
        item = pending.pop()
        if isinstance(
            item, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
        ):
            continue
        if isinstance(item, ast.expr) and is_statistic(item):
            read = {part.id for part in ast.walk(item) if isinstance(part, ast.Name)}
            if len(read & rows) == 1 and not _per_group(item):
                found.append(item)
                continue
        pending.extend(ast.iter_child_nodes(item))
    return sorted(found, key=lambda item: (item.lineno, item.col_offset))


def _per_group(node: ast.AST) -> bool:
    """A value for each row after all: ``groupby(...).transform("mean")``."""
    return any(
        isinstance(item, ast.Attribute) and item.attr in ("transform", "rolling", "expanding")
        for item in ast.walk(node)
    )


def _shape(node: ast.expr, rows: set[str]) -> str:
    tree = ast.parse(ast.unparse(node), mode="eval")
    for item in ast.walk(tree):
        if isinstance(item, ast.Name) and item.id in rows:
            item.id = "rows"
    return ast.dump(tree)


def _called(node: ast.expr, taken: set[str]) -> str:
    """``age_median`` for ``df["Age"].median()``."""
    methods = [
        item.attr
        for item in ast.walk(node)
        if isinstance(item, ast.Attribute) and item.attr in STATISTICS
    ]
    column = column_of(node)
    name = "_".join(filter(None, (column, methods[0] if methods else "value")))
    name = name if name.isidentifier() else f"column_{name}"
    free, number = name, 1
    while free in taken:
        number += 1
        free = f"{name}_{number}"
    taken.add(free)
    return free


def _replace(selection: Selection, piece: Piece, fits: list[Piece], names: dict[str, str]) -> None:
    place = selection.pieces.index(piece)
    changed = piece.syntax.visit(_Replaced(names))
    assert isinstance(changed, cst.SimpleStatementLine)
    parts = [*fits, piece.rewritten(changed, selection.names)]
    for index, part in enumerate(parts):
        object.__setattr__(part, "order", piece.order + index)
    selection.pieces[place : place + 1] = parts


def _tell(selection: Selection, piece: Piece, name: str) -> None:
    selection.findings.append(
        finding(
            "NBX052",
            f"held-out rows teach a value of their own here: `{piece.first_line}`",
            hint=f"the module uses {name}, as the training rows have it, for both",
            cell_id=piece.cell_id,
            line=piece.line,
        )
    )


class _Replaced(cst.CSTTransformer):
    """Expressions by their text, replaced by names."""

    def __init__(self, names: dict[str, str]) -> None:
        super().__init__()
        self.names = names

    def leave_Call(  # noqa: N802 - libcst's name
        self, original_node: cst.Call, updated_node: cst.Call
    ) -> cst.BaseExpression:
        return self._named(original_node) or updated_node

    def leave_Subscript(  # noqa: N802 - libcst's name
        self, original_node: cst.Subscript, updated_node: cst.Subscript
    ) -> cst.BaseExpression:
        return self._named(original_node) or updated_node

    def _named(self, node: cst.Call | cst.Subscript) -> cst.Name | None:
        bare = node.with_changes(lpar=(), rpar=())
        name = self.names.get(_plain(cst.Module(body=[]).code_for_node(bare)))
        return cst.Name(name) if name is not None else None


def _plain(text: str) -> str:
    try:
        return ast.unparse(ast.parse(f"({text}\n)", mode="eval").body)
    except SyntaxError:
        return text
