"""A role for each cell of an ordinary notebook, guessed from what its code does."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from nbprod.extraction.definitions import ENTRY_NAMES
from nbprod.extraction.showing import only_shows
from nbprod.notebook.effects import DISPLAY_NAMES, root_name
from nbprod.notebook.graph import flow, imported_modules, understand

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nbprod.notebook.document import Document
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
_SPLITTERS = frozenset({"train_test_split", "TimeSeriesSplit", "GroupShuffleSplit", "ShuffleSplit"})
_NO_TEXTS: Mapping[str, str] = MappingProxyType({})
_HELD_OUT = ("test", "holdout", "hold_out", "valid", "val")


@dataclass
class _Clues:
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


def propose_roles(document: Document, *, label: str = "") -> tuple[dict[str, str], ...]:
    """A role for each code cell, with the reason: {"cell_id", "role", "reason"}.

    A role that a cell has already is kept. label: the label column, where it is known: a cell
    that only takes this column belongs to training.
    """
    cells = understand(document)
    modules = imported_modules(node for code in cells for node in code.nodes)
    learners = _learners(cells)
    clues = {code.cell.cell_id: _clues(code, modules, learners) for code in cells}
    roles: dict[str, tuple[str, str]] = {}
    seen: set[str] = set()
    trained: set[str] = set()
    for code in cells:
        _read_calls_of(trained, clues[code.cell.cell_id])
        role = _role(code, clues[code.cell.cell_id], seen, label)
        roles[code.cell.cell_id] = role
        if role[0] != "train" or code.role or clues[code.cell.cell_id].trains:
            seen.add(role[0])
        if role[0] == "train":
            trained |= code.names.binds.keys()
    _skip_what_nothing_needs(cells, roles)
    return tuple(
        {"cell_id": cell_id, "role": role, "reason": reason}
        for cell_id, (role, reason) in roles.items()
    )


def propose_label(document: Document) -> str:
    """The label column that a notebook's model is fitted on, "" when it cannot be told."""
    cells = understand(document)
    columns: dict[str, str] = {}
    texts = _texts(cells)
    for code in cells:
        for node in ast.walk(code.tree) if code.tree else ():
            if isinstance(node, ast.Assign) and len(node.targets) == 1:
                for target, value in _pairs(node.targets[0], node.value):
                    column = _column(value, texts) or columns.get(_name(value), "")
                    if column:
                        columns[target] = column
            if isinstance(node, ast.Assign):
                _follow_split(node, columns, texts)
    for code in reversed(cells):
        for call in _calls(code.tree):
            if isinstance(call.func, ast.Attribute) and call.func.attr == "fit" and call.args[1:]:
                label = _column(call.args[1], texts) or columns.get(_name(call.args[1]), "")
                if label:
                    return label
    return _label_of_loop(cells)


def _label_of_loop(cells: Sequence[CellCode]) -> str:
    """The one column that the cell of a training loop takes from a frame."""
    for code in cells:
        if not any(_last(call) == "backward" for call in _calls(code.tree)):
            continue
        taken = {
            _column(node)
            for node in ast.walk(code.tree or ast.Module([], []))
            if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load)
        } - {""}
        if len(taken) == 1:
            return taken.pop()
    return ""


