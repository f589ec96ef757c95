"""Features that the notebook holds as an array: the module hands them on as a frame, with names.

``transform`` gives a frame. Where training or prediction does with it what only arrays can, it is
an array again there.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.expansion import fitted_transform
from nbprod.extraction.frames import returns_frame
from nbprod.extraction.pieces import source_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.entries import Entry
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.program import Program, Slice, Value

_STACKS = frozenset(
    {"hstack", "vstack", "column_stack", "concatenate", "array", "asarray", "append", "c_"}
)
_GIVES_SPARSE = frozenset(
    {"TfidfVectorizer", "CountVectorizer", "TfidfTransformer", "DictVectorizer"}
)
# What takes a frame as well as an array.
_BOTH = """
fit predict predict_proba predict_log_proba decision_function score fit_predict partial_fit
transform cross_val_score cross_val_predict cross_validate len DMatrix Dataset Pool
"""
_TAKES_BOTH = frozenset(_BOTH.split())


def array_form(program: Program, value: Value) -> str:
    """How the features are an array: "values" of a frame, "stack", "encoded", "sparse"; or ""."""
    writer = _origin(program, value)
    node = getattr(writer.node, "value", None) if writer is not None else None
    if writer is None or not isinstance(node, ast.expr):
        return ""
    if without_values(node) is not None:
        return "values"
    encoder = fitted_transform(writer.node)
    if encoder is not None:
        return _encoded(program, encoder)
    function = node.func if isinstance(node, ast.Call) else getattr(node, "value", None)
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        numpy = program.selection.modules.get(function.value.id) == "numpy"
        return "stack" if numpy and function.attr in _STACKS else ""
    return ""


def _origin(program: Program, value: Value) -> Piece | None:
    """The statement that made a value, through other names for it."""
    name, writer = value
    seen: set[int] = set()
    while writer is not None and id(writer) not in seen:
        seen.add(id(writer))
        node = writer.node
        if not (isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)):
            return writer if name in writer.names.binds else None
        name, writer = node.value.id, program.writer(writer, node.value.id)
    return None


def _encoded(program: Program, encoder: str) -> str:
    """Whether an encoder gives arrays, sparse ones, or frames ("")."""
    made = [
        value
        for piece in program.steps
        if encoder in piece.names.binds
        and isinstance(value := getattr(piece.node, "value", None), ast.Call)
    ]
    texts = [ast.unparse(value) for value in made]
    if any("set_output" in piece.code for piece in program.steps if encoder in piece.names.needs):
        return ""
    if any("set_output" in text for text in texts):
        return ""
    classes = {
        node.id if isinstance(node, ast.Name) else getattr(node, "attr", "")
        for value in made
        for node in ast.walk(value)
    }
    if any(map(_gives_frames, (program.definitions.pieces.get(name) for name in classes))):
        return ""
    if classes & {"ColumnTransformer", "make_column_transformer"}:
        return "either"  # sparse or not, as the columns' values decide
    sparse = bool(classes & _GIVES_SPARSE) or (
        "OneHotEncoder" in classes and not any("sparse_output=False" in text for text in texts)
    )
    return "sparse" if sparse else "encoded"


def _gives_frames(piece: Piece | None) -> bool:
    """Whether a class of the notebook's own transforms a frame to a frame."""
    return (
        piece is not None
        and isinstance(piece.node, ast.ClassDef)
        and any(
            isinstance(item, ast.FunctionDef)
            and item.name == "transform"
            and returns_frame(item, [False, True])
            for item in piece.node.body
        )
    )


def without_values(node: ast.expr) -> ast.expr | None:
    """E in ``E.values`` and ``E.to_numpy()``; None for any other expression."""
    if isinstance(node, ast.Attribute) and node.attr == "values":
        return node.value
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "to_numpy"
        and not node.args
        and not node.keywords
    ):
        return node.func.value
    return None


def as_frame(entry: Entry, part: Slice, value: Value, program: Program) -> None:
    """Make the transform's result a frame with named columns."""
    form = array_form(program, value)
    writer = _origin(program, value)
    if not form or writer is None or writer not in part.pieces:
        return
    if form == "values":
        place = part.pieces.index(writer)
        entry.pieces = [*part.pieces[:place], _stripped(writer), *part.pieces[place + 1 :]]
        return
    if form == "stack":
        frame = f"pd.DataFrame({entry.result}, index=frame.index)"
        entry.result = f'{frame}.add_prefix("feature_")'
        return
    encoder = fitted_transform(writer.node)
    assert encoder is not None
    values = entry.result
    if form == "sparse":
        values += ".toarray()"
    elif form == "either":
        values = f"csr_matrix({values}).toarray()"
    if _names_nothing(program, encoder):
        frame = f"pd.DataFrame({values}, index=frame.index)"
        entry.result = f'{frame}.add_prefix("feature_")'
        return
    named = f"{entry.names.get(encoder, encoder)}.get_feature_names_out()"
    entry.result = f"pd.DataFrame({values}, columns={named}, index=frame.index)"


def _names_nothing(program: Program, encoder: str) -> bool:
    """Whether an encoder holds one of the notebook's own classes, which names no features."""
    pending, seen = [encoder], set[str]()
    while pending:
        name = pending.pop()
        if name in seen:
            continue
        seen.add(name)
        made = program.definitions.pieces.get(name)
        if made is not None and isinstance(made.node, ast.ClassDef):
            if "get_feature_names_out" not in made.code:
                return True
            continue
        for piece in program.steps:
            if name in piece.names.binds and name not in piece.names.needs:
                pending += piece.names.needs
    return False


def _stripped(piece: Piece) -> Piece:
    """The statement without its last ``.values``."""
    syntax = piece.syntax
    assert isinstance(syntax, cst.SimpleStatementLine)
    assign = syntax.body[0]
    assert isinstance(assign, cst.Assign | cst.AnnAssign)
    value = assign.value
    inner = value.func if isinstance(value, cst.Call) else value
    assert isinstance(inner, cst.Attribute)
    changed = syntax.with_changes(body=[assign.with_changes(value=inner.value)])
    code = source_of(changed)
    return replace(piece, syntax=changed, node=ast.parse(code).body[0], code=code)


def needs_array(pieces: Iterable[Piece], name: str) -> bool:
    """Whether statements do with a name what only an array can."""
    reads = handed = 0
    for piece in pieces:
        for node in ast.walk(piece.node):
            if isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load):
                reads += 1
            if isinstance(node, ast.Attribute) and node.attr in ("shape", "index"):
                handed += isinstance(node.value, ast.Name) and node.value.id == name
            if not isinstance(node, ast.Call):
                continue
            last = getattr(node.func, "attr", getattr(node.func, "id", ""))
            given = [*node.args, *(item.value for item in node.keywords)]
            if last in _TAKES_BOTH:
                handed += sum(isinstance(item, ast.Name) and item.id == name for item in given)
    return reads > handed
