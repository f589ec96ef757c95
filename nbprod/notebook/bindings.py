"""Which object each name may hold, while statements are read in the order they run.

A name that is bound to what another name holds shares its object; a change in place is told of
the names as they came in.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from nbprod.notebook.effects import SEEDS, is_in_place, is_to_look_at, root_name

_QUERY_NAME = re.compile(r"@([A-Za-z_]\w*)")

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def query_names(node: ast.AST) -> list[str]:
    """The names that a call of pandas' ``query`` or ``eval`` reads by ``@name``."""
    if not (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("query", "eval")
    ):
        return []
    texts = [item.value for item in node.args[:1] if isinstance(item, ast.Constant)]
    return [name for text in texts if isinstance(text, str) for name in _QUERY_NAME.findall(text)]


@dataclass(frozen=True)
class FunctionNames:
    """What a call of a function does to its arguments."""

    parameters: tuple[str, ...]
    mutates: frozenset[str]  # parameters whose object it may change in place
    returns: frozenset[str]  # parameters whose object it may give back
    changes: frozenset[str] = frozenset()  # names from around it whose object it may change

    def hit(self, call: ast.Call, which: frozenset[str]) -> Iterator[ast.expr]:
        """The argument expressions of a call that land in the parameters ``which``."""
        if not which:
            return
        for index, argument in enumerate(call.args):
            if isinstance(argument, ast.Starred):
                yield argument.value
            elif index < len(self.parameters) and self.parameters[index] in which:
                yield argument
        for keyword in call.keywords:
            if keyword.arg is None or keyword.arg in which:
                yield keyword.value


def _is_view(node: ast.expr) -> bool:
    """``array[:, 0]``: a part of an array is the array's own memory; a frame has no such part."""
    return (
        isinstance(node, ast.Subscript)
        and isinstance(node.value, ast.Name)
        and isinstance(node.slice, ast.Tuple)
        and any(isinstance(part, ast.Slice) for part in node.slice.elts)
    )