def _pairs(target: ast.expr, value: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    if isinstance(target, ast.Name):
        yield target.id, value
    elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, other in zip(target.elts, value.elts, strict=False):
            yield from _pairs(one, other)


def _follow_split(node: ast.Assign, columns: dict[str, str], texts: dict[str, str]) -> None:
    """``X_train, X_test, y_train, y_test = train_test_split(X, y)``: y_train is y."""
    call, target = node.value, node.targets[0]
    if isinstance(call, ast.Call) and isinstance(target, ast.Tuple) and _last(call) in _SPLITTERS:
        for index, argument in enumerate(call.args):
            column = _column(argument, texts) or columns.get(_name(argument), "")
            for part in target.elts[2 * index : 2 * index + 2]:
                if column and isinstance(part, ast.Name):
                    columns[part.id] = column


def _texts(cells: Sequence[CellCode]) -> dict[str, str]:
    """Names that hold a text: ``target = "price"``."""
    return {
        target.id: node.value.value
        for code in cells
        for node in (code.tree.body if code.tree else ())
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _column(node: ast.expr, texts: Mapping[str, str] = _NO_TEXTS) -> str:
    """The column in ``frame["late"]``, ``frame.late``, ``frame.pop("late")``, perhaps converted.

    texts: names that hold a column's name.
    """
    while isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr == "pop" and node.args:
            return _text(node.args[0], texts)
        node = node.func.value
    if isinstance(node, ast.Subscript):
        return _text(node.slice, texts) if isinstance(node.value, ast.Name) else ""
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        return "" if node.attr in ("values", "index", "T") else node.attr
    return _column(node.value, texts) if isinstance(node, ast.Attribute) else ""


def _text(node: ast.expr, texts: Mapping[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    return texts.get(node.id, "") if isinstance(node, ast.Name) else ""


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _learners(cells: Sequence[CellCode]) -> frozenset[str]:
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


def _clues(code: CellCode, modules: dict[str, str], learners: frozenset[str]) -> _Clues:
    clues = _Clues()
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


def _read_clues(node: ast.stmt, clues: _Clues, learners: frozenset[str]) -> None:
    for call in _calls(node):
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


def _read_call(call: ast.Call, clues: _Clues, learners: frozenset[str]) -> None:
    last = _last(call)
    if last.startswith(_LOADS):
        clues.loads = clues.loads or last
    elif last in _SPLITTERS:
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


def _read_calls_of(trained: set[str], clues: _Clues) -> None:
    """``model(X)`` of a name that a train cell left is a prediction."""
    for node in clues.loose:
        for call in _calls(node):
            if isinstance(call.func, ast.Name) and call.func.id in trained:
                clues.predicts = clues.predicts or call.func.id


def _read_fit(call: ast.Call, clues: _Clues, learners: frozenset[str]) -> None:
    """A scaler's fit is what features need; an estimator's is training."""
    root, last = root_name(call.func) or "", _last(call)
    learner = root in learners or any(word in root for word in _LEARNERS)
    if learner or last == "fit_transform":
        clues.learns = clues.learns or f"{root}.{last}"
    else:
        clues.trains = clues.trains or f"{root}.{last}"


def _selects(node: ast.stmt) -> bool:
    """Whether a statement's value is some rows of a frame: ``df[mask]``, ``df.query(...)``."""
    value = getattr(node, "value", None)
    if isinstance(value, ast.Tuple):  # train, test = df[:50], df[50:]
        parts = [part.slice for part in value.elts if isinstance(part, ast.Subscript)]
        whole = len(parts) == len(value.elts) and len(set(map(root_name, value.elts))) == 1
        return whole and any(isinstance(p, ast.Slice | ast.Compare | ast.UnaryOp) for p in parts)
    if isinstance(value, ast.Call):
        return _last(value) in ("query", "copy", "head", "tail", "drop", "sample")
    return isinstance(value, ast.Subscript) and not _takes_columns(value)


def _takes_columns(value: ast.Subscript) -> bool:
    """``test["price"]``, ``test[["area", "rooms"]]``: columns, of rows that were split before."""
    parts = value.slice.elts if isinstance(value.slice, ast.List) else [value.slice]
    return all(isinstance(part, ast.Constant) and isinstance(part.value, str) for part in parts)


def _role(code: CellCode, clues: _Clues, seen: set[str], label: str) -> tuple[str, str]:
    """One cell's role and the reason, from its clues and the roles of the cells before it."""
    if code.role:
        return code.role, "the cell has this role already"
    if code.tree is None:
        return "skip", "the cell is not valid Python"
    if any(name.startswith("test_") for name in clues.definitions):
        return "test", f"defines {clues.definitions[0]}"
    for role, name in ENTRY_NAMES.items():
        if name in clues.definitions:
            return role, f"defines {name}()"
    if not code.names.binds and not code.names.mutates:
        return "skip", "assigns and changes nothing"
    if not clues.loose:
        if clues.definitions:
            return "lib", f"defines {', '.join(clues.definitions[:3])}"
        return "skip", "imports, plots or looks at something"
    values = [getattr(node, "value", None) for node in clues.loose]
    takes_label = all(isinstance(v, ast.expr) and _column(v) == label for v in values)
    if label and takes_label and "train" not in seen:
        return "train", f"takes the label {label!r}"
    return _role_of_statements(clues, seen)


def _role_of_statements(clues: _Clues, seen: set[str]) -> tuple[str, str]:
    if clues.constants:
        return "lib", "constants"
    if clues.literals:
        late = seen & {"data", "split", "fit", "features"}
        return ("lib", "constants") if late else ("parameters", "plain values at the top")
    loads_later = bool(clues.loads) and bool(seen & {"split", "fit"})
    told = (
        ("train", clues.trains and f"calls {clues.trains}"),
        ("fit", loads_later and f"calls {clues.loads} after the split: a table to look up"),
        ("data", clues.loads and f"calls {clues.loads}"),
        ("predict", clues.predicts and f"calls {clues.predicts}"),
        ("split", clues.splits and f"splits rows: {clues.splits}"),
        ("fit", clues.learns and f"calls {clues.learns}"),
        ("data", "data" not in seen and "prepares the data"),
        ("data", not seen & {"split", "features"} and "prepares the data before the split"),
        (
            "fit",
            clues.statistics and not clues.columns and f"learns from rows: .{clues.statistics}()",
        ),
        ("skip", "train" in seen and "comes after training"),
    )
    for role, reason in told:
        if reason:
            return role, reason
    return "features", f"computes features{': ' + clues.columns if clues.columns else ''}"


def _skip_what_nothing_needs(cells: Sequence[CellCode], roles: dict[str, tuple[str, str]]) -> None:
    """Cells that neither training nor prediction needs stay in the notebook."""
    gives = flow(cells)
    changes: dict[str, set[str]] = {}
    for code in cells:
        for name in code.names.mutates:
            changes.setdefault(name, set()).add(code.cell.cell_id)
    ends = [cell_id for cell_id, (role, _) in roles.items() if role in ("train", "predict", "test")]
    if not any(roles[cell_id][0] == "train" for cell_id in ends):
        return
    needed: set[str] = set()
    pending = [*ends, *(c.cell.cell_id for c in cells if c.role)]
    while pending:
        cell_id = pending.pop()
        if cell_id not in needed:
            needed.add(cell_id)
            pending += gives.get(cell_id, {}).values()
    for code in cells:
        cell_id = code.cell.cell_id
        if cell_id not in needed and roles[cell_id][0] not in ("skip", "parameters"):
            roles[cell_id] = ("skip", "nothing that trains or predicts needs it")


def _calls(node: ast.AST | None) -> Iterator[ast.Call]:
    for item in ast.walk(node) if node is not None else ():
        if isinstance(item, ast.Call):
            yield item


def _last(call: ast.Call) -> str:
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
