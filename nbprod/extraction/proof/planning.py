"""Which values a proof compares, from what extraction knows of the cells and of the module."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from nbprod.extraction.anatomy import call_argument
from nbprod.extraction.assembly import assemble
from nbprod.extraction.definitions import define
from nbprod.extraction.placement import place
from nbprod.extraction.proof.plan import Expected, Plan
from nbprod.extraction.selection import select
from nbprod.notebook.graph import understand

if TYPE_CHECKING:
    from nbprod.extraction.entries import Entry
    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.placement import Placement
    from nbprod.extraction.workbench import Workbench
    from nbprod.notebook.document import Document

_ORDER = ("load", "split", "fit", "transform", "train", "predict")
# What an entry function's result is called; of a split, each of the two.
_RESULTS = {
    "load": "frame",
    "transform": "features",
    "train": "model",
    "predict": "predictions",
}


def plan_of(document: Document, label: str) -> Plan:
    """What to compare of a notebook, from extraction's own view of which value is what.

    ExtractionError as in ``extract``.
    """
    selection = select(document)
    definitions = define(selection)
    work = assemble(selection, definitions, label)
    return plan_from(document, work, place(definitions, work.result, work.program))


def plan_from(document: Document, work: Workbench, placement: Placement) -> Plan:
    """What to compare of a notebook that was taken apart already."""
    return _Planner(document, work, placement).plan()


class _Planner:
    def __init__(self, document: Document, work: Workbench, placement: Placement) -> None:
        self.work = work
        self.placement = placement
        self.cells = {cell.cell_id: number for number, cell in enumerate(document.cells)}
        cells = understand(document)
        # extraction gives names, too, to what a notebook leaves without one
        self.named = {name for code in cells for name in code.names.binds}
        self.loops = {
            code.cell.cell_id: [(n.lineno, n) for n in code.tree.body if isinstance(n, ast.For)]
            for code in cells
            if code.tree is not None
        }
        self.values: list[Expected] = []
        self.predicted = "train"

    def plan(self) -> Plan:
        work = self.work
        for name, piece in work.program.parameters.items():
            self._add(name, "parameter", piece, "parameters.Parameters", name)
        self._constants()
        for entry_name in _ORDER:
            entry = work.result.entries.get(entry_name)
            if entry is None:
                continue
            if entry_name == "predict":
                self._holdout_features(entry)
            if entry.definition is not None:
                self._calls(entry)
            else:
                self._statements(entry)
        return Plan(tuple(self.values), self._unneeded(), work.anatomy.tangled, self.predicted)

    def _add(self, name: str, role: str, at: Piece, where: str, local: str, **more: Any) -> None:
        if name not in self.named:
            return
        key = f"{len(self.values)}-{name}"
        after = more.pop("after", at)
        more["after"] = (after.cell_id, after.line)
        told = Expected(key, name, role, at.cell_id, at.line, where, local, **more)
        self.values.append(told)

    def _constants(self) -> None:
        definitions = self.work.definitions
        for name, piece in definitions.pieces.items():
            if piece.is_definition or not isinstance(piece.node, ast.Assign | ast.AnnAssign):
                continue
            local = self.placement.renames.get(name, name)
            self._add(name, "constant", piece, definitions.files[name], local)

    # ------------------------------------------------------------ statements as a function

    def _statements(self, entry: Entry) -> None:
        """Each name that an entry function's statements write, as the last of them left it."""
        shape, where = entry.shape, f"{entry.shape.file}.{entry.shape.name}"
        state = self.work.result.state if shape.name == "fit" else []
        last = {name: p for p in entry.pieces for name in (*p.names.binds, *p.names.mutates)}
        for name, piece in last.items():
            local = entry.names.get(name, name)
            if not local.isidentifier() or piece.is_definition or _is_variable(piece.node, name):
                continue
            if name in self.work.selection.imports and name not in piece.names.binds:
                continue
            if name in state:
                local, place_, role = name, "features.State", "state"
            else:
                place_, role = where, self._role(entry, name, piece) or f"{piece.role} step"
            rows = "train" if shape.name in ("transform", "train") else ""
            after = self._taken(entry, name, piece)
            others = self._standing_for(entry, name, piece)
            unclear = self._unclear(name, piece) or self._between(entry, name)
            more = {"rows": rows, "others": others, "unclear": unclear}
            self._add(name, role, piece, place_, local, after=after, **more)

    def _role(self, entry: Entry, name: str, piece: Piece) -> str:
        if entry.shape.name == "split":
            split = zip(
                ("train", "holdout"),
                (self.work.anatomy.train, self.work.anatomy.holdout),
                strict=True,
            )
            return next((role for role, value in split if value and value[0] == name), "")
        if entry.shape.name == "transform" and self.work.features == (name, piece):
            return "features"
        given = [item.strip() for item in entry.result.split(",")]
        if entry.names.get(name, name) in given or name == self._model(entry):
            return _RESULTS.get(entry.shape.name, "")
        return ""

    def _unclear(self, name: str, piece: Piece) -> str:
        """``for frame in [train, test]: guess = …``: the cells keep the last frame's alone."""
        for number, node in self.loops.get(piece.cell_id, ()):
            if number <= piece.line <= (node.end_lineno or number) and piece.node is not node:
                own = self.work.selection.names(node).binds
                if name in own and not isinstance(piece.node, ast.For):
                    return "the cells keep what the loop's last pass left"
        return ""

    def _between(self, entry: Entry, name: str) -> str:
        """Statements of other functions among those of this one: no cell leaves its value."""
        own = [piece for piece in entry.pieces if name in piece.names.written]
        places = [self._position(piece) for piece in own]
        known = {id(piece) for piece in entry.pieces}
        for piece in self.work.program.steps:
            among = min(places) < self._position(piece) < max(places)
            other = id(piece) not in known and name in piece.names.written
            if among and other and entry.shape.name == "load":
                return "the cells prepare the label between other steps"
        return ""

    def _standing_for(self, entry: Entry, name: str, piece: Piece) -> tuple[str, ...]:
        """What the module says in the place of a name: ``b`` for ``a = b``, ``label`` for y."""
        of_label = self.work.anatomy.is_label_chain(name, piece)
        found: list[str] = []
        node, before = piece.node, piece
        while isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            source = node.value.id
            if source in found or node.targets[0].__class__ is not ast.Name:
                break
            found.append(source)
            writer = self.work.program.writer(before, source)
            if writer is None or writer not in entry.pieces:
                break
            node, before = writer.node, writer
        label = ["label"] if entry.shape.name == "train" and of_label else []
        return (*(entry.names.get(source, source) for source in found), *label)

    def _model(self, entry: Entry) -> str:
        return self.work.model if entry.shape.name == "train" else ""

    def _taken(self, entry: Entry, name: str, last: Piece) -> Piece:
        """The statement after which the cells' value is taken: the entry's last, where it can be.

        By then the value has all that its entry function does to it, under whatever name; unless a
        statement of another function writes the name in between.
        """
        end = max(entry.pieces, key=self._position)
        own = {id(piece) for piece in entry.pieces}
        for piece in self.work.program.steps:
            between = self._position(last) < self._position(piece) <= self._position(end)
            if between and id(piece) not in own and name in piece.names.written:
                return last
        return end

    def _position(self, piece: Piece) -> tuple[int, int]:
        return self.cells[piece.cell_id], piece.line

    # ------------------------------------------------------------ the notebook's own functions

    def _calls(self, entry: Entry) -> None:
        """What the cells keep of the calls of an entry function that they define."""
        name, where = entry.shape.name, f"{entry.shape.file}.{entry.shape.name}"
        done: set[str] = set()
        for call in self.work.program.steps:
            if self.work.anatomy.calls.get(id(call)) != name:
                continue
            rows = (
                self._rows(call, 1 if name == "predict" else 0)
                if name in ("transform", "predict")
                else ""
            )
            targets = call.targets
            if rows in done or not targets:
                continue
            done.add(rows)
            if name == "predict":
                self.predicted = rows
            roles = ("train", "holdout") if name == "split" else (_RESULTS.get(name, "state"),)
            for item, target in enumerate(targets):
                role = roles[item] if item < len(roles) else roles[0]
                number = item if len(targets) > 1 else -1
                self._add(target, role, call, where, "", rows=rows, item=number)

    def _rows(self, call: Piece, argument: int) -> str:
        name = call_argument(call, argument)
        if name is None:
            return "train"
        return _one_of(self.work.rows(name, self.work.program.writer(call, name)))

    # ------------------------------------------------------------ features of the held-out rows

    def _holdout_features(self, entry: Entry) -> None:
        """What the predict cells read as features: transform() of these rows."""
        work = self.work
        for name in _read_as_features(entry):
            reader = next((p for p in entry.pieces if name in work.program.needs(p)), None)
            by = work.program.writer(reader, name) if reader else None
            if by is None or (name, by) == work.features:
                continue
            if work.anatomy.base(name, by):
                continue  # raw rows, read for their index alone
            self.predicted = _one_of(work.rows(name, by))
            if not self.predicted or work.is_transformed(by):
                continue  # other rows than the module's; or told with the calls of transform()
            self._add(name, "features", by, "features.transform", "", rows=self.predicted)

    def _unneeded(self) -> tuple[tuple[str, str], ...]:
        """Names that tagged cells write and the module does not compute."""
        known = {value.name for value in self.values}
        found: dict[str, str] = {}
        for piece in self.work.program.steps:
            for name in piece.names.binds:
                if name not in known and not piece.is_definition:
                    found[name] = piece.cell_id
        return tuple(found.items())


def _is_variable(node: ast.stmt, name: str) -> bool:
    """Whether a name is a loop's own variable: what its last pass leaves there is no result."""
    return isinstance(node, ast.For) and any(
        isinstance(item, ast.Name) and item.id == name for item in ast.walk(node.target)
    )


def _read_as_features(entry: Entry) -> list[str]:
    """The names in whose place an entry function says ``features``, at once or in its prelude."""
    names = [name for name, local in entry.names.items() if local == "features"]
    first = [line.partition(" = ") for line in entry.prelude]
    return [*names, *(name for name, _, value in first if value.startswith("features"))]


def _one_of(rows: frozenset[str]) -> str:
    """ "train" or "holdout" for rows of one of them alone, else ""."""
    if rows == frozenset({"holdout"}):
        return "holdout"
    return "train" if rows <= frozenset({"train", "frame"}) and rows else ""
