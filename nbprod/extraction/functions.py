"""Definitions and entry functions as syntax: rewritten where a module has a name elsewhere."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING

import libcst as cst

from nbprod.extraction.aliases import (
    without_aliases,
    without_label_names,
    without_last_name,
    without_unread_targets,
)
from nbprod.extraction.class_arguments import with_arguments
from nbprod.extraction.entries import SHAPES, Entry
from nbprod.extraction.layout import assigns_itself, below
from nbprod.extraction.optional_imports import always_bound
from nbprod.extraction.pieces import only, statement
from nbprod.extraction.queries import rewrite_queries
from nbprod.extraction.rewriting import Rewrite, rewrite
from nbprod.extraction.rules import finding
from nbprod.extraction.signatures import with_default, with_parameters, with_positional
from nbprod.extraction.state_kinds import state_kinds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from nbprod.extraction.pieces import Piece, Statement
    from nbprod.extraction.placement import Placement
    from nbprod.extraction.workbench import Workbench
    from nbprod.records import Finding

_BLOCKS = (cst.FunctionDef, cst.ClassDef)  # blank lines stand around them


@dataclass
class Functions:
    """Writes functions of the module; ``findings`` tells each one that had to be changed."""

    work: Workbench
    placement: Placement
    findings: list[Finding] = field(default_factory=list)
    _told: set[tuple[str, str]] = field(default_factory=set)

    def definition(self, piece: Piece) -> Statement:
        """A definition of the notebook; what it read from around it, it now takes."""
        names = dict(self.placement.renames)
        extras: dict[str, dict[str, str]] = {}
        own = next(iter(piece.names.binds), "")
        how = self.placement.passing.get(own)
        if isinstance(piece.node, ast.ClassDef) and how is not None:
            return self._class(piece, own, names)
        if how in ("state", "parameters"):
            names |= {name: f"{how}.{name}" for name in self.work.definitions.extras[own]}
        for other in piece.names.needs:
            extras |= self._passed(other, lambda name: names.get(name, name), how)
        changed = rewrite(_asked(piece, names), Rewrite(names=names, extras=extras))
        changed = always_bound(piece, changed)
        if how is not None and isinstance(changed, cst.FunctionDef):
            added = [how] if how != "names" else list(self.work.definitions.extras[own])
            changed = with_parameters(changed, added)
            self._tell_rewritten(piece, own, added)
        if own in self.placement.renames and isinstance(changed, cst.FunctionDef | cst.ClassDef):
            changed = changed.with_changes(name=cst.Name(self.placement.renames[own]))
        return changed

    def _class(self, piece: Piece, own: str, names: Mapping[str, str]) -> Statement:
        """A class whose methods read computed names: ``__init__`` takes them."""
        assert isinstance(piece.node, ast.ClassDef)
        extras: dict[str, dict[str, str]] = {}
        for other in piece.names.needs:
            extras |= self._passed(other, lambda name: names.get(name, name), "names")
        changed = rewrite(_asked(piece, names), Rewrite(names=names, extras=extras))
        assert isinstance(changed, cst.ClassDef)
        added = self.work.definitions.extras[own]
        self._tell_rewritten(piece, own, list(added))
        changed = with_arguments(changed, piece.node, added)
        renamed = self.placement.renames.get(own)
        return changed.with_changes(name=cst.Name(renamed)) if renamed else changed

    def _passed(
        self, name: str, value: Callable[[str], str], context: str | None
    ) -> dict[str, dict[str, str]]:
        """What a call of this function must be given beside its own arguments."""
        how = self.placement.passing.get(name)
        if how is None:
            return {}
        if how in ("state", "parameters"):
            return {name: {how: how}}
        return {name: {extra: value(extra) for extra in self.work.definitions.extras[name]}}

    def _tell_rewritten(self, piece: Piece, name: str, added: list[str]) -> None:
        if (piece.cell_id, name) in self._told:
            return
        self._told.add((piece.cell_id, name))
        read = ", ".join(self.work.definitions.extras[name])
        self.findings.append(
            finding(
                "NBX011",
                f"{name}() takes {', '.join(added)}: it read {read} from around it",
                cell_id=piece.cell_id,
                line=piece.line,
            )
        )

    def own_entry(self, entry: Entry) -> Statement:
        """An entry function that the notebook defines, with missing arguments added."""
        piece = entry.definition
        assert piece is not None
        assert isinstance(piece.node, ast.FunctionDef)
        given = [item.arg for item in piece.node.args.args]
        missing = list(entry.shape.arguments[len(given) :])
        arguments = [*given, *missing]
        names = dict(self.placement.renames)
        meant = dict(zip(entry.shape.arguments, arguments, strict=False))
        for name, expression in entry.names.items():
            root, _, rest = expression.partition(".")
            names[name] = f"{meant.get(root, root)}.{rest}" if rest else meant.get(root, root)
        extras: dict[str, dict[str, str]] = {}
        for other in piece.names.needs:
            passed = self._passed(other, lambda name: names.get(name, name), None)
            for function, values in passed.items():
                extras[function] = {key: meant.get(value, value) for key, value in values.items()}
        changed = rewrite(_asked(piece, names), Rewrite(names=names, extras=extras))
        assert isinstance(changed, cst.FunctionDef)
        if entry.names:
            self._tell_rewritten(piece, entry.shape.name, sorted(set(names.values())))
        if missing:
            changed = with_positional(changed, missing, entry.shape.defaults)
        last = arguments[-1]
        if (
            entry.shape.defaults
            and not missing
            and not piece.node.args.defaults
            and len(arguments) == len(entry.shape.arguments)
        ):
            changed = with_default(changed, last, "None")
        return changed

    # ------------------------------------------------------------ statements as a function

    def function(self, entry: Entry) -> tuple[Statement, list[tuple[Statement, Piece]]]:
        """An entry function made of statements, and each statement within it with its origin."""
        parts: list[tuple[Statement, Piece]] = []
        anatomy = self.work.anatomy
        how = Rewrite(
            names={**self.placement.renames, **entry.names},
            label=anatomy.label,
            label_names=anatomy.column.held_by,
            label_lists=anatomy.column.listed_by,
            drop_label_safely=entry.drop_label_safely,
        )
        for piece in entry.pieces:
            syntax = self._rewritten(piece, entry, how)
            if not assigns_itself(syntax):
                own = list(syntax.leading_lines)
                blank = parts and own and not own[0].comment
                blank = blank or isinstance(syntax, _BLOCKS)
                blank = blank or (parts and isinstance(parts[-1][0], _BLOCKS))
                parts.append((below(syntax, 1 if blank else 0), piece))
        result = self._state_call(entry) if entry.shape.name == "fit" else entry.result
        parts, result = without_last_name(parts, result)
        body: list[tuple[Statement, Piece | None]] = [*parts]
        if result:
            body.append((statement(f"return {result}")[1], None))
        prelude = {line.partition(" = ")[0] for line in entry.prelude}
        body = without_aliases(body, {*entry.shape.arguments, *prelude})
        body = without_label_names(body, self.work.anatomy.column.held_by)
        body = without_unread_targets(body)
        written = self._function_of(entry, [syntax for syntax, _ in body])
        return written, [(syntax, piece) for syntax, piece in body if piece is not None]

    def _rewritten(self, piece: Piece, entry: Entry, how: Rewrite) -> Statement:
        extras: dict[str, dict[str, str]] = {}
        source = entry.shape.arguments[-1]
        for other in piece.names.needs:
            extras |= self._passed(other, lambda name: self._value_of(name, entry), source)
        labelled = (
            self.work.anatomy.label_mentions(piece) if entry.shape.name == "train" else frozenset()
        )
        if extras or labelled:
            how = replace(how, extras=extras, label_of=labelled)
        return rewrite(_asked(piece, how.names), how)

    def _value_of(self, name: str, entry: Entry) -> str:
        if name in entry.names:
            return entry.names[name]
        local = {bound for piece in entry.pieces for bound in piece.names.binds}
        prelude = {line.partition(" = ")[0] for line in entry.prelude}
        if name in local | prelude:
            return name
        return f"{entry.shape.arguments[-1]}.{name}"

    def _function_of(self, entry: Entry, statements: Iterable[Statement] = ()) -> Statement:
        shape = entry.shape
        arguments = ", ".join(
            f"{name}={shape.defaults[name]}" if name in shape.defaults else name
            for name in shape.arguments
        )
        text = f'def {shape.name}({arguments}):\n    """{shape.docstring}"""\n'
        text += "".join(f"    {line}\n" for line in entry.prelude)
        return _written(text, tuple(statements))

    def _state_call(self, entry: Entry) -> str:
        parameters = {
            name for piece in self.work.selection.parameters for name in piece.names.binds
        }
        bound = {name for piece in entry.pieces for name in piece.names.binds}
        given = []
        for name in self.work.result.state:
            frozen = name in parameters and name not in bound
            value = f"parameters.{name}" if frozen else entry.names.get(name, name)
            given.append(f"{name}={value}")
        line = f"State({', '.join(given)})"
        if len(line) > 76:
            line = "State(\n" + "".join(f"    {item},\n" for item in given) + ")"
        return line

    def empty_fit(self) -> Statement:
        """fit() of a notebook that learns nothing."""
        return self._function_of(Entry(SHAPES["fit"]), [statement("return State()")[1]])

    def state_class(self) -> Statement:
        """The class State, with a field for each learned name."""
        text = "@dataclass(frozen=True)\nclass State:\n"
        text += '    """What `fit` learned from the training rows; saved with the model."""\n'
        if self.work.result.state:
            kinds = state_kinds(self.work)
            fields = [f"    {name}: {kinds[name]}\n" for name in self.work.result.state]
            text += "\n" + "".join(fields)
        return statement(text)[1]


@lru_cache(maxsize=256)
def _written(head: str, statements: tuple[Statement, ...]) -> Statement:
    """A function of statements: the same object each time."""
    skeleton = only(cst.parse_module(head))
    assert isinstance(skeleton, cst.FunctionDef)
    assert isinstance(skeleton.body, cst.IndentedBlock)
    body = [*skeleton.body.body, *statements]
    return skeleton.with_changes(body=skeleton.body.with_changes(body=body))


def _asked(piece: Piece, names: Mapping[str, str]) -> Statement:
    """A statement with the names in its queries' texts rewritten."""
    queries = ".query(" in piece.code or ".eval(" in piece.code
    return rewrite_queries(piece.syntax, names) if queries else piece.syntax
