"""What the loose statements of a cell do: load, split, learn, train, predict, compute columns."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.extraction.showing import only_shows
from nbprod.notebook.effects import DISPLAY_NAMES, root_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nbprod.notebook.graph import CellCode

_LOADS = ("read_", "load_", "fetch_", "scan_")
# Parts of the names of classes that learn how to transform, and predict nothing.
_LEARNERS = (
    *("Scaler", "Encoder", "Imputer", "Vectorizer", "Binarizer", "Discretizer", "Hasher"),
    *("Transformer", "Normalizer", "Selector", "SelectKBest", "PCA", "SVD"),
)
_STATISTICS = frozenset(
    {"mean", "median", "std", "var", "min", "max", "quantile", "unique", "nunique", "mode", "sum"}
    | {"value_counts", "agg"}
)
SPLITTERS = frozenset({"train_test_split", "TimeSeriesSplit", "GroupShuffleSplit", "ShuffleSplit"})
_HELD_OUT = ("test", "holdout", "hold_out", "valid", "val")


@dataclass
class Clues:
    """What the loose statements of a cell do."""

    loads: str = ""
    splits: str = ""
    learns: str = ""
    trains: str = ""
    predicts: str = ""
    statistics: str = ""
    columns: str = ""
    literals: bool = False
    constants: bool = False  # all names in capitals
    definitions: list[str] = field(default_factory=list)
    loose: list[ast.stmt] = field(default_factory=list)


def learner_names(cells: Sequence[CellCode]) -> frozenset[str]:
    """Names that hold scalers, encoders and the like; the notebook's own classes of them, too."""
    found = {
        node.name
        for code in cells
        for node in (code.tree.body if code.tree else ())
        if isinstance(node, ast.ClassDef)
        and {"fit", "transform"} <= {getattr(item, "name", "") for item in node.body}
    }
    own = frozenset(found)
    for code in cells:
        for node in ast.walk(code.tree) if code.tree else ():
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
                made = ast.unparse(node.value).partition("(")[0]
                if made in own or any(word in made for word in _LEARNERS):
                    found |= {item.id for item in node.targets if isinstance(item, ast.Name)}
    return frozenset(found)


def clues_of(code: CellCode, modules: dict[str, str], learners: frozenset[str]) -> Clues:
    """What a cell's statements do; imports, displays and plots aside.

    modules: name -> the module it stands for. learners: names that hold scalers and the like.
    """
    clues = Clues()
    for node in code.tree.body if code.tree else ():
        if isinstance(node, ast.Import | ast.ImportFrom):
            continue
        if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            clues.definitions.append(node.name)
        elif not only_shows(node, modules, DISPLAY_NAMES):
            clues.loose.append(node)
    for node in clues.loose:
        _read_clues(node, clues, learners)
    clues.literals = bool(clues.loose) and all(_is_literal(node) for node in clues.loose)
    names = [name for node in clues.loose for name in _assigned_names(node)]
    clues.constants = bool(names) and all(name.isupper() and len(name) > 2 for name in names)
    clues.constants = clues.constants and not clues.trains and not clues.loads
    return clues


def _read_clues(node: ast.stmt, clues: Clues, learners: frozenset[str]) -> None:
    for call in calls(node):
        _read_call(call, clues, learners)
    for target in _stored(node):
        if isinstance(target, ast.Subscript):
            clues.columns = clues.columns or ast.unparse(target)
        elif isinstance(target, ast.Name):
            held_out = any(word in target.id.lower() for word in _HELD_OUT)
            value = getattr(node, "value", None)
            again = isinstance(value, ast.expr) and root_name(value) == target.id
            if held_out and _selects(node) and not clues.predicts and not again:
                clues.splits = clues.splits or target.id


def _read_call(call: ast.Call, clues: Clues, learners: frozenset[str]) -> None:
    last = called(call)
    if last.startswith(_LOADS):
        clues.loads = clues.loads or last
    elif last in SPLITTERS:
        clues.splits = clues.splits or last
    elif last in ("fit", "partial_fit", "fit_transform"):
        _read_fit(call, clues, learners)
    elif last == "backward":
        clues.trains = clues.trains or ast.unparse(call.func)
    elif last in ("predict", "predict_proba", "decision_function", "forecast"):
        clues.predicts = clues.predicts or last
    elif last in _STATISTICS:
        clues.statistics = clues.statistics or last
    elif last == "DataFrame":
        clues.columns = clues.columns or "pd.DataFrame"


def _read_fit(call: ast.Call, clues: Clues, learners: frozenset[str]) -> None:
    """A scaler's fit is what features need; an estimator's is training."""
    root, last = root_name(call.func) or "", called(call)
    learner = root in learners or any(word in root for word in _LEARNERS)
    if learner or last == "fit_transform":
        clues.learns = clues.learns or f"{root}.{last}"
    else:
        clues.trains = clues.trains or f"{root}.{last}"


def read_calls_of(trained: set[str], clues: Clues) -> None:
    """``model(X)`` of a name that a train cell left is a prediction."""
    for node in clues.loose:
        for call in calls(node):
            if isinstance(call.func, ast.Name) and call.func.id in trained:
                clues.predicts = clues.predicts or call.func.id


def _selects(node: ast.stmt) -> bool:
    """Whether a statement's value is some rows of a frame: ``df[mask]``, ``df.query(...)``."""
    value = getattr(node, "value", None)
    if isinstance(value, ast.Tuple):  # train, test = df[:50], df[50:]
        parts = [part.slice for part in value.elts if isinstance(part, ast.Subscript)]
        whole = len(parts) == len(value.elts) and len(set(map(root_name, value.elts))) == 1
        return whole and any(isinstance(p, ast.Slice | ast.Compare | ast.UnaryOp) for p in parts)
    if isinstance(value, ast.Call):
        return called(value) in ("query", "copy", "head", "tail", "drop", "sample")
    return isinstance(value, ast.Subscript) and not _takes_columns(value)


def _takes_columns(value: ast.Subscript) -> bool:
    """``test["price"]``, ``test[["area", "rooms"]]``: columns, of rows that were split before."""
    parts = value.slice.elts if isinstance(value.slice, ast.List) else [value.slice]
    return all(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)


def calls(node: ast.AST | None) -> Iterator[ast.Call]:
    """Every call in a tree."""
    for item in ast.walk(node) if node is not None else ():
        if isinstance(item, ast.Call):
            yield item


def called(call: ast.Call) -> str:
    """The last name of what a call calls: "fit" of ``model.fit(X)``; "" where it has none."""
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""


def _stored(node: ast.stmt) -> list[ast.expr]:
    return [
        item
        for item in ast.walk(node)
        if isinstance(item, ast.Name | ast.Subscript) and isinstance(item.ctx, ast.Store)
    ]


def _assigned_names(node: ast.stmt) -> list[str]:
    """The names that a statement assigns, ["" ] for one that assigns something else."""
    return [item.id if isinstance(item, ast.Name) else "" for item in _stored(node)] or [""]


def _is_literal(node: ast.stmt) -> bool:
    value = getattr(node, "value", None)
    if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(value, ast.expr):
        return False
    return not any(isinstance(item, ast.Call | ast.Name) for item in ast.walk(value))
