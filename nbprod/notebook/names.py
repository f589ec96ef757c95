"""The names that code defines, reads and changes, by Python's own scoping rules."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from nbprod.notebook.bindings import FunctionNames
from nbprod.notebook.scan import Scan
from nbprod.notebook.scopes import arguments_of

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Mapping


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

    @cached_property
    def written(self) -> frozenset[str]:
        """Every name it binds, and every one whose object it may change in place."""
        return frozenset((*self.binds, *self.mutates))


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
    scan = Scan(functions=functions or {}, modules=modules or {})
    scan.statements(body)
    return _told_by(scan)


def _told_by(scan: Scan) -> Names:
    reads = dict(scan.reads)
    for name, line in scan.mutates.items():
        reads.setdefault(name, line)
    aliases = {name: scan.origins[name] - {name} for name in scan.binds if scan.origins.get(name)}
    return Names(
        reads=reads,
        deferred=dict(scan.deferred),
        binds=dict(scan.binds),
        surely=frozenset(scan.surely),
        mutates=dict(scan.mutates),
        aliases={name: roots for name, roots in aliases.items() if roots},
        global_writes=dict(scan.global_writes),
    )


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
    parameters = tuple(argument.arg for argument in arguments_of(node.args))
    scan = Scan(functions=known, modules=modules)
    scan.statements(node.body)
    return FunctionNames(
        parameters=parameters,
        mutates=frozenset(scan.mutates).intersection(parameters),
        changes=frozenset(scan.mutates) - {*parameters, *known} - own,
        returns=frozenset(scan.returned).intersection(parameters),
    )


def _own_names(node: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that a function binds itself."""
    scan = Scan()
    scan.statements(node.body)
    return set(scan.binds)
