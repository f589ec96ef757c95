"""The names that code defines, reads and changes, by Python's own scoping rules.

One statement at a time, in the order it runs: a name that is surely bound before it is read is
not read from outside; a change in place is told of the object's incoming names, through
``a = b`` and ``for a in (b, c)``. What only runs when a function is called is told apart.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nbprod.notebook.bindings import Bindings, FunctionNames
from nbprod.notebook.syntax import children

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True)
class Names:
    """What code does with the names around it. Dicts give the first line (1-based) of each."""

    reads: dict[str, int]  # while it runs, before binding them itself
    deferred: dict[str, int]  # only when a function or lambda that it defines is called
    binds: dict[str, int]  # possibly
    surely: frozenset[str]  # bound on every way through
    mutates: dict[str, int]  # incoming names whose object it may change in place
    aliases: dict[str, frozenset[str]]  # bound name -> incoming names it may share its object with
    global_writes: dict[str, int]  # by functions that say `global`

    @cached_property
    def needs(self) -> dict[str, int]:
        """Every name it reads, now or later; nobody may change it."""
        return {**self.deferred, **self.reads}


def names_of(
    body: Iterable[ast.stmt],
    *,
    functions: Mapping[str, FunctionNames] | None = None,
    modules: Mapping[str, str] | None = None,
) -> Names:
    """What statements, run in order, do with the names around them.

    ``functions`` tells what the notebook's own functions do to their arguments, ``modules`` the
    top-level package behind each imported name.
    """
    scan = _Scan(functions=functions or {}, modules=modules or {})
    scan.statements(body)
    return scan.result()


def function_names(
    definitions: Iterable[ast.FunctionDef | ast.AsyncFunctionDef],
    modules: Mapping[str, str] | None = None,
) -> dict[str, FunctionNames]:
    """What calls of these functions do to their arguments, through each other's calls too."""
    defined = {node.name: node for node in definitions}
    own = {name: _own_names(node) for name, node in defined.items()}
    known: dict[str, FunctionNames] = {}
    for _ in range(len(defined) + 1):  # grows to a fixed point
        found = {
            name: _function_names(node, own[name], known, modules or {})
            for name, node in defined.items()
        }
        if found == known:
            break
        known = found
    return known


def _function_names(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    own: set[str],
    known: Mapping[str, FunctionNames],
    modules: Mapping[str, str],
) -> FunctionNames:
    parameters = tuple(argument.arg for argument in _arguments(node.args))
    scan = _Scan(functions=known, modules=modules)
    scan.statements(node.body)
    return FunctionNames(
        parameters=parameters,
        mutates=frozenset(scan.mutates).intersection(parameters),
        changes=frozenset(scan.mutates) - {*parameters, *known} - own,
        returns=frozenset(scan.returned).intersection(parameters),
    )


