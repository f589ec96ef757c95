"""What kind of value an expression surely gives, as far as its form tells: a type's name."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_ARITHMETIC = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.FloorDiv, ast.Mod)
_BUILTINS = {
    "int": "int", "len": "int", "ord": "int", "float": "float", "str": "str", "repr": "str",
    "chr": "str", "bool": "bool", "isinstance": "bool", "callable": "bool", "bytes": "bytes",
    "list": "list", "sorted": "list", "dict": "dict", "set": "set", "frozenset": "frozenset",
    "tuple": "tuple", "defaultdict": "defaultdict",
}  # fmt: skip
_METHODS = {"tolist": "list", "to_list": "list", "to_dict": "dict"}
# Methods that give back the object they are called on.
_GIVE_BACK = frozenset({"fit", "partial_fit", "set_output", "set_params"})
_STATEFUL = frozenset({"default_rng", "RandomState", "Random", "Generator"})
_SCALARS = frozenset({"int", "float", "str", "bool", "bytes"})
_NO_FRAME = frozenset({*_SCALARS, "list", "set", "tuple", "frozenset"})


def kind_of(
    value: ast.expr, classes: Collection[str] = (), known: Mapping[str, str] | None = None
) -> str:
    """The annotation for what an expression gives; "" where its form does not tell.

    classes: names of imported or defined classes, and of modules (``pd`` in ``pd.Series``);
    known: kinds of other names. Containers are named without what they hold.
    """
    if isinstance(value, ast.Name):
        return (known or {}).get(value.id, "")
    if isinstance(value, ast.IfExp):
        kinds = {kind_of(item, classes, known) for item in (value.body, value.orelse)}
        return kinds.pop() if len(kinds) == 1 else ""
    if isinstance(value, ast.BinOp):
        return _of_arithmetic(value, classes, known)
    if isinstance(value, ast.UnaryOp):
        kind = kind_of(value.operand, classes, known)
        return "bool" if isinstance(value.op, ast.Not) else kind if kind in _SCALARS else ""
    if isinstance(value, ast.Call):
        return _of_call(value, classes, known)
    return _of_display(value)


def _of_display(value: ast.expr) -> str:
    if isinstance(value, ast.Constant):
        plain = isinstance(value.value, bool | int | float | str | bytes | complex)
        return type(value.value).__name__ if plain else ""
    if isinstance(value, ast.JoinedStr):
        return "str"
    if isinstance(value, ast.List | ast.ListComp):
        return "list"
    if isinstance(value, ast.Dict | ast.DictComp):
        return "dict"
    if isinstance(value, ast.Set | ast.SetComp):
        return "set"
    return "tuple" if isinstance(value, ast.Tuple) else ""


def _of_arithmetic(
    value: ast.BinOp, classes: Collection[str], known: Mapping[str, str] | None
) -> str:
    left, right = kind_of(value.left, classes, known), kind_of(value.right, classes, known)
    if left == "str" and isinstance(value.op, ast.Mod):
        return "str"
    if isinstance(value.op, ast.Add) and left == right and left in ("str", "list", "tuple"):
        return left
    if not isinstance(value.op, _ARITHMETIC) or not {left, right} <= {"int", "float"}:
        return ""
    return "float" if "float" in (left, right) or isinstance(value.op, ast.Div) else "int"


def _of_call(value: ast.Call, classes: Collection[str], known: Mapping[str, str] | None) -> str:
    function = value.func
    if isinstance(function, ast.Name):
        if function.id in classes and function.id[:1].isupper():
            return function.id
        return _BUILTINS.get(function.id, "")
    if not isinstance(function, ast.Attribute):
        return ""
    if function.attr in _METHODS:
        return _METHODS[function.attr]
    if function.attr in _GIVE_BACK and isinstance(function.value, ast.Call):
        return kind_of(function.value, classes, known)
    if not function.attr[:1].isupper():
        return ""
    dotted = ast.unparse(function)
    root = dotted.partition(".")[0]
    plain = all(part.isidentifier() for part in dotted.split("."))
    named = not dotted.split(".")[-2][:1].isupper()
    return dotted if plain and named and root in classes else ""


def is_stateful(value: ast.expr | None) -> bool:
    """Whether an expression makes a generator of random numbers, which changes with every draw."""
    if not isinstance(value, ast.Call):
        return False
    function = value.func
    last = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    return last in _STATEFUL


def is_no_frame(value: ast.expr | None) -> bool:
    """Whether an expression surely gives something other than rows: a number, a list, a text."""
    return value is not None and (is_stateful(value) or kind_of(value) in _NO_FRAME)


def common(kinds: Iterable[str]) -> str:
    """The one kind of several values; "" where they differ or one is not known."""
    found = set(kinds)
    return found.pop() if len(found) == 1 else ""
