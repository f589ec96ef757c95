"""Secrets in string literals: the patterns of detect-secrets, and names that say what they hold.

Strings that merely look random are not told: digests and ids do, too.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING, Any

from nbprod.masking import PLACEHOLDER, TELLING_NAME, WORTH_A_LOOK, known_secrets
from nbprod.notebook.syntax import children

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN_NAME = re.compile(r"(^|_)token$", re.IGNORECASE)
# `API_KEY = "API_KEY"`, "<your key>", "${KEY}", "{key}", "xxxx", "changeme": not the thing itself
_ENVIRONMENT = re.compile(r"[A-Z]+(_[A-Z0-9]+)+$|[A-Z]+$")
_LEAST = 6


def secret_lines(tree: ast.AST) -> list[int]:
    """The lines of code with a string literal that looks like a secret, each once, in order."""
    found = {
        node.lineno
        for node, name in _literals(tree)
        if _is_named_so(name, node.value) or _is_known(node.value)
    }
    return sorted(found)


def secret_text_lines(text: str) -> list[int]:
    """The lines of any text, 1-based, that hold a secret of a known form."""
    if not WORTH_A_LOOK.search(text):
        return []
    return [number for number, line in enumerate(text.split("\n"), start=1) if _is_known(line)]


def _literals(tree: ast.AST) -> Iterator[tuple[ast.Constant, str]]:
    """Every string literal with the name that it is given to, "" for one without."""
    pending: list[tuple[ast.AST, str]] = [(tree, "")]
    while pending:
        node, name = pending.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str):
                yield node, name
        elif isinstance(node, ast.Assign):
            pending.append((node.value, _last_name(node.targets[0])))
        elif isinstance(node, ast.AnnAssign) and node.value is not None:
            pending.append((node.value, _last_name(node.target)))
        elif isinstance(node, ast.keyword):
            pending.append((node.value, node.arg or ""))
        elif isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                pending.append((value, _text(key)))
        elif isinstance(node, ast.arguments):
            names = [item.arg for item in (*node.posonlyargs, *node.args)]
            defaults = zip(reversed(node.defaults), reversed(names), strict=False)
            only = zip(node.kw_defaults, (item.arg for item in node.kwonlyargs), strict=True)
            pending += [(value, name) for value, name in (*defaults, *only) if value is not None]
        else:
            pending += [(child, "") for child in children(node)]


def _last_name(target: ast.expr) -> str:
    """``key`` of ``key``, ``config.key`` and ``config["key"]``."""
    if isinstance(target, ast.Name):
        return target.id
    if isinstance(target, ast.Attribute):
        return target.attr
    return _text(target.slice) if isinstance(target, ast.Subscript) else ""


def _text(node: ast.expr | None) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return ""


def _is_named_so(name: str, value: Any) -> bool:
    if len(value) < _LEAST or value.lower() == name.lower():
        return False
    if PLACEHOLDER.match(value) or _ENVIRONMENT.match(value):
        return False
    if TELLING_NAME.search(name):
        return True
    mixed = any(c.isdigit() for c in value) and any(c.isalpha() for c in value)
    return bool(_TOKEN_NAME.search(name)) and len(value) >= 20 and mixed and " " not in value


def _is_known(value: Any) -> bool:
    return bool(known_secrets(value))
