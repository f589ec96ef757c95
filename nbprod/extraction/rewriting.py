"""Names rewritten in libcst trees, by scope: comments, formatting and strings stay as they are."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar, cast

import libcst as cst
from libcst.metadata import BuiltinScope, ClassScope, GlobalScope, MetadataWrapper, ScopeProvider

from nbprod.extraction.mentions import NO_NODES, SEQUENCES, bound_inside, names_mentioned, parts_of
from nbprod.extraction.pieces import only
from nbprod.extraction.rules import refusal
from nbprod.extraction.signatures import with_keywords
from nbprod.notebook.names import names_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from nbprod.extraction.pieces import Statement

_Node = TypeVar("_Node", bound=cst.CSTNode)


@dataclass(frozen=True)
class Rewrite:
    """What becomes of names that a statement takes from around it.

    ``names``: name -> expression in its place. ``extras``: function -> {keyword: expression} that
    each call of it must pass. ``label_of``: names of frames whose label column is ``label``.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    extras: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    label: str = ""
    label_names: frozenset[str] = frozenset()  # constants that hold the label column's name
    label_lists: frozenset[str] = frozenset()  # constants that hold a list of it alone
    label_of: frozenset[str] = frozenset()
    drop_label_safely: bool = False

    def __bool__(self) -> bool:
        return bool(self.names or self.extras or self.label_of or self.drop_label_safely)

    @cached_property
    def wanted(self) -> frozenset[str]:
        """The names of which something becomes."""
        return frozenset((*self.names, *self.extras, *self.label_of))

    def about(self, mentioned: Iterable[str]) -> tuple[object, ...]:
        """What of it matters to a statement that mentions these names, as a key."""
        told = sorted(mentioned)
        return (
            tuple((name, self.names[name]) for name in told if name in self.names),
            tuple((name, tuple(self.extras[name].items())) for name in told if name in self.extras),
            self.label,
            self.label_names,
            self.label_lists,
            self.label_of.intersection(told),
            self.drop_label_safely,
        )


def rewrite(syntax: Statement, how: Rewrite) -> Statement:
    """The statement with its outer names rewritten; the same object when nothing changes."""
    if not how:
        return syntax
    mentioned, _ = names_mentioned(syntax)
    wanted = how.wanted
    if wanted.isdisjoint(mentioned) and not how.drop_label_safely:
        return syntax
    told = how.about(mentioned)
    known = _REWRITTEN.get((syntax, told))
    if known is None:
        if len(_REWRITTEN) >= _MOST_REWRITTEN:
            _REWRITTEN.clear()
        known = _REWRITTEN[syntax, told] = _rewritten(syntax, how, wanted)
    return known


# An edited notebook has most of its statements as they were, and most names where they were.
_REWRITTEN: dict[tuple[Statement, tuple[object, ...]], Statement] = {}
_MOST_REWRITTEN = 4096


def _rewritten(syntax: Statement, how: Rewrite, wanted: frozenset[str]) -> Statement:
    _, scoped = names_mentioned(syntax)
    if not scoped or not wanted & bound_inside(syntax):
        return _Rewriter(how).changed(syntax)  # no inner scope can hide any of the names
    wrapper = MetadataWrapper(cst.Module(body=[syntax]), unsafe_skip_copy=False)
    scopes = wrapper.resolve(ScopeProvider)
    changed = _Rewriter(how, scopes).changed(only(wrapper.module))
    if changed is only(wrapper.module):
        return syntax
    _check(syntax, changed, how)
    return changed


_NO_NAMES = frozenset({cst.Import, cst.ImportFrom, cst.Global, cst.Nonlocal})
# Fields that hold a name which is no reference: an attribute, a keyword, a definition.
_FIXED: dict[type[cst.CSTNode], str] = {
    cst.Attribute: "attr",
    cst.Arg: "keyword",
    cst.Param: "name",
    cst.FunctionDef: "name",
    cst.ClassDef: "name",
}


