"""What ``from x import *`` gives: asked of the module itself, in a process of its own."""

from __future__ import annotations

import ast
import functools
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.notebook.graph import CellCode

_TIMEOUT_S = 60
# Imports run other people's code: what they print goes elsewhere, the answer is the last line.
_ASK = """
import importlib, json, sys
told = {}
for name in sys.argv[1:]:
    try:
        module = importlib.import_module(name)
        given = getattr(module, "__all__", None)
        if given is None:
            given = [item for item in vars(module) if not item.startswith("_")]
        told[name] = sorted(item for item in given if isinstance(item, str))
    except BaseException as error:
        told[name] = f"{type(error).__name__}: {error}"
print()
print(json.dumps(told))
"""


@dataclass(frozen=True)
class Star:
    """One ``from module import *``; ``given`` is None where the module could not be asked."""

    cell_id: str
    line: int
    module: str  # with leading dots where it is relative
    given: frozenset[str] | None
    why: str = ""  # why it could not be asked


def is_star(node: ast.AST) -> bool:
    """Whether a node is ``from x import *``."""
    return isinstance(node, ast.ImportFrom) and node.names[0].name == "*"


def star_imports(cells: Sequence[CellCode], folder: Path) -> list[Star]:
    """Every star import of a notebook with the names that it gives here.

    folder: the notebook's, where a kernel looks for modules too.
    """
    found = [
        (code.cell.cell_id, node.lineno, "." * node.level + (node.module or ""))
        for code in cells
        for node in code.imports
        if isinstance(node, ast.ImportFrom) and is_star(node)
    ]
    asked = tuple(sorted({module for _, _, module in found if not module.startswith(".")}))
    told = _ask(asked, str(folder)) if asked else {}
    stars: list[Star] = []
    for cell_id, line, module in found:
        given = told.get(module, "it is relative to the notebook")
        if isinstance(given, str):
            stars.append(Star(cell_id, line, module, None, given))
        else:
            stars.append(Star(cell_id, line, module, given))
    return stars


@functools.lru_cache(maxsize=32)
def _ask(modules: tuple[str, ...], folder: str) -> dict[str, frozenset[str] | str]:
    """What each module gives a star import, or why that is not known."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _ASK, *modules],
            cwd=folder,
            env={**os.environ, "MPLBACKEND": "Agg"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
        told = json.loads(done.stdout.rstrip("\n").rpartition("\n")[2])
    except subprocess.TimeoutExpired:
        return dict.fromkeys(modules, f"its import took more than {_TIMEOUT_S} s")
    except (OSError, ValueError):
        return dict.fromkeys(modules, "the process that imported it ended early")
    return {name: item if isinstance(item, str) else frozenset(item) for name, item in told.items()}
