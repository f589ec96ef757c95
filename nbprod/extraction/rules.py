"""What extraction and inspection can find, by code: the table that findings are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.errors import ExtractionError
from nbprod.records import Finding

if TYPE_CHECKING:
    from nbprod.records import Severity


@dataclass(frozen=True)
class Rule:
    """One thing that can be found in a notebook or its module."""

    code: str
    name: str
    severity: Severity
    meaning: str


_TABLE: tuple[tuple[str, str, Severity, str], ...] = (
    ("NBX001", "undefined-name", "error", "a cell reads a name that no cell before it defines"),
    ("NBX002", "untagged-name", "error", "a tagged cell needs what only an untagged cell assigns"),
    ("NBX003", "name-in-two-roles", "warning", "cells of two roles assign the same name"),
    ("NBX004", "run-order", "warning", "the cells were last run in another order than they stand"),
    ("NBX005", "absolute-path", "warning", "a path that exists on one machine only"),
    ("NBX006", "syntax-error", "error", "a cell is not valid Python"),
    ("NBX007", "unclear-role", "error", "a cell's tags name no known role, or several"),
    ("NBX008", "dropped-magic", "info", "a line that only IPython runs stays in the notebook"),
    ("NBX009", "dropped-display", "info", "what only shows something stays in the notebook"),
    ("NBX010", "dropped-unused", "info", "nothing in the module needs what this computes"),
    ("NBX011", "rewritten", "info", "a name was rewritten, because in a module it lives elsewhere"),
    ("NBX012", "repeated-chain", "info", "the holdout gets the same features: one transform"),
    ("NBX013", "different-chain", "error", "the holdout gets other features than training"),
    ("NBX014", "edited-module", "error", "the module was edited by hand since it was extracted"),
    ("NBX015", "hidden-change", "error", "an untagged cell changes what tagged cells use"),
    ("NBX016", "missing-role", "error", "no cell has a role that the module needs"),
    ("NBX017", "work-at-import", "warning", "importing the module would do work"),
    ("NBX018", "secret", "warning", "a secret stands in the notebook"),
    ("NBX019", "rows-change", "warning", "features add, drop or reorder rows"),
    ("NBX020", "test-left-out", "warning", "a test needs what only the notebook has"),
    ("NBX021", "learns-in-features", "error", "a features cell learns from the rows it is given"),
    ("NBX022", "star-import", "warning", "`from x import *` hides which names are used"),
    ("NBX023", "not-derivable", "error", "a cell's code cannot become the role's function"),
    ("NBX024", "not-importable", "error", "the module that came out would not run"),
    ("NBX025", "moved-to-lib", "info", "a definition that several files need lives in lib.py"),
    ("NBX026", "label-in-features", "warning", "features read the label, which no request has"),
    ("NBX027", "hidden-state", "error", "a cell ran with a name that no cell defines any more"),
    ("NBX028", "circular-roles", "warning", "two roles read what the other computes"),
    ("NBX029", "notebook-command", "error", "a line that only IPython runs gives what is needed"),
    ("NBX030", "differs-from-cells", "error", "the module computes another value than the cells"),
    ("NBX031", "not-compared", "warning", "a value of the road could not be compared"),
    ("NBX032", "test-failed", "error", "a test of the notebook fails against the module"),
    ("NBX033", "test-not-run", "warning", "a test of the notebook could not be run"),
    ("NBX034", "neighbour-import", "warning", "a file beside the notebook, which no replica has"),
    ("NBX040", "sync-conflict", "error", "module and notebook were changed at the same line"),
    ("NBX041", "not-reversible", "error", "an edit of the module that no edit of a cell makes"),
    ("NBX042", "placed", "info", "a line added to the module stands in this cell now"),
    ("NBX043", "laid-out", "warning", "extraction lays an edit out in its own way"),
    ("NBX050", "batch-dependent", "warning", "a feature depends on the frame's other rows"),
    ("NBX051", "shared-generator", "warning", "random numbers depend on what was drawn before"),
    ("NBX052", "learns-from-all-rows", "warning", "what is learned has seen held-out rows"),
)
RULES: dict[str, Rule] = {row[0]: Rule(*row) for row in _TABLE}


def finding(
    code: str,
    message: str,
    *,
    hint: str = "",
    cell_id: str | None = None,
    line: int | None = None,
    severity: Severity | None = None,
) -> Finding:
    """A finding of the rule ``code``, with the rule's severity unless another is given."""
    return Finding(
        code=code,
        severity=severity or RULES[code].severity,
        message=message,
        hint=hint,
        cell_id=cell_id,
        line=line,
        details={"rule": RULES[code].name},
    )


def refusal(
    code: str,
    message: str,
    *,
    hint: str,
    cell_id: str | None = None,
    line: int | None = None,
) -> ExtractionError:
    """The error that says why a notebook cannot become a module, by the rule ``code``."""
    return ExtractionError(message, hint=hint, cell_id=cell_id, line=line, code=code)
