"""Cells that do more than their role says: each statement in the role that it plays.

A train cell that splits and scales first, a predict cell that makes the held-out rows' features, a
split cell that goes on to take X and y: what a person would have put into cells of their own.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.extraction.expansion import expand
from nbprod.extraction.learners import LEARNERS, learner_in, learns_alone
from nbprod.extraction.meanings import (
    fitted_names,
    looks_held_out,
    looks_like_label,
    looks_training,
    reads_only_columns,
)
from nbprod.extraction.model_calls import PREDICTS, fit_argument, model_arguments, model_calls
from nbprod.extraction.rules import finding
from nbprod.notebook.effects import root_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from nbprod.extraction.pieces import Piece
    from nbprod.extraction.selection import Selection

SPLITTER = "train_test_split"


def sort_out(selection: Selection, label: str) -> None:
    """Give statements of mixed cells the roles that they play, in place; each change is told.

    label: the label column; what learns from it belongs to training.
    """
    steps = _Steps(selection, label)
    steps.splits()
    steps.after_split()
    steps.applied()
    steps.learners()
    steps.held_out_features()
    steps.features_of_training()
    steps.predictions()


class _Steps:
    """The loose statements of a notebook, and which of them move to another role."""

    def __init__(self, selection: Selection, label: str) -> None:
        self.selection = selection
        self.label = label

    @property
    def pieces(self) -> list[Piece]:
        return self.selection.pieces

    def of(self, role: str) -> list[Piece]:
        return [piece for piece in self.pieces if piece.role == role and not piece.is_definition]

    def move(self, piece: Piece, role: str) -> None:
        """Put a statement into another role; what learns and transforms at once comes apart."""
        place = self.pieces.index(piece)
        moved = piece.as_role(role)
        made = [moved]
        if role in ("fit", "features"):
            made = expand(moved, self.selection.names, self.selection.makers)
        for index, part in enumerate(made):
            object.__setattr__(part, "order", piece.order + index)
        self.pieces[place : place + 1] = made
        roles = " and ".join(dict.fromkeys(part.role for part in made))
        self.selection.findings.append(
            finding(
                "NBX011",
                f"a statement of the {piece.role} cell belongs to {roles}: `{piece.first_line}`",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        )

    # ------------------------------------------------------------ what makes a value

    def written_by(self, roles: Iterable[str]) -> set[str]:
        """Names that statements of these roles assign."""
        wanted = frozenset(roles)
        return {name for piece in self.pieces if piece.role in wanted for name in piece.names.binds}

    def upstream(self, names: Iterable[str], end: Piece, role: str) -> list[Piece]:
        """The statements of a role before ``end`` that these names are computed by."""
        found: dict[int, Piece] = {}
        pending, seen = list(names), set[str]()
        before = [p for p in self.of(role) if p.order < end.order]
        while pending:
            name = pending.pop()
            if name in seen:
                continue
            seen.add(name)
            for piece in before:
                if name in piece.names.written:
                    found[id(piece)] = piece
                    pending += piece.names.needs
        return sorted(found.values(), key=lambda piece: piece.order)

    def reads_model(self, piece: Piece, models: set[str]) -> bool:
        return bool(models & set(piece.names.needs))

    # ------------------------------------------------------------ the split

    def splits(self) -> None:
        """``train_test_split`` outside of split cells, where its held-out rows are predicted."""
        if self.of("split"):
            return
        for piece in [p for p in self.pieces if p.role in ("data", "features", "fit", "train")]:
            targets = _split_targets(piece)
            if not targets:
                continue
            held_out = [name for name in targets if looks_held_out(name)]
            if piece.role == "train" and not self._predicted(held_out, piece):
                continue  # rows to stop training by
            if piece.role in ("train", "fit"):
                for made in self.upstream(piece.names.needs, piece, piece.role):
                    self.move(made, "features")
            self.move(piece, "split")
            return

    def _predicted(self, names: list[str], start: Piece) -> bool:
        """Whether predict cells, or a model, read these names or what is made of them."""
        reached = set(names)
        for piece in self.pieces:
            if piece.order <= start.order or not reached & set(piece.names.needs):
                continue
            if piece.role == "predict":
                return True
            if not self.of("predict") and model_calls(piece):
                return True
            reached |= piece.names.binds.keys()
        return False

    def after_split(self) -> None:
        """What split cells make of the rows they have chosen is features, or the label."""
        chosen: set[str] = set()
        taken: set[str] = set()
        outside = self.written_by({"data", "features", "fit"})
        for piece in self.of("split"):
            bound = set(piece.names.binds)
            others = {
                name
                for name in outside & set(piece.names.needs)
                if not reads_only_columns(piece, name, frame=True)
            }
            rows = (chosen | taken) & set(piece.names.needs)
            derived = not others and (bool(rows) or bool(outside & set(piece.names.needs)))
            plain = isinstance(piece.node, ast.Assign | ast.AnnAssign)
            if chosen and plain and bound and derived and not bound & chosen:
                taken |= bound
                self.move(piece, "features")
            elif (outside | chosen) & set(piece.names.needs):
                chosen.update(name for name in bound if _is_part(name))

    def applied(self) -> None:
        """What fit cells do to the very frames that a model reads: they apply what was learned."""
        read = {first for piece in self.of("train") if (first := fit_argument(piece))}
        models = self.written_by({"train"})
        read |= {name for p in self.of("predict") for name in model_arguments(p, models)}
        for piece in self.of("fit"):
            written = piece.names.written
            if written and written <= read and not learns_alone(piece.node):
                self.move(piece, "features")

    # ------------------------------------------------------------ train cells

    def learners(self) -> None:
        """Scalers and encoders that train cells fit and apply: State keeps what they learned."""
        known = {
            name
            for name, made in self.selection.makers.items()
            if any(word in made.partition("(")[0] for word in LEARNERS)
        }
        moved: set[str] = set()
        for piece in self.of("train"):
            holder = learner_in(piece, known | moved)
            if holder is None or self._about_label(piece):
                continue
            moved |= {holder, *piece.names.binds}
            for made in self.upstream(piece.names.needs, piece, "train"):
                if not fitted_names(made) or learner_in(made, known | moved):
                    self.move(made, "features")
            if piece in self.pieces:
                self.move(piece, "features")

    def _about_label(self, piece: Piece) -> bool:
        """Whether a statement learns from the label, or writes it."""
        names = [*_given(piece), *piece.names.binds]
        constants = {node.value for node in piece.nodes if isinstance(node, ast.Constant)}
        return any(map(looks_like_label, names)) or self.label in constants

    def features_of_training(self) -> None:
        """Where no cell makes features, what train cells fit the model on."""
        if self.of("features") or any(p.role == "features" for p in self.pieces):
            return
        for piece in self.of("train"):
            first = fit_argument(piece)
            if first is None:
                continue
            steps = self.upstream([first], piece, "train")
            if any(map(fitted_names, steps)):
                continue  # answers of other models, of which one learns: all of it is training
            for made in steps:
                if not _split_targets(made):  # rows to stop training by stay with it
                    self.move(made, "features")
            held_out = _same_for_held_out(self.of("train"), self.of("features"))
            for made in held_out:
                self.move(made, "features")

    # ------------------------------------------------------------ predict cells

    def held_out_features(self) -> None:
        """What predict cells make of the held-out rows before the model reads them."""
        models = self.written_by({"train"})
        predict = self.of("predict")
        for piece in predict:
            for name in model_arguments(piece, models):
                steps = self.upstream([name], piece, "predict")
                steps = [step for step in steps if not self.reads_model(step, models)]
                if all(".copy()" in step.code for step in steps):
                    continue  # to store answers in
                for made in filter(_makes_features, steps):
                    self.move(made, "features")

    def predictions(self) -> None:
        """Where no cell predicts, what train cells predict for held-out rows."""
        if any(piece.role == "predict" for piece in self.pieces):
            return
        models = {name for piece in self.of("train") for name in fitted_names(piece)}
        answers: set[str] = set()
        for piece in self.of("train"):
            reads = set(piece.names.needs)
            predicts = reads & models and any(
                name in models and method in PREDICTS for name, method in model_calls(piece)
            )
            of_held_out = any(looks_held_out(name) for name in reads)
            if (predicts and of_held_out) or reads & answers:
                answers |= piece.names.binds.keys()
                self.move(piece, "predict")


def _is_part(name: str) -> bool:
    return looks_held_out(name) or looks_training(name)


def _split_targets(piece: Piece) -> list[str]:
    """The names that ``a, b, c, d = train_test_split(...)`` assigns."""
    node = piece.node
    if not (isinstance(node, ast.Assign) and isinstance(call := node.value, ast.Call)):
        return []
    called = (
        call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    )
    target = node.targets[0]
    if called != SPLITTER or not isinstance(target, ast.Tuple | ast.List):
        return []
    return [item.id for item in target.elts if isinstance(item, ast.Name)]


def _makes_features(piece: Piece) -> bool:
    """Whether a statement makes a frame of a frame, and no container of a training library."""
    value = getattr(piece.node, "value", None)
    if isinstance(piece.node, ast.Assign) and isinstance(value, ast.Call):
        called = value.func
        last = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
        if last[:1].isupper() and last not in ("DataFrame", "Series"):
            return False
        if root_name(value) in ("torch", "tf", "xgb", "lgb"):
            return False
    return isinstance(piece.node, ast.Assign | ast.For | ast.Expr | ast.AugAssign | ast.Delete)


def _given(piece: Piece) -> list[str]:
    """The names that a statement's calls are given."""
    return [
        item.id
        for node in piece.nodes
        if isinstance(node, ast.Call)
        for item in node.args
        if isinstance(item, ast.Name)
    ]


def _same_for_held_out(left: list[Piece], moved: list[Piece]) -> list[Piece]:
    """Statements that do to other rows what moved statements do to the training rows."""
    shapes = {_shape(piece.node) for piece in moved}
    return [piece for piece in left if _shape(piece.node) in shapes]


def _shape(node: ast.stmt) -> str:
    """A statement whatever its variables are called."""
    tree = ast.parse(ast.unparse(node))
    for item in ast.walk(tree):
        if isinstance(item, ast.Name):
            item.id = "it"
    return ast.dump(tree)
