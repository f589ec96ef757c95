"""A module's names turned back into the notebook's: `state.mean` is the cell's `mean`.

What extraction rewrote is learned from lines as they stand in both; the answer is a proposal,
which extracting again proves or refutes.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.notebook.magics import plain_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbprod.extraction.sync.places import Text
    from nbprod.notebook.document import Document

    Span = tuple[int, int, int, int, str]  # line, column, last line, its column, what to write

_HOLDERS = ("state", "parameters")  # whose attributes are names of the notebook
_FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
VARIANTS = 3  # likeliest names, second likeliest, as it stands


@dataclass
class Names:
    """What extraction made of the notebook's names."""

    # top-level statement -> name in the module -> what stands in the cells, how often
    seen: dict[str, dict[str, Counter[str]]] = field(default_factory=dict)
    extras: dict[str, frozenset[str]] = field(default_factory=dict)  # function -> added arguments
    functions: dict[str, str] = field(default_factory=dict)  # function -> its name in the cell

    def cell_name(self, statement: str, name: str, variant: int) -> str:
        """What a name of the module is called in the cells of a top-level statement."""
        told = self.seen.get(statement, {}).get(name)
        if told is None:  # elsewhere in the module it may be known
            told = Counter({self.functions.get(name, name): 1_000_000})
            for seen in self.seen.values():
                told.update(seen.get(name, ()))
        ranked = [text for text, _ in sorted(told.items(), key=lambda item: (-item[1], item[0]))]
        return ranked[variant] if variant < len(ranked) else name

    def is_own(self, statement: str, name: str) -> bool:
        """Whether the cells themselves use a name as the module does."""
        return name in self.seen.get(statement, {}).get(name, ())


def learn(texts: Mapping[str, Text], document: Document) -> Names:
    """The names that extraction changed, from the statements that come from cells."""
    names = Names()
    cells = {cell.cell_id: _Cell(cell.source) for cell in document.code_cells}
    for text in texts.values():
        for top in text.tree.body:
            for node in ast.walk(top):
                place = text.places.get(node.lineno - 1) if isinstance(node, ast.stmt) else None
                if place is None or place[0] not in cells:
                    continue
                cell = cells[place[0]]
                for own in cell.statements.get(place[1], []):
                    if type(own) is type(node):
                        _compare(names.seen.setdefault(name_of(top), {}), node, own, cell)
                        if isinstance(node, _FUNCTION) and isinstance(own, _FUNCTION):
                            _learn_function(names, node, own)
    return names


class _Cell:
    """A cell's plain source and its statements by line."""

    def __init__(self, source: str) -> None:
        self.source = plain_source(source).source
        self.statements: dict[int, list[ast.stmt]] = {}
        try:
            tree = ast.parse(self.source)
        except SyntaxError:
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.stmt):
                self.statements.setdefault(node.lineno, []).append(node)

    def text(self, node: ast.expr) -> str:
        """An expression as it stands in the cell."""
        return ast.get_source_segment(self.source, node) or ast.unparse(node)


def _compare(seen: dict[str, Counter[str]], made: ast.AST, own: ast.AST, cell: _Cell) -> None:
    """Note what stands for each name of a statement; the statements within it speak themselves."""
    if isinstance(made, ast.Name) and isinstance(own, ast.expr):
        if not isinstance(own, ast.Tuple | ast.List):
            seen.setdefault(made.id, Counter())[cell.text(own)] += 1
        return
    if type(made) is not type(own):
        return
    if isinstance(made, ast.Assign) and isinstance(own, ast.Assign):
        own = _one_of_several(made, own)
    for (_, one), (_, other) in zip(ast.iter_fields(made), ast.iter_fields(own), strict=True):
        ones, others = _expressions(one), _expressions(other)
        if isinstance(made, ast.Call):
            ones = [n for n in ones if not isinstance(n, ast.keyword) or _has(n, others)]
        if len(ones) == len(others):
            for a, b in zip(ones, others, strict=True):
                _compare(seen, a, b, cell)


def _one_of_several(made: ast.Assign, own: ast.Assign) -> ast.Assign:
    """``train, test = rows[:9], rows[9:]`` stands in the module as one statement for each name."""
    names, values = own.targets[0], own.value
    name = made.targets[0]
    if not (isinstance(name, ast.Name) and isinstance(names, ast.Tuple)):
        return own
    if not (isinstance(values, ast.Tuple) and len(values.elts) == len(names.elts)):
        return own
    for target, value in zip(names.elts, values.elts, strict=True):
        if isinstance(target, ast.Name) and target.id == name.id:
            return ast.Assign([target], value)
    return own


def _expressions(value: object) -> list[ast.AST]:
    items = value if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, ast.AST) and not isinstance(item, ast.stmt)]


def _has(keyword: ast.keyword, others: list[ast.AST]) -> bool:
    return any(isinstance(item, ast.keyword) and item.arg == keyword.arg for item in others)


def _learn_function(
    names: Names,
    made: ast.FunctionDef | ast.AsyncFunctionDef,
    own: ast.FunctionDef | ast.AsyncFunctionDef,
) -> None:
    names.functions[made.name] = own.name
    names.extras[made.name] = frozenset(_arguments(made)) - frozenset(_arguments(own))


