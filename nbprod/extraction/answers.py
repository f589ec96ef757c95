"""Predictions stored among other things, put so that ``predict`` needs nothing but features.

``test["price"] = model.predict(X)`` keeps them beside raw columns, and
``pd.DataFrame({"Id": test["Id"], "price": answer})`` hands out a key with them: a request's answer
is the prediction alone, in the order of its rows.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.pieces import part_source, statement
from nbprod.extraction.rules import finding
from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from nbprod.extraction.pieces import Piece, Statement
    from nbprod.extraction.selection import Selection


def set_apart(selection: Selection) -> None:
    """Rewrite the predict statements that store answers beside other columns, in place."""
    stored: dict[tuple[str, str], str] = {}
    taken = {
        name
        for item in (*selection.pieces, *selection.untagged)
        for name in (*item.names.binds, *item.names.needs)
    } | selection.imports.keys()
    made: set[str] = set()
    trained = {
        name for item in selection.pieces if item.role == "train" for name in item.names.binds
    }
    rows: dict[str, str] = {}  # a frame of raw columns -> the frame whose rows it has
    for place, piece in enumerate(selection.pieces):
        if piece.role != "predict":
            continue
        piece = _spelled_out(selection, piece, made)  # noqa: PLW2901 - what it says, in other words
        found = _stored(piece, made)
        if found is not None:
            frame, column = found
            stored[found] = stored.get(found) or _free(column, taken)
            _tell(selection, piece, f"predictions go to {stored[found]}, not {frame}[{column!r}]")
        changed = piece
        if any(frame in (*piece.names.needs, *piece.names.mutates) for frame, _ in stored):
            syntax = _visited(piece.syntax, _Columns(stored))
            if found is not None and _read_later(selection, place, found):
                syntax = _as_column(syntax, rows.get(found[0], found[0]))
            changed = piece.rewritten(syntax, selection.names)
        if found is None:
            changed = _without_keys(selection, changed, made | trained)
        selection.pieces[place] = changed
        root = _raw_root(changed, made | trained)
        if root and root not in selection.imports:
            rows |= {name: rows.get(root, root) for name in changed.names.binds}
        else:
            made |= changed.names.binds.keys()
    selection.pieces = [
        p
        for p in selection.pieces
        if p.role != "predict"
        or not (_copies_itself(p) or _stores_key(selection, p, made, trained))
    ]


def _raw_root(piece: Piece, answers: set[str]) -> str:
    """The frame whose rows a statement takes as they were: ``test = test.copy()``; or ""."""
    node = piece.node
    if not isinstance(node, ast.Assign) or set(piece.names.needs) & answers:
        return ""
    root = root_name(node.value)
    return root if root in piece.names.needs else ""


def _stores_key(selection: Selection, piece: Piece, made: set[str], trained: set[str]) -> bool:
    """``sub["Id"] = test_ids``: a raw column beside the answers in a frame of answers."""
    node = piece.node
    if not (
        isinstance(node, ast.Assign)
        and isinstance(target := node.targets[0], ast.Subscript)
        and isinstance(target.value, ast.Name)
        and isinstance(target.slice, ast.Constant)
        and target.value.id in made
    ):
        return False
    read = {item.id for item in ast.walk(node.value) if isinstance(item, ast.Name)}
    frames = {n for p in selection.pieces if p.role in ("data", "split") for n in p.names.binds}
    if not read & frames or read & (made | trained):
        return False
    _tell(selection, piece, f"predictions are given without {target.slice.value!r}")
    return True


def _copies_itself(piece: Piece) -> bool:
    """``test = test.copy()``: what is stored in it goes elsewhere now."""
    return isinstance(piece.node, ast.Assign) and ast.unparse(piece.node) in {
        f"{name} = {name}.copy()" for name in piece.names.binds
    }


def _spelled_out(selection: Selection, piece: Piece, made: set[str]) -> Piece:
    """``test = test.assign(late=answer)`` as ``test["late"] = answer``; any other as it is."""
    node, syntax = piece.node, piece.syntax
    if not (
        isinstance(node, ast.Assign)
        and isinstance(target := node.targets[0], ast.Name)
        and isinstance(call := node.value, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr == "assign"
        and isinstance(call.func.value, ast.Name)
        and len(call.keywords) == 1
        and not call.args
        and call.keywords[0].arg
        and call.func.value.id not in made
        and not isinstance(call.keywords[0].value, ast.Lambda)
    ):
        return piece
    value = part_source(piece, call.keywords[0].value)
    text = f"{target.id}[{call.keywords[0].arg!r}] = {value}".replace("'", '"', 2)
    made_node, made_syntax = statement(text)
    if _stored(replace(piece, node=made_node), made) is None:
        return piece
    above = made_syntax.with_changes(leading_lines=syntax.leading_lines)
    return piece.rewritten(above, selection.names)


def _stored(piece: Piece, made: set[str]) -> tuple[str, str] | None:
    """(frame, column) where a statement stores what is computed without that frame."""
    node = piece.node
    if not (isinstance(node, ast.Assign) and len(node.targets) == 1):
        return None
    target = node.targets[0]
    if (
        isinstance(target, ast.Subscript)
        and isinstance(target.value, ast.Name)
        and isinstance(target.slice, ast.Constant)
        and isinstance(target.slice.value, str)
        and target.value.id not in made
        and not _reads_whole(node.value, target.value.id)
    ):
        return target.value.id, target.slice.value
    return None


def _read_later(selection: Selection, place: int, column: tuple[str, str]) -> bool:
    """Whether a later predict statement reads a column: as a Series, then."""
    return any(
        isinstance(node, ast.Subscript)
        and isinstance(node.ctx, ast.Load)
        and isinstance(node.value, ast.Name)
        and isinstance(node.slice, ast.Constant)
        and (node.value.id, node.slice.value) == column
        for piece in selection.pieces[place + 1 :]
        if piece.role == "predict"
        for node in piece.nodes
    )


def _as_column(syntax: Statement, frame: str) -> Statement:
    """``name = pd.Series(value, index=frame.index)``, as a column of the frame would be."""
    assert isinstance(syntax, cst.SimpleStatementLine)
    assign = syntax.body[0]
    assert isinstance(assign, cst.Assign)
    value = cst.Module(body=[]).code_for_node(assign.value)
    column = cst.parse_expression(f"pd.Series({value}, index={frame}.index)")
    return syntax.with_changes(body=[assign.with_changes(value=column)])


def _reads_whole(value: ast.expr, frame: str) -> bool:
    """Whether an expression reads a frame, other than columns by name."""
    pending: list[ast.AST] = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
            if isinstance(node.value, ast.Name) and node.value.id == frame:
                continue
        elif isinstance(node, ast.Name) and node.id == frame:
            return True
        pending.extend(ast.iter_child_nodes(node))
    return False


def _free(column: str, taken: set[str]) -> str:
    name = column if column.isidentifier() and column not in taken else "predicted"
    number = 1
    while name in taken:
        number += 1
        name = f"predicted_{number}"
    taken.add(name)
    return name


class _Columns(cst.CSTTransformer):
    """``frame["column"]`` becomes the name that the column has now."""

    def __init__(self, stored: dict[tuple[str, str], str]) -> None:
        super().__init__()
        self.stored = stored

    def leave_Subscript(  # noqa: N802 - libcst's name
        self, original_node: cst.Subscript, updated_node: cst.Subscript
    ) -> cst.BaseExpression:
        value, items = original_node.value, original_node.slice
        if (
            isinstance(value, cst.Name)
            and len(items) == 1
            and isinstance(items[0].slice, cst.Index)
            and isinstance(text := items[0].slice.value, cst.SimpleString)
            and (name := self.stored.get((value.value, str(text.evaluated_value))))
        ):
            return cst.Name(name, lpar=updated_node.lpar, rpar=updated_node.rpar)
        return updated_node


def _without_keys(selection: Selection, piece: Piece, made: set[str]) -> Piece:
    """A frame of answers without the raw columns that stand beside them."""
    call = _frame_call(piece.node)
    if call is None:
        return piece
    table = call.args[0]
    assert isinstance(table, ast.Dict)
    names = [
        {item.id for item in ast.walk(value) if isinstance(item, ast.Name)}
        for value in table.values
    ]
    answers = [bool(found & made) for found in names]
    raw = [
        not answer and _raw_column(value)
        for answer, value in zip(answers, table.values, strict=True)
    ]
    if not any(answers) or not any(raw):
        return piece
    given = any(keyword.arg == "index" for keyword in call.keywords)
    frame = next(_raw_column(v) for v, out in zip(table.values, raw, strict=True) if out)
    visitor = _Keys({i for i, out in enumerate(raw) if out}, "" if given else f"{frame}.index")
    keys = [ast.unparse(k) for k, out in zip(table.keys, raw, strict=True) if out and k]
    _tell(selection, piece, f"predictions are given without {', '.join(keys)}")
    return piece.rewritten(_visited(piece.syntax, visitor), selection.names)


def _visited(syntax: Statement, visitor: cst.CSTTransformer) -> Statement:
    changed = syntax.visit(visitor)
    assert isinstance(changed, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    return changed


def _frame_call(node: ast.stmt) -> ast.Call | None:
    """``pd.DataFrame({...})``, where that is what a statement assigns."""
    value = getattr(node, "value", None)
    if (
        isinstance(node, ast.Assign)
        and isinstance(value, ast.Call)
        and isinstance(value.func, ast.Attribute)
        and value.func.attr == "DataFrame"
        and len(value.args) == 1
        and isinstance(value.args[0], ast.Dict)
        and all(value.args[0].keys)
    ):
        return value
    return None


def _raw_column(value: ast.expr) -> str:
    """The frame's name in ``frame["Id"]`` or ``frame.Id``; "" for anything else."""
    if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
        return value.value.id if isinstance(value.value, ast.Name) else ""
    if isinstance(value, ast.Attribute) and value.attr != "index":
        return value.value.id if isinstance(value.value, ast.Name) else ""
    return ""


