"""What features cells do to the label, done where the frame is loaded, as training takes it.

``df["late"] = df["late"].map({"yes": 1, "no": 0})`` in a features cell, or the label's turn in a
loop over columns: no request has a label, so it is no part of the transform.
"""

from __future__ import annotations

import ast
import json
from dataclasses import replace
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.learners import learns_alone
from nbprod.extraction.lineage import frame_behind
from nbprod.extraction.pieces import block_lines, part_source, source_of, statement
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.extraction.rules import finding
from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from nbprod.extraction.definitions import Definitions
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection


def prepare_label(selection: Selection, definitions: Definitions, label: str) -> None:
    """Move what features cells do to the label alone to the data cells, in place."""
    if not label:
        return
    steps = _Steps(selection, definitions, label)
    for piece in list(selection.pieces):
        if piece.role == "split":
            break  # what comes after it works on parts of the rows
        if piece.role in ("features", "fit") and piece in selection.pieces:
            steps.assignment(piece)
            steps.loop(piece)
    steps.place()


class _Steps:
    def __init__(self, selection: Selection, definitions: Definitions, label: str) -> None:
        self.selection = selection
        self.label = label
        self.quoted = json.dumps(label, ensure_ascii=False)
        self.lists = {
            name: value
            for piece in (*selection.pieces, *definitions.pieces.values())
            for name in piece.names.binds
            if isinstance(value := getattr(piece.node, "value", None), ast.List | ast.Tuple)
        }
        self.moved: dict[str, list[Piece]] = {}  # frame of the data cells -> statements

    # ------------------------------------------------------------ df["late"] = ...

    def assignment(self, piece: Piece) -> None:
        """``df["late"] = f(df["late"])``, also by an encoder of the label alone."""
        node = piece.node
        if not (
            piece.role == "features"
            and isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and (frame := self._of_label(node.targets[0]))
        ):
            return
        known = {*self.selection.imports, frame}
        others = {
            name
            for name in piece.names.needs
            if name not in known and any(name in p.names.binds for p in self.selection.pieces)
        }
        if not self._only_label(node.value, frame):
            return
        text = source_of(piece.syntax)
        fits = [p for p in self.selection.pieces if self._fits(p, others)]
        if others:
            encoder = others.pop()
            maker = self.selection.makers.get(encoder, "")
            readers = [
                p
                for p in self.selection.pieces
                if encoder in p.names.needs and p is not piece and p not in fits
            ]
            if others or readers or len(fits) != 1 or not maker:
                return
            text = text.replace(f"{encoder}.transform(", f"{maker}.fit_transform(")
            self.selection.pieces.remove(fits[0])
        self._move(piece, text, frame)

    def _fits(self, piece: Piece, names: set[str]) -> bool:
        value = getattr(piece.node, "value", None)
        return (
            learns_alone(piece.node)
            and isinstance(value, ast.Call)
            and root_name(value.func) in names
            and bool(value.args)
            and bool(self._of_label(value.args[0]))
        )

    def _of_label(self, node: ast.expr) -> str:
        """The frame in ``frame["late"]`` and ``frame.late``."""
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name):
            found = isinstance(node.slice, ast.Constant) and node.slice.value == self.label
            return node.value.id if found else ""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return node.value.id if node.attr == self.label else ""
        return ""

    def _only_label(self, value: ast.expr, frame: str) -> bool:
        """Whether an expression reads, of a frame, the label alone."""
        allowed = {
            id(item.value)
            for item in ast.walk(value)
            if isinstance(item, ast.Subscript | ast.Attribute) and self._of_label(item)
        }
        reads = [n for n in ast.walk(value) if isinstance(n, ast.Name) and n.id == frame]
        return bool(reads) and all(id(item) in allowed for item in reads)

    # ------------------------------------------------------------ for c in columns: df[c] = ...

    def loop(self, piece: Piece) -> None:
        """The label's turn in a loop over columns."""
        node, syntax = piece.node, piece.syntax
        if not (
            isinstance(node, ast.For)
            and isinstance(syntax, cst.For)
            and isinstance(syntax.body, cst.IndentedBlock)
            and isinstance(node.target, ast.Name)
            and self._lists_label(node.iter)
        ):
            return
        if piece.role == "features":
            frames = [name for name in piece.names.mutates if name not in self.lists]
            if len(frames) != 1 or not _by_column(node, frames[0]):
                return
            turns = self._turns(node, syntax, piece)
            for text in turns:
                self._move(piece, text, frames[0], keep=True)
            if not turns:
                return
        self._without_label(piece)

    def _turns(self, node: ast.For, syntax: cst.For, piece: Piece) -> list[str]:
        """The loop's statements for the label, in the place of its variable."""
        assert isinstance(syntax.body, cst.IndentedBlock)
        variable = ast.unparse(node.target)
        stores = [n for n in piece.names.needs if n in self._stores()]
        found: list[str] = []
        for line in block_lines(syntax.body):
            text = source_of(line)
            for store in stores:
                maker = self._maker(store)
                if not maker:
                    return []
                text = text.replace(f"{store}[{variable}].transform(", f"{maker}.fit_transform(")
            how = Rewrite(names={variable: self.quoted})
            found.append(source_of(rewrite(statement(text)[1], how)))
        return found

    def _stores(self) -> set[str]:
        return {
            name
            for piece in self.selection.pieces
            if piece.role == "fit" and isinstance(piece.node, ast.For)
            for name in piece.names.mutates
        }

    def _maker(self, store: str) -> str:
        """The call that makes each of the objects that a fit loop keeps."""
        for piece in self.selection.pieces:
            if piece.role == "fit" and store in piece.names.mutates:
                for line in ast.walk(piece.node):
                    if isinstance(line, ast.Assign) and isinstance(line.value, ast.Call):
                        return ast.unparse(line.value)
        return ""

    def _lists_label(self, node: ast.expr) -> bool:
        listed = self.lists.get(node.id) if isinstance(node, ast.Name) else node
        items = listed.elts if isinstance(listed, ast.List | ast.Tuple) else []
        return any(isinstance(item, ast.Constant) and item.value == self.label for item in items)

    def _without_label(self, piece: Piece) -> None:
        """The loop over the other columns."""
        node, syntax = piece.node, piece.syntax
        assert isinstance(node, ast.For)
        assert isinstance(syntax, cst.For)
        if isinstance(node.iter, ast.Name):
            variable = ast.unparse(node.target)
            over = f"[{variable} for {variable} in {node.iter.id} if {variable} != {self.quoted}]"
        else:
            assert isinstance(node.iter, ast.List | ast.Tuple)
            kept = [
                part_source(piece, item)
                for item in node.iter.elts
                if not (isinstance(item, ast.Constant) and item.value == self.label)
            ]
            over = f"[{', '.join(kept)}]"
        changed = syntax.with_changes(iter=cst.parse_expression(over))
        self._change(piece, changed)

    # ------------------------------------------------------------ moving

    def _change(self, piece: Piece, syntax: cst.For) -> None:
        place = self.selection.pieces.index(piece)
        self.selection.pieces[place] = piece.rewritten(syntax, self.selection.names)

    def _move(self, piece: Piece, text: str, frame: str, *, keep: bool = False) -> None:
        root = frame_behind(self.selection, frame, piece)
        if not root:
            return
        node, syntax = statement(text)
        if root != frame:
            syntax = rewrite(syntax, Rewrite(names={frame: root}))
            node = ast.parse(source_of(syntax)).body[0]
        if not keep:
            syntax = syntax.with_changes(leading_lines=piece.syntax.leading_lines)
            self.selection.pieces.remove(piece)
        made = piece.with_statement(node, syntax, self.selection.names).as_role("data")
        self.moved.setdefault(root, []).append(made)
        self.selection.findings.append(
            finding(
                "NBX011",
                f"the label {self.label!r} is prepared in load(): `{made.first_line}`",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        )

    def place(self) -> None:
        """Put the moved statements right after the last data statement that makes their frame."""
        pieces = self.selection.pieces
        for root, moved in self.moved.items():
            makers = [p for p in pieces if p.role == "data" and root in p.names.written]
            last = makers[-1]
            at = pieces.index(last) + 1
            pieces[at:at] = [
                replace(piece, order=last.order + 20 + index) for index, piece in enumerate(moved)
            ]


def _by_column(node: ast.For, frame: str) -> bool:
    """Whether a loop reads and writes, of a frame, the column of its own turn alone."""
    variable = ast.unparse(node.target)
    allowed = {
        id(item.value)
        for item in ast.walk(node)
        if isinstance(item, ast.Subscript) and ast.unparse(item.slice) == variable
    }
    return all(
        id(item) in allowed
        for item in ast.walk(node)
        if isinstance(item, ast.Name) and item.id == frame
    )
