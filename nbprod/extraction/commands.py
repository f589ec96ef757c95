"""Lines that only IPython runs: what each one means for a module that runs without it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from nbprod.extraction.rules import finding, refusal
from nbprod.notebook.magics import runs_python

if TYPE_CHECKING:
    from nbprod.records import Finding, Severity

_INSTALL = re.compile(
    r"^(?:\w+\s*=\s*)?[!%]\s*(?:sudo\s+)?(?:python3?\s+-m\s+)?"
    r"(?:pip3?|conda|mamba|uv(?:\s+pip)?|poetry)\s+(?:install|add)\s+(.*)",
    re.S,
)
_FETCHES = re.compile(
    r"^(?:\w+\s*=\s*)?(?:!|%sx|%%bash|%%sh|%%script|%%!)"
    r".*\b(wget|curl|gdown|kaggle|unzip|tar|git|aws|gsutil|mkdir|cp|mv|rm|touch)\b",
    re.S,
)
_ENVIRONMENT = re.compile(r"^%(?:set_)?env\s+(\w+)[ =]")


def command_finding(text: str, cell_id: str, line: int) -> Finding:
    """What becomes of one of IPython's lines in a tagged cell.

    ExtractionError for one that defines what nobody can see here: ``%run``, ``%pylab``.
    """
    first = text.split("\n")[0]
    _check(first, cell_id, line)
    severity, why, hint = _meaning(text)
    if runs_python(text):
        why = "its Python stays"
    told = f"dropped: {first}" + (f" ({why})" if why else "")
    return finding("NBX008", told, hint=hint, cell_id=cell_id, line=line, severity=severity)


def _check(first: str, cell_id: str, line: int) -> None:
    if first.startswith("%run"):
        other = first.removeprefix("%run").strip() or "a file"
        raise refusal(
            "NBX029",
            f"cell {cell_id} line {line}: `{first}` runs another file, which a module does not",
            hint=f"put what {other} defines into a .py file and import it by name,"
            " or copy its cells into this notebook",
            cell_id=cell_id,
            line=line,
        )
    if first.startswith("%pylab"):
        raise refusal(
            "NBX029",
            f"cell {cell_id} line {line}: `{first}` imports names that nobody can see here",
            hint="import numpy as np; import matplotlib.pyplot as plt",
            cell_id=cell_id,
            line=line,
        )


def _meaning(text: str) -> tuple[Severity, str, str]:
    """(severity, what the module does without, the next step)."""
    if found := _INSTALL.match(text):
        packages = " ".join(word for word in found[1].split() if not word.startswith("-"))
        return "info", "installs", f"the project's environment must have {packages}"
    if found := _ENVIRONMENT.match(text):
        return (
            "warning",
            f"the module runs without {found[1]}",
            f"set {found[1]} where the module trains and serves",
        )
    if text.startswith("%cd"):
        return (
            "warning",
            "the module runs in the project's folder",
            "write paths relative to the project's folder",
        )
    if text.startswith(("%%writefile", "%%file")):
        return "warning", "writes a file", "keep that file in the project, and import it"
    if _FETCHES.match(text):
        return (
            "warning",
            "changes files, which the module does not",
            "do it in Python in a data cell, or before the run",
        )
    if text.startswith("%store"):
        return "warning", "reads another notebook's values", "load them from a file"
    return "info", "", ""
