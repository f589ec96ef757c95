"""IPython's own syntax in a cell (``%``, ``%%``, ``!``, ``?``) turned into plain Python.

IPython's input transformer says what is one of its lines; every other line keeps its number.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

# Cell and line magics that run Python once, in the notebook's names: the Python stays. What
# %timeit runs, it runs many times, in names of its own: that goes.
_RUNS_PYTHON = frozenset({"time", "capture", "prun", "memit", "mprun", "lprun", "debug"})
# `files = !ls`, `x, y = %magic`; `%%capture out`; `%%bash --out text`; `%sql rows << select ...`
_BINDS = (
    re.compile(r"^\s*([A-Za-z_][\w, ]*?)\s*=\s*[!%]"),
    re.compile(r"^%%capture\s+(?:--?[\w-]+\s+)*([A-Za-z_]\w*)"),
    re.compile(r"^%%\w.*?--(?:out|err)[ =](\w+)"),
    re.compile(r"^%%?\w+\s+(\w+)\s*<<"),
    re.compile(r"^%store\s+-r\s+([\w ]+)"),
)


@dataclass(frozen=True)
class PlainSource:
    """A cell's Python; ``dropped`` holds (1-based line, text) of what was IPython's."""

    source: str
    dropped: tuple[tuple[int, str], ...] = ()
    tree: ast.Module | None = None  # where it was parsed on the way


def plain_source(source: str) -> PlainSource:
    """The cell as Python, with as many lines as before; what only IPython runs becomes ``pass``."""
    tree = _parsed(source)
    if tree is not None:
        return PlainSource(source, tree=tree)
    lines = source.split("\n")
    dropped: list[tuple[int, str]] = []
    for first, line in enumerate(lines):
        if line.startswith("%%"):
            magic = line[2:].split(maxsplit=1)
            if not magic or magic[0] not in _RUNS_PYTHON:
                dropped.append((first + 1, "\n".join(lines[first:]).strip()))
                return PlainSource("\n" * (len(lines) - 1), tuple(dropped))
            dropped.append((first + 1, line.strip()))
            lines[first] = ""  # and the next line may be another cell magic
        elif line.strip():
            break
    if _parsed("\n".join(lines)) is None:
        dropped += _drop_line_magics(lines)
    return PlainSource("\n".join(lines), tuple(dropped))


def names_bound(command: str) -> tuple[str, ...]:
    """The names that a line of IPython's gives the notebook, as far as the line says them."""
    for pattern in _BINDS:
        if found := pattern.match(command):
            return tuple(name for name in re.split(r"[\s,]+", found[1]) if name)
    return ()


def runs_python(command: str) -> bool:
    """Whether a magic runs Python once, in the notebook's names: ``%%time``, ``%time x = 1``."""
    found = re.match(r"^(?:[\w, ]+=\s*)?%%?(\w+)(.*)", command)
    if not found or found[1] not in _RUNS_PYTHON:
        return False
    return command.startswith("%%") or _parsed(found[2].strip()) is not None


def binds_unseen(command: str) -> bool:
    """Whether a line gives the notebook names that it does not say: ``%run``, ``%pylab``."""
    return command.startswith(("%run", "%pylab", "%load ", "%%cython", "%%R", "%%py"))


def _parsed(source: str) -> ast.Module | None:
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return None


def _drop_line_magics(lines: list[str]) -> list[tuple[int, str]]:
    """Replace every line that is IPython's, in place; each is told with its number."""
    from IPython.core.inputtransformer2 import (
        EscapedCommand,
        HelpEnd,
        MagicAssign,
        SystemAssign,
        make_tokens_by_line,
    )

    dropped: list[tuple[int, str]] = []
    for _ in range(len(lines)):
        try:
            tokens = make_tokens_by_line([line + "\n" for line in lines])
        except SyntaxError:  # indentation that fits nothing: no Python, and not for IPython to tell
            break
        found = [
            match
            for kind in (MagicAssign, SystemAssign, EscapedCommand, HelpEnd)
            if (match := kind.find(tokens)) is not None
        ]
        if not found:
            break
        first = min(found, key=lambda match: (match.start_line, match.start_col))
        start = end = first.start_line
        if isinstance(first, HelpEnd):
            end = max(start, first.q_line)
        while lines[end].endswith("\\") and end + 1 < len(lines):
            end += 1
        dropped.append((start + 1, "\n".join(lines[start : end + 1]).strip()))
        lines[start] = _plain_line(lines[start])
        lines[start + 1 : end + 1] = [""] * (end - start)
    return dropped


def _plain_line(line: str) -> str:
    timed = re.match(r"^(\s*(?:[\w, ]+=\s*)?)%(\w+)\s+(?!-)(.+)$", line)
    if timed and timed[2] in _RUNS_PYTHON and _parsed((timed[1] + timed[3]).strip()):
        return timed[1] + timed[3]
    return line[: len(line) - len(line.lstrip())] + "pass"
