"""A walk through statements in the order they run, which tells what they do with names.

A name that is surely bound before it is read is not read from outside; a change in place is told
of the object's incoming names, through ``a = b`` and ``for a in (b, c)``. What only runs when a
function is called is told apart.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.notebook.bindings import Bindings
from nbprod.notebook.scopes import arguments_of, bound_in, declared_global, evaluated_outside
from nbprod.notebook.syntax import children

if TYPE_CHECKING:
    from collections.abc import Iterable

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


class Scan(Bindings):
    """A walk through statements in the order they run."""

    # ------------------------------------------------------------ statements

    def statements(self, body: Iterable[ast.stmt]) -> None:
        """Walk through statements, one after the other."""
        for node in body:
            self.statement(node)

    def statement(self, node: ast.stmt) -> None:
        """Walk through one statement, as its kind runs."""
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
            for name in bound_in(node.target):
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
        for outside in (*node.decorator_list, *evaluated_outside(node.args)):
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
        inner = Scan(functions=self.functions, modules=self.modules)
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
        """Walk through an expression: what it reads, calls and binds."""
        if isinstance(node, ast.Name):
            self._read(node.id, node.lineno)
        elif isinstance(node, ast.NamedExpr):
            self.expression(node.value)
            self._bind_value(node.target, node.value)
        elif isinstance(node, ast.Lambda):
            for outside in evaluated_outside(node.args):
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
        inner = Scan(self.functions, self.modules, origins=dict(self.origins))
        own: set[str] = set()
        for number, generator in enumerate(generators):
            if number:
                inner.expression(generator.iter)
            for name in bound_in(generator.target):
                own.add(name)
                inner.surely.add(name)
                inner.origins[name] = self._held_by(generator.iter)
            for condition in generator.ifs:
                inner.expression(condition)
        for part in ("key", "value", "elt"):
            if (item := getattr(node, part, None)) is not None:
                inner.expression(item)
        self._take_over(inner, own)

    def _take_over(self, inner: Scan, own: set[str]) -> None:
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
        inner = Scan(functions=self.functions, modules=self.modules)
        body = [ast.Expr(node.body)] if isinstance(node, ast.Lambda) else node.body
        inner.statements(body)
        declared = declared_global(body)
        own = {argument.arg for argument in arguments_of(node.args)} | set(inner.binds)
        own -= declared
        for name, line in {**inner.deferred, **inner.reads}.items():
            if name not in own:
                self._defer(name, line)
        for name in sorted(declared & set(inner.binds)):
            self.global_writes.setdefault(name, inner.binds[name])
        self.global_writes.update(inner.global_writes)
