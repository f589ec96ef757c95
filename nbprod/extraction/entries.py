"""The functions that a module is entered by, and what each role may define itself."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.extraction.definitions import ENTRY_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.pieces import Piece


@dataclass(frozen=True)
class Shape:
    """An entry function as other stages call it."""

    file: str
    name: str
    arguments: tuple[str, ...]
    required: int  # arguments that a cell's own definition must take
    defaults: dict[str, str] = field(default_factory=dict)
    docstring: str = ""


SHAPES: dict[str, Shape] = {
    shape.name: shape
    for shape in (
        Shape("data", "load", ("parameters",), 0, docstring="Load and prepare the frame."),
        Shape(
            "data",
            "split",
            ("frame", "parameters"),
            1,
            docstring="The rows that train, and the rows that are held out.",
        ),
        Shape(
            "features",
            "fit",
            ("frame", "parameters"),
            1,
            docstring="Learn from the training rows what `transform` and `predict` need.",
        ),
        Shape(
            "features",
            "transform",
            ("frame", "state"),
            1,
            docstring="Turn raw rows into features; training and serving share this.",
        ),
        Shape("features", "transform_online", ("record", "state"), 1),
        Shape(
            "training",
            "train",
            ("features", "label", "parameters"),
            2,
            docstring="Fit the model on features and label.",
        ),
        Shape(
            "inference",
            "predict",
            ("model", "features", "state"),
            2,
            {"state": "None"},
            "Predictions of the model, one row for each row of features.",
        ),
    )
}
_PARAMETERS_LIKE = frozenset(
    {"parameters", "params", "param", "config", "cfg", "conf", "p", "hp", "settings", "args", "_"}
)


@dataclass
class Entry:
    """One entry function to be written: its own definition, or statements."""

    shape: Shape
    pieces: list[Piece] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)  # name -> expression in its place
    prelude: list[str] = field(default_factory=list)
    result: str = ""
    definition: Piece | None = None
    cells: tuple[str, ...] = ()
    label_of: frozenset[str] = frozenset()
    index_of: frozenset[str] = frozenset()
    drop_label_safely: bool = False


def own_entries(definitions: Definitions, parameters: Iterable[str]) -> dict[str, Piece]:
    """Entry functions that the notebook defines itself, in a cell of their role, by name."""
    known = frozenset(parameters)
    found: dict[str, Piece] = {}
    for role, name in ENTRY_NAMES.items():
        piece = definitions.pieces.get(name)
        if piece is not None and piece.role == role and _fits(piece, SHAPES[name], known):
            found[name] = piece
    return found


def _fits(piece: Piece, shape: Shape, parameters: frozenset[str]) -> bool:
    """Whether a function can be called as the entry function, perhaps with arguments added."""
    node = piece.node
    if not isinstance(node, ast.FunctionDef):
        return False
    arguments = node.args
    if arguments.vararg or arguments.kwarg or arguments.posonlyargs:
        return False
    if any(default is None for default in arguments.kw_defaults):
        return False
    names = [item.arg for item in arguments.args]
    needed = len(names) - len(arguments.defaults)
    if needed > len(shape.arguments) or len(names) < shape.required:
        return False
    if any(name in parameters for name in names):
        return False  # `def load(data_uri)`: a helper that takes values of the parameters cell
    for name, meant in zip(names, shape.arguments, strict=False):
        if meant == "parameters" and name not in _PARAMETERS_LIKE:
            return False
        if meant == "state" and "state" not in name.lower() and name != "_":
            return False
    return True
