"""Whether an expression gives a frame of the rows at hand, as far as its form tells."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from nbprod.extraction.pieces import Piece

_MADE_BY = frozenset({"DataFrame", "to_frame", "assign", "concat"})
# Methods of a frame that give one of the same rows.
_OF_A_FRAME = """
abs add add_prefix add_suffix applymap astype clip convert_dtypes copy div drop fillna floordiv
infer_objects join map mask merge mod mul pipe pow rename rename_axis replace reset_index round
set_axis set_index sub where
"""
_KEEP_ROWS = frozenset(_OF_A_FRAME.split())
# Functions of NumPy and Python that give a frame for a frame.
_ON_A_FRAME = """
abs absolute around ceil clip exp expm1 fabs floor log log10 log1p maximum minimum negative power
rint round sqrt square
"""
_ELEMENTWISE = frozenset(_ON_A_FRAME.split())


def gives_frame(
    value: ast.expr | None, frames: Collection[str], definitions: Mapping[str, Piece]
) -> bool:
    """Whether an expression gives a frame of the rows at hand.

    frames: names that hold one; definitions: the notebook's functions, which may give one.
    """
    if isinstance(value, ast.Name):
        return value.id in frames
    if isinstance(value, ast.BinOp):
        sides = (value.left, value.right)
        return any(gives_frame(side, frames, definitions) for side in sides)
    if isinstance(value, ast.Subscript):
        return isinstance(value.slice, ast.List) and gives_frame(value.value, frames, definitions)
    return isinstance(value, ast.Call) and _called(value, frames, definitions)


def _called(call: ast.Call, frames: Collection[str], definitions: Mapping[str, Piece]) -> bool:
    function = call.func
    last = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    if last in _MADE_BY:
        return True
    given = [gives_frame(item, frames, definitions) for item in call.args]
    if isinstance(function, ast.Name) and function.id in definitions:
        return returns_frame(definitions[function.id].node, given)
    if last in _ELEMENTWISE and any(given):
        return True
    if not isinstance(function, ast.Attribute):
        return False
    if last in _KEEP_ROWS:
        return gives_frame(function.value, frames, definitions)
    # model.predict(X).to_frame().join(...): somewhere on its way
    return isinstance(function.value, ast.Call) and _made_on_the_way(function.value)


def _made_on_the_way(value: ast.expr) -> bool:
    while isinstance(value, ast.Call) and isinstance(function := value.func, ast.Attribute):
        if function.attr in _MADE_BY:
            return True
        value = function.value
    return False


def returns_frame(node: ast.stmt, given: list[bool]) -> bool:
    """Whether a function says that it returns a frame, or returns what makes one.

    given: which of its arguments are frames.
    """
    if not isinstance(node, ast.FunctionDef):
        return False
    if node.returns is not None and ast.unparse(node.returns).strip("'\"").endswith("DataFrame"):
        return True
    frames = {item.arg for item, frame in zip(node.args.args, given, strict=False) if frame}
    for item in ast.walk(node):
        if isinstance(item, ast.Assign) and gives_frame(item.value, frames, {}):
            frames |= {target.id for target in item.targets if isinstance(target, ast.Name)}
    values = [item.value for item in ast.walk(node) if isinstance(item, ast.Return)]
    return bool(values) and all(gives_frame(value, frames, {}) for value in values)
