"""A loop that does the same to several frames, taken apart into a loop for each frame.

``for c in columns: train[c] = f(train[c]); test[c] = f(test[c])`` may as well be two loops, as long
as neither frame is computed from the other.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.meanings import looks_held_out
from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Line, NamesOf
    from nbprod.notebook.names import Names


def one_for_each(
    node: ast.For, syntax: cst.For, body: list[Line], names: NamesOf
) -> list[cst.For] | None:
    """A loop for each object that the loop's body changes; None where that cannot be said apart.

    ``train = pd.merge(train, found)`` changes what the name stands for from turn to turn, too.

    body: its statements, each as both trees.
    """
    told = [names(item) for item, _ in body]
    own = {name for item in told for name in item.binds} - _carried(told)
    own |= {item.id for item in ast.walk(node.target) if isinstance(item, ast.Name)}
    changed = [name for item in told for name in (*item.mutates, *item.binds) if name not in own]
    outputs = list(dict.fromkeys(changed))
    if len(outputs) < 2 or root_name(node.iter) in outputs or any(own & set(outputs)):
        return None
    loops: list[cst.For] = []
    covered: set[int] = set()
    for output in outputs:
        kept = _needed(told, output, own)
        reads = {name for index in kept for name in told[index].needs}
        if reads & set(outputs) - {output}:
            return None
        covered |= kept
        lines = [syntax_ for index, (_, syntax_) in enumerate(body) if index in kept]
        block = cst.IndentedBlock([line.deep_clone() for line in lines])
        loops.append(syntax.with_changes(body=block))
    left = [item for index, (item, _) in enumerate(body) if index not in covered]
    if any(not _only_prints(item) for item in left):
        return None
    alike = [_shape(loop, output) for loop, output in zip(loops, outputs, strict=True)]
    if len(set(alike)) == len(alike) and not any(map(looks_held_out, outputs)):
        return None  # each does something else: not the same for several frames
    first, *others = loops
    return [first, *(loop.with_changes(leading_lines=()) for loop in others)]


def _carried(told: list[Names]) -> set[str]:
    """Names that a body assigns from what they were, from turn to turn."""
    fresh = {name for item in told for name in item.binds if name not in item.needs}
    return {name for item in told for name in item.binds} - fresh


def _shape(loop: cst.For, output: str) -> str:
    """A loop's meaning, whatever the object is called that it changes."""
    tree = ast.parse(cst.Module(body=[loop.with_changes(leading_lines=())]).code)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == output:
            node.id = "it"
    return ast.dump(tree)


def _needed(told: list[Names], output: str, own: set[str]) -> set[int]:
    """The statements of a body that one output needs, through names that the body binds."""
    kept: set[int] = set()
    wanted = {output}
    grown = True
    while grown:
        grown = False
        for index, item in enumerate(told):
            written = item.mutates.keys() | item.binds.keys()
            if index not in kept and written & wanted:
                kept.add(index)
                wanted |= set(item.needs) & own
                grown = True
    return kept


def _only_prints(node: ast.stmt) -> bool:
    value = node.value if isinstance(node, ast.Expr) else None
    return isinstance(value, ast.Constant) or (
        isinstance(value, ast.Call)
        and isinstance(value.func, ast.Name)
        and value.func.id in ("print", "display")
    )
