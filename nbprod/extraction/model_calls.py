"""What a statement gives a model: the rows it is fitted on, those that it predicts."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece

_CALLS = "predict predict_proba predict_log_proba decision_function forecast"
PREDICTS = frozenset(_CALLS.split())


def model_calls(piece: Piece) -> list[tuple[str, str]]:
    """(model, method) of each ``model.predict(...)`` in a statement."""
    return [
        (root_name(node.func.value) or "", node.func.attr)
        for node in piece.nodes
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in PREDICTS
    ]


def model_arguments(piece: Piece, models: set[str]) -> list[str]:
    """The names that a statement gives a model to predict."""
    found: list[str] = []
    for node in piece.nodes:
        if isinstance(node, ast.Call) and root_name(node.func) in models:
            given = [*node.args, *(item.value for item in node.keywords)]
            found += [name for item in given if (name := root_name(item)) is not None]
    return [name for name in dict.fromkeys(found) if name not in models]


def fit_argument(piece: Piece) -> str | None:
    """The name that a statement fits a model on: X of ``model.fit(X, y)``."""
    for node in piece.nodes:
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "fit"
            and len(node.args) >= 2
        ):
            return root_name(node.args[0])
    return None