def _own_names(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that a function binds itself."""
    scan = _Scan()
    scan.statements(node.body)
    return set(scan.binds)


def _arguments(arguments: ast.arguments) -> list[ast.arg]:
    plain = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    return [*plain, *(extra for extra in (arguments.vararg, arguments.kwarg) if extra)]


class _Scan(Bindings):
    """A walk through statements in the order they run."""

    def result(self) -> Names:
        reads = dict(self.reads)
        for name, line in self.mutates.items():
            reads.setdefault(name, line)
        aliases = {
            name: self.origins[name] - {name} for name in self.binds if self.origins.get(name)
        }
        return Names(
            reads=reads,
            deferred=dict(self.deferred),
            binds=dict(self.binds),
            surely=frozenset(self.surely),
            mutates=dict(self.mutates),
            aliases={name: roots for name, roots in aliases.items() if roots},
            global_writes=dict(self.global_writes),
        )

    # ------------------------------------------------------------ statements

    def statements(self, body: Iterable[ast.stmt]) -> None:
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        handler = getattr(self, f"_{type(node).__name__.lower()}", None)
        if handler is not None:
            handler(node)
        else:
            for child in children(node):
                if isinstance(child, ast.expr):
                    self.expression(child)

    def _assign(self, node: ast.Assign) -> None:
        self.expression(node.value)
        for target in node.targets:
            self._bind_value(target, node.value)

    def _annassign(self, node: ast.AnnAssign) -> None:
        self.expression(node.annotation)
        if node.value is not None:
            self.expression(node.value)
            self._bind_value(node.target, node.value)

    def _augassign(self, node: ast.AugAssign) -> None:
        self.expression(node.value)
        if isinstance(node.target, ast.Name):
            self._read(node.target.id, node.lineno)
            self._mutate(node.target.id, node.lineno)
            self._bind(node.target.id, node.lineno, self._held(node.target.id))
        else:
            self.target(node.target)

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self.expression(node.iter)
        literal = isinstance(node.iter, ast.Tuple | ast.List) and bool(node.iter.elts)
        for turn in range(2):  # what one turn leaves behind, the next may change
            before = self._state()
            held = self._held_by(node.iter)
            for name in _bound_in(node.target):
                self._bind(name, node.lineno, held)
            self.target(node.target, bind=False)
            self.statements(node.body)
            if turn or not literal:
                self._join(before, self._state())
        self.statements(node.orelse)

    _asyncfor = _for

    def _while(self, node: ast.While) -> None:
        for _ in range(2):
            self.expression(node.test)
            before = self._state()
            self.statements(node.body)
            self._join(before, self._state())
        self.statements(node.orelse)

    def _if(self, node: ast.If) -> None:
        self.expression(node.test)
        before = self._state()
        self.statements(node.body)
        after_body = self._state()
        self._restore(before)
        self.statements(node.orelse)
        self._join(after_body, self._state())

    def _with(self, node: ast.With | ast.AsyncWith) -> None:
        for item in node.items:
            self.expression(item.context_expr)
            if item.optional_vars is not None:
                self._bind_value(item.optional_vars, item.context_expr)
        self.statements(node.body)

    _asyncwith = _with

    def _try(self, node: ast.Try) -> None:
        before = self._state()
        self.statements(node.body)
        self.statements(node.orelse)
        ends = [self._state()]
        for handler in node.handlers:
            self._restore(before)
            if handler.type is not None:
                self.expression(handler.type)
            if handler.name:
                self._bind(handler.name, handler.lineno)
            self.statements(handler.body)
            ends.append(self._state())
        self._restore(ends[0])
        for end in ends[1:]:
            self._join(end, self._state())
        self.statements(node.finalbody)

    _trystar = _try

    def _match(self, node: ast.Match) -> None:
        self.expression(node.subject)
        before = self._state()
        held = self._held_by(node.subject)
        ends = [before]
        for case in node.cases:
            self._restore(before)
            for pattern in ast.walk(case.pattern):
                name = getattr(pattern, "name", None) or getattr(pattern, "rest", None)
                if isinstance(pattern, ast.pattern) and isinstance(name, str):
                    self._bind(name, pattern.lineno, held)
                for value in ast.iter_child_nodes(pattern):
                    if isinstance(value, ast.expr):
                        self.expression(value)
            if case.guard is not None:
                self.expression(case.guard)
            self.statements(case.body)
            ends.append(self._state())
        for end in ends:
            self._join(end, self._state())

    def _functiondef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        for outside in (*node.decorator_list, *_outside_of(node.args)):
            self.expression(outside)
        if node.returns is not None:
            self.expression(node.returns)
        self._later(node)
        self._bind(node.name, node.lineno)

    _asyncfunctiondef = _functiondef

    def _classdef(self, node: ast.ClassDef) -> None:
        outside = [*node.decorator_list, *node.bases, *(item.value for item in node.keywords)]
        for item in outside:
            self.expression(item)
        inner = _Scan(functions=self.functions, modules=self.modules)
        inner.statements(node.body)
        for name, line in inner.reads.items():
            self._read(name, line)
        # a method does not see the names of its class body
        for name, line in inner.deferred.items():
            self._defer(name, line)
        self.global_writes.update(inner.global_writes)
        self._bind(node.name, node.lineno)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            self._bind(alias.asname or alias.name.partition(".")[0], node.lineno)

    def _importfrom(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            if alias.name != "*":
                self._bind(alias.asname or alias.name, node.lineno)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self._read(target.id, target.lineno)
                self.surely.discard(target.id)
            else:
                self.target(target)

    def _return(self, node: ast.Return) -> None:
        if node.value is not None:
            self.expression(node.value)
            self.returned |= self._held_by(node.value)

    def _expr(self, node: ast.Expr) -> None:
        self.expression(node.value)
        call = node.value.value if isinstance(node.value, ast.Await) else node.value
        if isinstance(call, ast.Call):
            self._discarded(call)

    # ------------------------------------------------------------ expressions

    def expression(self, node: ast.AST) -> None:
        if isinstance(node, ast.Name):
            self._read(node.id, node.lineno)
        elif isinstance(node, ast.NamedExpr):
            self.expression(node.value)
            self._bind_value(node.target, node.value)
        elif isinstance(node, ast.Lambda):
            for outside in _outside_of(node.args):
                self.expression(outside)
            self._later(node)
        elif isinstance(node, _COMPREHENSIONS):
            self._comprehension(node)
        else:
            for child in children(node):
                self.expression(child)
            if isinstance(node, ast.Call):
                self._called(node)

    def _comprehension(self, node: ast.AST) -> None:
        generators: list[ast.comprehension] = getattr(node, "generators", [])
        self.expression(generators[0].iter)
        inner = _Scan(self.functions, self.modules, origins=dict(self.origins))
        own: set[str] = set()
        for number, generator in enumerate(generators):
            if number:
                inner.expression(generator.iter)
            for name in _bound_in(generator.target):
                own.add(name)
                inner.surely.add(name)
                inner.origins[name] = self._held_by(generator.iter)
            for condition in generator.ifs:
                inner.expression(condition)
        for part in ("key", "value", "elt"):
            if (item := getattr(node, part, None)) is not None:
                inner.expression(item)
        self._take_over(inner, own)

    def _take_over(self, inner: _Scan, own: set[str]) -> None:
        """What a comprehension does around it, its own variables aside."""
        for name, line in inner.reads.items():
            self._read(name, line)
        for name in inner.deferred.keys() - own:
            self._defer(name, inner.deferred[name])
        for name in inner.mutates.keys() - own:
            self.mutates.setdefault(name, inner.mutates[name])
        before = set(self.surely)
        for name, line in inner.binds.items():  # an assignment expression binds outside
            self._bind(name, line)
        self.surely &= before  # perhaps: there may be nothing to go through

    def target(self, node: ast.expr, *, bind: bool = True) -> None:
        """A place that is assigned to: a name, or a part of an object that is changed by it."""
        if isinstance(node, ast.Name):
            if bind:
                self._bind(node.id, node.lineno)
        elif isinstance(node, ast.Tuple | ast.List):
            for item in node.elts:
                self.target(item, bind=bind)
        elif isinstance(node, ast.Starred):
            self.target(node.value, bind=bind)
        else:
            for child in children(node):
                self.expression(child)
            self._mutate_expression(node)

    def _later(self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) -> None:
        """The names that a function's body takes from around it, when it is called."""
        inner = _Scan(functions=self.functions, modules=self.modules)
        body = [ast.Expr(node.body)] if isinstance(node, ast.Lambda) else node.body
        inner.statements(body)
        declared = _declared_global(body)
        own = {argument.arg for argument in _arguments(node.args)} | set(inner.binds)
        own -= declared
        for name, line in {**inner.deferred, **inner.reads}.items():
            if name not in own:
                self._defer(name, line)
        for name in sorted(declared & set(inner.binds)):
            self.global_writes.setdefault(name, inner.binds[name])
        self.global_writes.update(inner.global_writes)


def _outside_of(arguments: ast.arguments) -> list[ast.expr]:
    """Defaults and annotations: evaluated where the function is defined."""
    defaults = [*arguments.defaults, *(item for item in arguments.kw_defaults if item is not None)]
    notes = [item.annotation for item in _arguments(arguments) if item.annotation is not None]
    return [*defaults, *notes]


def _bound_in(target: ast.expr) -> list[str]:
    """The names that an assignment to this place binds."""
    if isinstance(target, ast.Name):
        return [target.id]
    if isinstance(target, ast.Tuple | ast.List):
        return [name for item in target.elts for name in _bound_in(item)]
    return _bound_in(target.value) if isinstance(target, ast.Starred) else []


def _declared_global(body: Iterable[ast.stmt]) -> set[str]:
    """Names that a function's own body declares ``global``, not those of functions within."""
    found: set[str] = set()
    pending: list[ast.AST] = list(body)
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Global):
            found.update(node.names)
        if not isinstance(node, (*_SCOPES, ast.ClassDef)):
            pending += children(node)
    return found