@dataclass
class Bindings:
    """What has been read, bound and changed so far, and what each name may hold now."""

    functions: Mapping[str, FunctionNames] = field(default_factory=dict)
    modules: Mapping[str, str] = field(default_factory=dict)
    reads: dict[str, int] = field(default_factory=dict)
    deferred: dict[str, int] = field(default_factory=dict)
    binds: dict[str, int] = field(default_factory=dict)
    mutates: dict[str, int] = field(default_factory=dict)
    global_writes: dict[str, int] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)
    surely: set[str] = field(default_factory=set)
    # name -> incoming names whose object it may hold now; a name not listed holds its own
    origins: dict[str, frozenset[str]] = field(default_factory=dict)

    def expression(self, node: ast.AST) -> None:
        """Read an expression; a walk through statements knows how."""
        raise NotImplementedError

    def target(self, node: ast.expr, *, bind: bool = True) -> None:
        """Assign to a place; a walk through statements knows how."""
        raise NotImplementedError

    # ------------------------------------------------------------ calls

    def _called(self, call: ast.Call) -> None:
        """What a call does to the objects it is given, whatever becomes of its result."""
        if is_in_place(call) and isinstance(call.func, ast.Attribute):
            self._mutate_expression(call.func.value)
        if isinstance(call.func, ast.Name) and call.func.id in self.functions:
            known = self.functions[call.func.id]
            for argument in known.hit(call, known.mutates):
                self._mutate_expression(argument)
            for name in sorted(known.changes):
                self._mutate(name, call.lineno)
            return
        self._read_query(call)
        handed = [item for item in call.args if isinstance(item, ast.Name)]
        if any(self._changes_something(item.id) for item in handed):
            # frame.pipe(add_time), map(add_time, frames): it may change what it is handed
            for other in (call.func, *call.args):
                self._mutate_expression(other)
        for item in handed:
            for name in sorted(
                self.functions[item.id].changes if item.id in self.functions else ()
            ):
                self._mutate(name, call.lineno)

    def _read_query(self, call: ast.Call) -> None:
        """``frame.query("day < @cut")`` reads cut."""
        for name in query_names(call):
            self._read(name, call.lineno)

    def _changes_something(self, name: str) -> bool:
        return name in self.functions and bool(self.functions[name].mutates)

    def _discarded(self, call: ast.Call) -> None:
        """A call whose result nobody keeps is made for what it changes."""
        if is_to_look_at(call, modules=self.modules):
            return
        if isinstance(call.func, ast.Name) and call.func.id in self.functions:
            return
        root = root_name(call.func)
        if isinstance(call.func, ast.Attribute):
            if call.func.attr in SEEDS:
                return
            self._mutate_expression(call.func.value)
        if isinstance(call.func, ast.Name) or root in self.modules:
            # prepare(frame), random.shuffle(rows): from outside the notebook, so anything may be
            for argument in (*call.args, *(item.value for item in call.keywords)):
                if isinstance(argument, ast.Name):
                    self._mutate_expression(argument)

    def _mutate_expression(self, node: ast.expr) -> None:
        while isinstance(node, ast.Attribute | ast.Subscript | ast.Call | ast.Starred):
            if isinstance(node, ast.Call):
                if isinstance(node.func, ast.Name):  # LogisticRegression().fit(...): a new object
                    for given in self._given_back(node):
                        self._mutate_expression(given)
                    return
                if isinstance(node.func, ast.Attribute) and node.func.attr in ("copy", "deepcopy"):
                    return
                node = node.func
            else:
                node = node.value
        if isinstance(node, ast.Name):
            self._mutate(node.id, node.lineno)

    # ------------------------------------------------------------ names

    def _read(self, name: str, line: int) -> None:
        if name not in self.surely:
            self.reads.setdefault(name, line)

    def _defer(self, name: str, line: int) -> None:
        self.deferred.setdefault(name, line)

    def _mutate(self, name: str, line: int) -> None:
        for root in self._held(name):
            if root not in self.modules:
                self.mutates.setdefault(root, line)

    def _held(self, name: str) -> frozenset[str]:
        return self.origins.get(name, frozenset({name}))

    def _held_by(self, node: ast.expr) -> frozenset[str]:
        """The incoming names whose object an expression may give."""
        if isinstance(node, ast.Name):
            return self._held(node.id)
        parts: list[ast.expr] = []
        if isinstance(node, ast.Tuple | ast.List | ast.Set):
            parts = list(node.elts)
        elif isinstance(node, ast.Dict):
            parts = list(node.values)
        elif isinstance(node, ast.IfExp):
            parts = [node.body, node.orelse]
        elif isinstance(node, ast.BoolOp):
            parts = list(node.values)
        elif isinstance(node, ast.Starred | ast.NamedExpr | ast.Await):
            parts = [node.value]
        elif isinstance(node, ast.Call):
            parts = self._given_back(node)
        elif _is_view(node):
            parts = [node.value]  # type: ignore[attr-defined]
        return frozenset[str]().union(*(self._held_by(part) for part in parts))

    def _given_back(self, call: ast.Call) -> list[ast.expr]:
        if isinstance(call.func, ast.Name):
            if call.func.id in self.functions:
                known = self.functions[call.func.id]
                return list(known.hit(call, known.returns))
            if call.func.id in ("zip", "enumerate", "list", "tuple", "reversed", "iter", "sorted"):
                return list(call.args)
        if isinstance(call.func, ast.Attribute) and (
            call.func.attr in ("values", "items", "reshape", "ravel", "view") or is_in_place(call)
        ):
            return [call.func.value]  # model = Model().fit(x); for frame in frames.values()
        return []

    def _bind_value(self, target: ast.expr, value: ast.expr) -> None:
        if isinstance(target, ast.Tuple | ast.List):
            pairs = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
            held = self._held_by(value)
            each = [
                self._held_by(value.elts[i]) if pairs else held  # type: ignore[attr-defined]
                for i in range(len(target.elts))
            ]
            for item, roots in zip(target.elts, each, strict=True):
                if isinstance(item, ast.Name):
                    self._bind(item.id, item.lineno, roots)
                else:
                    self.target(item)
        elif isinstance(target, ast.Name):
            self._bind(target.id, target.lineno, self._held_by(value))
        else:
            self.target(target)

    def _bind(self, name: str, line: int, held: frozenset[str] = frozenset()) -> None:
        self.binds.setdefault(name, line)
        self.surely.add(name)
        self.origins[name] = held

    # ------------------------------------------------------------ branches

    def _state(self) -> tuple[set[str], dict[str, frozenset[str]]]:
        return set(self.surely), dict(self.origins)

    def _restore(self, state: tuple[set[str], dict[str, frozenset[str]]]) -> None:
        self.surely, self.origins = set(state[0]), dict(state[1])

    def _join(
        self,
        one: tuple[set[str], dict[str, frozenset[str]]],
        other: tuple[set[str], dict[str, frozenset[str]]],
    ) -> None:
        """After two ways: bound only if on both, holding what either may hold."""
        self.surely = one[0] & other[0]
        self.origins = {
            name: one[1].get(name, frozenset({name})) | other[1].get(name, frozenset({name}))
            for name in one[1].keys() | other[1].keys()
        }