def _arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [item.arg for item in (*node.args.args, *node.args.kwonlyargs)]


def name_of(node: ast.stmt | None) -> str:
    """The name of a function or class, "" for any other statement."""
    return getattr(node, "name", "") if node is not None else ""


# ---------------------------------------------------------------- turning back


def in_cell_terms(text: Text, names: Names, variant: int) -> list[str | None]:
    """The file's lines with the names of the notebook; None for a line that goes with them."""
    spans: list[Span] = []
    if variant < VARIANTS - 1:
        for node in text.tree.body:
            spans += _Back(text, names, name_of(node), variant).spans_of(node)
    return _replaced(text.lines, spans)


class _Back:
    """Finds what to write in the place of a top-level statement's names."""

    def __init__(self, text: Text, names: Names, statement: str, variant: int) -> None:
        self.text = text
        self.names = names
        self.statement = statement
        self.variant = variant

    def spans_of(self, node: ast.AST) -> list[Span]:
        """Replacements for a node and all within."""
        if isinstance(node, ast.Attribute) and self._is_held(node):
            return [_span(node, node.attr)]
        if isinstance(node, ast.Name):
            new = self.names.cell_name(self.statement, node.id, self.variant)
            return [_span(node, new)] if new != node.id else []
        if isinstance(node, ast.JoinedStr):
            return self._in_text(node)
        if isinstance(node, ast.ClassDef) and node.name == "Parameters":
            return [span for item in node.body for span in self._parameter(item)]
        gone: set[ast.AST] = set()
        spans: list[Span] = []
        if isinstance(node, ast.Call):
            gone, spans = self._without_extras(node)
        for child in ast.iter_child_nodes(node):
            if child not in gone:
                spans += self.spans_of(child)
        return spans

    def _is_held(self, node: ast.Attribute) -> bool:
        return (
            isinstance(node.value, ast.Name)
            and node.value.id in _HOLDERS
            and not self.names.is_own(self.statement, node.value.id)
        )

    def _without_extras(self, node: ast.Call) -> tuple[set[ast.AST], list[Span]]:
        """A call without the arguments that extraction passes."""
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        extras = self.names.extras.get(name, frozenset())
        spans: list[Span] = []
        gone: set[ast.AST] = set()
        before: ast.expr | ast.keyword = node.func
        given: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
        for item in sorted(given, key=lambda n: (n.lineno, n.col_offset)):
            if isinstance(item, ast.keyword) and item.arg in extras:
                gone.add(item)
                last = (item.end_lineno or item.lineno, item.end_col_offset or 0)
                if before is node.func:
                    spans.append((item.lineno, item.col_offset, *last, ""))
                else:
                    start = (before.end_lineno or before.lineno, before.end_col_offset or 0)
                    spans.append((*start, *last, ""))
            before = item
        return gone, spans

    def _in_text(self, node: ast.JoinedStr) -> list[Span]:
        """An f-string: before Python 3.12 its parts have no positions of their own."""
        source = ast.get_source_segment("\n".join(self.text.lines), node) or ""
        held = "|".join(h for h in _HOLDERS if not self.names.is_own(self.statement, h))
        used = {item.id for item in ast.walk(node) if isinstance(item, ast.Name)}

        def field_of(match: re.Match[str]) -> str:
            told = re.sub(rf"\b(?:{held})\.(\w+)", r"\1", match[0]) if held else match[0]
            for name in used - set(_HOLDERS):
                new = self.names.cell_name(self.statement, name, self.variant)
                told = re.sub(rf"(?<![.\w]){name}\b", lambda _, new=new: new, told)  # type: ignore[misc]
            return told

        new = re.sub(r"\{[^{}]*\}", field_of, source)
        return [_span(node, new)] if new != source else []

    def _parameter(self, node: ast.stmt) -> list[Span]:
        """A field of Parameters is an assignment of the parameters cell."""
        if not (isinstance(node, ast.AnnAssign) and node.value is not None) or self.variant:
            return []
        value: ast.expr = node.value
        start = (node.target.end_lineno or node.lineno, node.target.end_col_offset or 0)
        if isinstance(value, ast.Call) and ast.unparse(value.func) == "field":
            made = next((k.value for k in value.keywords if k.arg == "default_factory"), None)
            if isinstance(made, ast.Lambda):
                last = (made.body.end_lineno or 0, made.body.end_col_offset or 0)
                end = (value.end_lineno or 0, value.end_col_offset or 0)
                first = (made.body.lineno, made.body.col_offset)
                return [(*start, *first, " = "), (*last, *end, "")]
        return [(*start, value.lineno, value.col_offset, " = ")]


def _span(node: ast.expr, text: str) -> Span:
    end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or 0
    return (node.lineno, node.col_offset, end_line, end_column, text)


def _replaced(lines: Iterable[str], spans: list[Span]) -> list[str | None]:
    """Lines with spans replaced; columns count bytes, as the standard library's trees do."""
    told: list[bytes | None] = [line.encode() for line in lines]
    for first, column, last, end, text in sorted(spans, reverse=True):
        start, stop = told[first - 1] or b"", told[last - 1] or b""
        told[first - 1] = start[:column] + text.encode() + stop[end:]
        if last > first:
            told[first:last] = [None] * (last - first)
    return [line.decode() if line is not None else None for line in told]
