"""What learns in a notebook: encoders, scalers; the calls that make one and that fit it."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece

FAMILIES = (
    "Encoder",
    "Scaler",
    "Imputer",
    "Vectorizer",
    "Binarizer",
    "Transformer",
    "Discretizer",
)
# Parts of the names of classes whose fit is for features: training is another's.
LEARNERS = (*FAMILIES, "PCA", "SVD", "KMeans", "SelectKBest", "Normalizer", "PolynomialFeatures")


def learns_alone(node: ast.stmt) -> bool:
    """Whether a statement does nothing but learn: ``encoder.fit(x)``, ``pca = PCA().fit(x)``."""
    if not isinstance(node, ast.Expr | ast.Assign):
        return False
    call = node.value
    return (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("fit", "partial_fit")
        and root_name(call.func) is not None
        and bool(call.args or call.keywords)
    )


def made_by(node: ast.stmt) -> tuple[str, str] | None:
    """(name, call) of ``encoder = LabelEncoder()``: what makes a new object of a class."""
    if not (
        isinstance(node, ast.Assign)
        and len(node.targets) == 1
        and isinstance(target := node.targets[0], ast.Name)
        and isinstance(call := node.value, ast.Call)
        and class_of(call)
    ):
        return None
    return target.id, ast.unparse(call)


def class_of(call: ast.expr) -> str:
    """The class that a call makes an object of, as its name tells: "LabelEncoder"; or ""."""
    while (
        isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("set_output", "set_params")
    ):
        call = call.func.value
    if not isinstance(call, ast.Call):
        return ""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    return name if name[:1].isupper() and name != name.upper() else ""


@dataclass(frozen=True)
class Learning:
    """A call that learns and transforms at once."""

    holder: ast.expr  # what learns: a name, or the call that makes it
    given: list[ast.expr]  # what it learns from
    rows: ast.expr  # what it transforms


def learning_call(node: ast.stmt) -> Learning | None:
    """The one ``encoder.fit_transform(x)``, ``Encoder().fit(x).transform(y)`` of a statement."""
    calls = [
        item
        for item in (ast.walk(node) if isinstance(node, ast.Assign) else ())
        if isinstance(item, ast.Call) and isinstance(item.func, ast.Attribute)
    ]
    found: list[Learning] = []
    for call in calls:
        assert isinstance(call.func, ast.Attribute)
        holder = call.func.value
        if call.func.attr == "fit_transform" and len(call.args) in (1, 2) and not call.keywords:
            found.append(Learning(holder, call.args, call.args[0]))
        elif (
            call.func.attr == "transform"
            and len(call.args) == 1
            and isinstance(holder, ast.Call)
            and isinstance(holder.func, ast.Attribute)
            and holder.func.attr == "fit"
            and not holder.keywords
        ):
            found.append(Learning(holder.func.value, holder.args, call.args[0]))
    if len(found) != 1 or not found[0].given:
        return None
    holder = found[0].holder
    return found[0] if isinstance(holder, ast.Name) or class_of(holder) else None


def column_of(node: ast.expr) -> str:
    """The one column that an expression takes, as part of a name: "sex" of ``df[["sex"]]``."""
    columns = {
        part.value
        for item in ast.walk(node)
        if isinstance(item, ast.Subscript)
        for part in ast.walk(item.slice)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    }
    if not columns and isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        columns = {node.attr}  # df.sex
    word = re.sub(r"\W+", "_", columns.pop()).strip("_").lower() if len(columns) == 1 else ""
    return word if f"a_{word}".isidentifier() else ""


def learner_in(piece: Piece, known: set[str]) -> str | None:
    """The scaler or encoder that a statement fits or applies."""
    if (call := learning_call(piece.node)) is not None:
        if isinstance(call.holder, ast.Name):
            return call.holder.id if call.holder.id in known else None
        text = ast.unparse(call.holder)
        return "" if any(word in text.partition("(")[0] for word in LEARNERS) else None
    value = getattr(piece.node, "value", None)
    if not isinstance(value, ast.Call) or not isinstance(value.func, ast.Attribute):
        return None
    root = root_name(value.func)
    if root in known and value.func.attr in ("fit", "transform"):
        return root
    if learns_alone(piece.node) and isinstance(piece.node, ast.Assign):
        made = ast.unparse(value.func.value).partition("(")[0]
        names = list(piece.names.binds)
        return names[0] if names and any(word in made for word in LEARNERS) else None
    return None
