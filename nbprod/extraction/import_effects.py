"""What importing the module would do: lib statements that reach a disk, a network, a clock."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.rules import finding
from nbprod.notebook.effects import root_name
from nbprod.notebook.syntax import nodes_of, once_per_node

if TYPE_CHECKING:
    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.selection import Selection

_OUTSIDE = """
load safe_load open to_csv to_parquet to_pickle to_json to_sql to_excel urlopen urlretrieve
connect create_engine execute sleep now today system popen input
makedirs mkdir write_text write_bytes savefig savetxt dump fit fit_transform train from_pretrained
"""
_REACHES = frozenset(_OUTSIDE.split())


def check_lib(selection: Selection, result: Definitions) -> None:
    """Tell the statements of lib that reach outside whenever the module is imported (NBX017)."""
    reaching = _reaching_functions(result)
    for piece in (*dict.fromkeys(result.pieces.values()), *result.loose_lib):
        if piece.role != "lib" or piece.is_definition:
            continue
        called = _called_at_import(piece.node)
        if any(_reaches(function) or root_name(function) in reaching for function in called):
            selection.findings.append(
                finding(
                    "NBX017",
                    f"importing lib.py will run: {piece.first_line}",
                    hint="move it to a data or fit cell, if it reads a file or takes long",
                    cell_id=piece.cell_id,
                    line=piece.line,
                )
            )


def _reaching_functions(result: Definitions) -> set[str]:
    """The notebook's functions that reach outside when called, through others too."""
    direct = {
        name
        for name, piece in result.pieces.items()
        if piece.is_definition and _reaches_outside(piece.node)
    }
    return {
        name
        for name, piece in result.pieces.items()
        if piece.is_definition and result.reach([name]) & direct
    }


@once_per_node
def _called_at_import(node: ast.stmt) -> list[ast.expr]:
    found: list[ast.expr] = []
    pending: list[ast.AST] = [node]
    while pending:
        item = pending.pop()
        if isinstance(item, ast.Call):
            found.append(item.func)
        if not isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            pending.extend(ast.iter_child_nodes(item))
    return found


@once_per_node
def _reaches_outside(node: ast.stmt) -> bool:
    return any(isinstance(item, ast.Call) and _reaches(item.func) for item in nodes_of(node))


def _reaches(function: ast.expr) -> bool:
    """Whether a call usually reaches a disk, a network, a clock or another process, or learns."""
    name = function.attr if isinstance(function, ast.Attribute) else root_name(function) or ""
    if name.startswith(("read_", "load_", "fetch_", "download")) or name in _REACHES:
        return True
    return root_name(function) in ("requests", "subprocess", "httpx", "urllib", "shutil")