class _Rewriter:
    """Replaces names that resolve outside the statement; leaves every other node alone.

    scopes: libcst's, where an inner scope binds one of the names; None where none does.
    """

    def __init__(self, how: Rewrite, scopes: Mapping[cst.CSTNode, object] | None = None) -> None:
        self.how = how
        self.scopes = scopes

    def changed(self, node: _Node) -> _Node:
        """A node with its outer names rewritten; the same object when nothing changes."""
        kind = type(node)
        if kind is cst.Name:
            return cast("_Node", self._name(cast("cst.Name", node)))
        if kind in _NO_NAMES:
            return node
        skipped = _FIXED.get(kind, "")
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
            skipped = "func"
        changes: dict[str, object] = {}
        for part in parts_of(node):
            value = getattr(node, part)
            if part == skipped or type(value) in NO_NODES:
                continue
            if type(value) in SEQUENCES:
                items = [self.changed(item) for item in value]
                if any(new is not old for new, old in zip(items, value, strict=True)):
                    changes[part] = items
            else:
                new = self.changed(value)
                if new is not value:
                    changes[part] = new
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name):
            function = self._name(node.func, called=True)
            if function is not node.func:
                changes["func"] = function
        result = node.with_changes(**changes) if changes else node
        return cast("_Node", self._whole(node, result))

    def _whole(self, before: cst.CSTNode, after: cst.CSTNode) -> cst.CSTNode:
        """What stands for a whole call, subscript or attribute."""
        if isinstance(before, cst.Call) and isinstance(after, cst.Call):
            return self._call(before, after)
        if isinstance(before, cst.Subscript) and self._takes_label(before):
            if self._is_listed(before):
                return cst.parse_expression("label.to_frame()")
            return cst.Name("label", lpar=before.lpar, rpar=before.rpar)
        if (
            isinstance(before, cst.Attribute)
            and before.attr.value == self.how.label
            and self._is_labelled(before.value)
        ):
            return cst.Name("label", lpar=before.lpar, rpar=before.rpar)
        return after

    def _name(self, node: cst.Name, *, called: bool = False) -> cst.BaseExpression:
        name = node.value
        how = self.how
        if not (name in how.names or name in how.extras) or not self._is_outer(node, name):
            return node
        if name in how.extras and not called:
            given = ", ".join(f"{key}={value}" for key, value in how.extras[name].items())
            return cst.parse_expression(f"partial({how.names.get(name, name)}, {given})")
        if name in how.names:
            return cst.parse_expression(how.names[name]).with_changes(
                lpar=node.lpar, rpar=node.rpar
            )
        return node

    def _call(self, before: cst.Call, after: cst.Call) -> cst.BaseExpression:
        if isinstance(before.func, cst.Name):
            name = before.func.value
            if name in self.how.extras and self._is_outer(before.func, name):
                return with_keywords(after, self.how.extras[name])
        if self._popped_label(before):
            return cst.Name("label")
        if self.how.drop_label_safely and self._drops_label(before):
            return with_keywords(after, {"errors": '"ignore"'})
        return after

    def _takes_label(self, node: cst.Subscript) -> bool:
        return (
            self._is_labelled(node.value)
            and len(node.slice) == 1
            and isinstance(index := node.slice[0].slice, cst.Index)
            and self._is_label(index.value)
        )

    def _is_listed(self, node: cst.Subscript) -> bool:
        """Whether it is a frame of the label alone: ``frame[["late"]]``."""
        index = node.slice[0].slice
        value = index.value if isinstance(index, cst.Index) else None
        return isinstance(value, cst.List) or (
            isinstance(value, cst.Name) and value.value in self.how.label_lists
        )

    def _popped_label(self, node: cst.Call) -> bool:
        return (
            isinstance(node.func, cst.Attribute)
            and node.func.attr.value == "pop"
            and self._is_labelled(node.func.value)
            and len(node.args) == 1
            and self._is_label(node.args[0].value)
        )

    def _drops_label(self, node: cst.Call) -> bool:
        if not (isinstance(node.func, cst.Attribute) and node.func.attr.value == "drop"):
            return False
        given = {arg.keyword.value for arg in node.args if arg.keyword is not None}
        if "errors" in given:
            return False
        return any(self._mentions_label(arg.value) for arg in node.args)

    def _mentions_label(self, node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.List | cst.Tuple | cst.Set):
            return any(self._mentions_label(item.value) for item in node.elements)
        return self._is_label(node)

    def _is_labelled(self, node: cst.BaseExpression) -> bool:
        return (
            isinstance(node, cst.Name)
            and node.value in self.how.label_of
            and self._is_outer(node, node.value)
        )

    def _is_label(self, node: cst.BaseExpression) -> bool:
        if isinstance(node, cst.SimpleString):
            return node.evaluated_value == self.how.label
        if isinstance(node, cst.List) and len(node.elements) == 1:
            return self._is_label(node.elements[0].value)
        named = self.how.label_names | self.how.label_lists
        return isinstance(node, cst.Name) and node.value in named

    def _is_outer(self, node: cst.Name, name: str) -> bool:
        """Whether a name resolves to the notebook's own scope, not to one within the statement."""
        if self.scopes is None:
            return True
        scope = self.scopes.get(node)
        while scope is not None and not isinstance(scope, GlobalScope | BuiltinScope):
            own = getattr(scope, "_assignments", {})
            if name in own and not _is_declared_global(scope, name):
                return False
            parent = getattr(scope, "parent", None)
            # a class body's names are not seen from the functions within it
            while isinstance(parent, ClassScope):
                parent = parent.parent
            scope = parent
        return True


def _is_declared_global(scope: object, name: str) -> bool:
    return name in getattr(scope, "_scope_overwrites", {})


def _check(before: Statement, after: Statement, how: Rewrite) -> None:
    """The standard library's view of the names must agree with what was meant to change."""
    old = names_of(ast.parse(cst.Module(body=[before]).code).body).needs
    new = names_of(ast.parse(cst.Module(body=[after]).code).body).needs
    replaced = {name: _roots(text) for name, text in how.names.items()}
    expected: set[str] = set()
    for name in old:
        expected |= replaced.get(name, {name})
        if name in how.extras:
            for text in how.extras[name].values():
                expected |= _roots(text)
    allowed = expected | {"partial", "label"}
    still = {name for name in how.names if name in new and name not in expected}
    if still or not set(new) <= allowed:
        raise refusal(
            "NBX024",
            f"{', '.join(sorted(still or set(new) - allowed))} could not be rewritten",
            hint="assign it to another name in the cell, then extract again",
        )


def _roots(text: str) -> set[str]:
    return set(names_of(ast.parse(text).body).needs)