class _Keys(cst.CSTTransformer):
    """Takes entries out of the dictionary that a frame is made of, and names its index."""

    def __init__(self, out: set[int], index: str) -> None:
        super().__init__()
        self.out = out
        self.index = index

    def visit_Dict(self, node: cst.Dict) -> bool:  # noqa: N802 - libcst's name
        return False

    def leave_Dict(self, original_node: cst.Dict, updated_node: cst.Dict) -> cst.Dict:  # noqa: N802
        kept = [item for i, item in enumerate(updated_node.elements) if i not in self.out]
        return updated_node.with_changes(
            elements=[*kept[:-1], kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)]
        )

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:  # noqa: N802
        last = original_node.func
        if not self.index or not (
            isinstance(last, cst.Attribute) and last.attr.value == "DataFrame"
        ):
            return updated_node
        index = cst.Arg(
            cst.parse_expression(self.index),
            keyword=cst.Name("index"),
            equal=cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace("")),
        )
        first = updated_node.args[0].with_changes(
            comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")),
            whitespace_after_arg=cst.SimpleWhitespace(""),
        )
        return updated_node.with_changes(args=[first, *updated_node.args[1:], index])


def _tell(selection: Selection, piece: Piece, what: str) -> None:
    selection.findings.append(finding("NBX011", what, cell_id=piece.cell_id, line=piece.line))
