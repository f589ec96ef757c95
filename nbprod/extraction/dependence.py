"""Features that depend on their frame's other rows, and numbers that depend on what ran before.

Both compute the same in the module as in the notebook; a request of one row gets something else.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.rules import finding
from nbprod.notebook.effects import root_name
from nbprod.notebook.syntax import nodes_of, once_per_node

if TYPE_CHECKING:
    from nbprod.extraction.entries import Entry
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.workbench import Workbench

_OVER_ROWS = """
mean median mode std var sum min max quantile nunique value_counts rank shift diff pct_change
rolling expanding ewm cumsum cumprod cummax cummin cumcount ngroup factorize transform
"""
_ROWS_TOGETHER = frozenset(_OVER_ROWS.split()) - {"transform"}
_FUNCTIONS = frozenset({"get_dummies", "factorize", "qcut"})
_DRAWS = """
rand randn randint random random_sample normal uniform choice shuffle permutation poisson gamma
binomial beta exponential sample
"""
_DRAWING = frozenset(_DRAWS.split())


def tell_dependence(work: Workbench) -> None:
    """Warn of what transform() computes across rows, and of draws from a generator all share."""
    transform = work.result.entries.get("transform")
    if transform is not None:
        for piece in transform.pieces:
            called = _across_rows(work, piece)
            if called and not _columns_fixed_later(transform, piece, called):
                _tell(
                    work,
                    "NBX050",
                    piece,
                    f"{called} depends on the other rows of the frame: `{piece.first_line}`",
                    "learn it from the training rows in a fit cell; a request may be one row",
                )
    for piece in work.selection.untagged:
        if _seeds(piece.node) and not piece.notes.get("skip"):
            _tell(
                work,
                "NBX051",
                piece,
                f"the untagged cell {piece.cell_id} sets a seed, which the module does not:"
                f" `{piece.first_line}`",
                "set it in the cell that draws, or pass random_state",
            )
    for name in ("split", "fit", "transform", "train"):
        entry = work.result.entries.get(name)
        pieces = entry.pieces if entry is not None else []
        for piece in pieces:
            draw = _shared_draw(piece.node)
            if draw and not any(_seeds(item.node) and item.order <= piece.order for item in pieces):
                _tell(
                    work,
                    "NBX051",
                    piece,
                    f"{draw} draws from a generator that all code shares: `{piece.first_line}`",
                    "draw from np.random.default_rng(seed), or set the seed in this cell",
                )


def _across_rows(work: Workbench, piece: Piece) -> str:
    """The call of a loose statement that looks at several rows at once, or ""."""
    for node in piece.nodes:
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute):
            name, root = node.func.attr, root_name(node.func)
            if name in _FUNCTIONS and work.selection.modules.get(root or "") == "pandas":
                return f"{name}()"
            if (
                name in _ROWS_TOGETHER
                and root is not None
                and not _along_columns(node)
                and work.rows(root, work.program.writer(piece, root))
            ):
                return f".{name}()"
        elif isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS:
            return f"{node.func.id}()"
    return ""


def _along_columns(call: ast.Call) -> bool:
    """Whether a call works along each row: ``axis=1``, or ``.sum(1)``."""
    given = [item.value for item in call.keywords if item.arg == "axis"]
    if getattr(call.func, "attr", "") not in ("shift", "diff", "rolling", "pct_change"):
        given += call.args[:1]
    return any(isinstance(item, ast.Constant) and item.value in (1, "columns") for item in given)


def _columns_fixed_later(entry: Entry, piece: Piece, called: str) -> bool:
    """Whether columns that dummies make are put in their learned order afterwards."""
    if called != "get_dummies()":
        return False
    later = [item for item in entry.pieces if item.order >= piece.order]
    return any(".reindex(" in item.code or "CategoricalDtype" in item.code for item in later)


@once_per_node
def _shared_draw(statement: ast.stmt) -> str:
    for node in nodes_of(statement):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr == "sample" and node.args + node.keywords and not _has_seed(node):
                return ".sample() without random_state"
            text = ast.unparse(node.func)
            root, _, rest = text.partition(".")
            if node.func.attr in _DRAWING and (
                (rest == f"random.{node.func.attr}" and root in ("np", "numpy"))
                or (rest == node.func.attr and root == "random")
            ):
                return f"{text}()"
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            named = node.func.id == "train_test_split" and not _has_seed(node)
            if named and not any(item.arg == "shuffle" for item in node.keywords):
                return "train_test_split() without random_state"
    return ""


def _has_seed(call: ast.Call) -> bool:
    return any(item.arg in ("random_state", None) for item in call.keywords)


@once_per_node
def _seeds(statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("seed", "manual_seed", "seed_everything")
        for node in nodes_of(statement)
    )


def _tell(work: Workbench, code: str, piece: Piece, message: str, hint: str) -> None:
    work.result.findings.append(
        finding(code, message, hint=hint, cell_id=piece.cell_id, line=piece.line)
    )
