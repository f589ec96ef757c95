"""Import lines: only those used, sorted as isort and ruff sort them."""

from __future__ import annotations

import ast
import contextlib
import copy
import sys
from dataclasses import dataclass
from typing import Any

from nbprod.notebook.syntax import nodes_of

# The same bytes on every Python: modules that some versions have and others do not.
_STANDARD = frozenset(sys.stdlib_module_names) | {
    "asynchat",
    "asyncore",
    "distutils",
    "imp",
    "smtpd",
}
_WIDTH = 88
_NOTED = (ast.arg, ast.FunctionDef, ast.AsyncFunctionDef, ast.AnnAssign)  # may be annotated


@dataclass(frozen=True, order=True)
class ImportLine:
    """``import module as alias`` (no member), or ``from module import member as alias``."""

    module: str
    member: str = ""
    alias: str = ""


def import_block(lines: set[ImportLine]) -> str:
    """The import statements as text: future, standard library, others, the package's own."""
    sections: list[list[ImportLine]] = [[], [], [], []]
    for line in lines:
        sections[_section(line.module)].append(line)
    return "\n\n".join(_section_text(section) for section in sections if section)


def future_annotations(tree: ast.Module) -> bool:
    """Whether a file's functions have annotations, which a future import leaves unevaluated."""
    for node in nodes_of(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.returns is not None:
            return True
        if isinstance(node, ast.arg) and node.annotation is not None:
            return True
    return False


def spelled_annotations(tree: ast.Module) -> ast.Module:
    """The tree with annotations that are text, ``"pd.Series"``, as the expressions they spell."""
    noted = (node for node in nodes_of(tree) if isinstance(node, _NOTED))
    return _Spelled().visit(copy.deepcopy(tree)) if any(map(_is_text, noted)) else tree


class _Spelled(ast.NodeTransformer):
    def visit(self, node: ast.AST) -> Any:
        for field in ("annotation", "returns"):
            note = getattr(node, field, None)
            if isinstance(note, ast.Constant) and isinstance(note.value, str):
                with contextlib.suppress(SyntaxError):
                    spelled = ast.parse(note.value, mode="eval").body
                    setattr(node, field, ast.copy_location(spelled, note))
        return self.generic_visit(node)


def _is_text(node: ast.AST) -> bool:
    notes = (getattr(node, "annotation", None), getattr(node, "returns", None))
    return any(isinstance(note, ast.Constant) and isinstance(note.value, str) for note in notes)


def is_standard(module: str) -> bool:
    """Whether a module belongs to Python itself, or to the file's own package."""
    return module.partition(".")[0] in _STANDARD


def _section(module: str) -> int:
    if module.startswith("."):
        return 3
    top = module.partition(".")[0]
    if top == "__future__":
        return 0
    return 1 if top in _STANDARD else 2


def _section_text(lines: list[ImportLine]) -> str:
    plain = sorted({line for line in lines if not line.member}, key=_plain_key)
    text = [f"import {line.module}" + (f" as {line.alias}" if line.alias else "") for line in plain]
    modules = sorted({line.module for line in lines if line.member}, key=_module_key)
    for module in modules:
        members = sorted(
            {(line.member, line.alias) for line in lines if line.member and line.module == module},
            key=lambda item: (_kind(item[0]), item[0], item[1]),
        )
        text.append(_from(module, [a if not b else f"{a} as {b}" for a, b in members]))
    return "\n".join(text)


def _plain_key(line: ImportLine) -> tuple[str, str, str]:
    return line.module.lower(), line.module, line.alias


def _module_key(module: str) -> tuple[int, str, str]:
    dots = len(module) - len(module.lstrip("."))
    return -dots, module.lower(), module


def _kind(name: str) -> int:
    """isort's order: constants, classes, the rest."""
    if name.isupper() and len(name) > 1:
        return 0
    return 1 if name[:1].isupper() else 2


def _from(module: str, members: list[str]) -> str:
    line = f"from {module} import {', '.join(members)}"
    if len(line) <= _WIDTH:
        return line
    inner = "".join(f"    {member},\n" for member in members)
    return f"from {module} import (\n{inner})"
