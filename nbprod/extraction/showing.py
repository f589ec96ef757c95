"""What stands in a notebook for a person to look at: displays, plots, and functions that plot."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from nbprod.notebook.effects import DISPLAY_MODULES, DISPLAY_NAMES, is_to_look_at, root_name
from nbprod.notebook.syntax import nodes_of, once_per_node

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from nbprod.notebook.graph import CellCode


_PLOTTING = DISPLAY_MODULES - {"tqdm", "warnings"}


def only_shows(node: ast.stmt, modules: Mapping[str, str], shown: Collection[str]) -> bool:
    """Whether a statement, with all it holds, is there for a person to look at."""
    if isinstance(node, ast.Pass):
        return True
    if isinstance(node, ast.Expr):
        return is_to_look_at(node.value, modules=modules, shown=shown)
    if isinstance(node, ast.Assign):
        return _is_plot(node.value, modules, shown) or all(
            _sets_display(target, modules) for target in node.targets
        )
    inner: list[ast.stmt] = []
    if isinstance(node, ast.For | ast.While | ast.If):
        inner = [*node.body, *node.orelse]
    elif isinstance(node, ast.With):
        inner = list(node.body)
    return bool(inner) and all(only_shows(item, modules, shown) for item in inner)


def _is_plot(node: ast.expr, modules: Mapping[str, str], shown: Collection[str]) -> bool:
    root = _root(node)
    return bool(root) and _shows_by(root, modules, shown)


@once_per_node
def _root(node: ast.expr) -> str:
    """The name that a call, an attribute or a part starts from; "" for anything else."""
    made = isinstance(node, ast.Call | ast.Attribute | ast.Subscript)
    return (root_name(node) or "") if made else ""


def _shows_by(root: str, modules: Mapping[str, str], shown: Collection[str]) -> bool:
    return root in shown or modules.get(root, "") in _PLOTTING


def _sets_display(target: ast.expr, modules: Mapping[str, str]) -> bool:
    """``pd.options.display.max_columns = 50``, ``plt.rcParams["figure.dpi"] = 120``."""
    if isinstance(target, ast.Name):
        return False
    root = root_name(target)
    if root is None or root not in modules:
        return False
    return modules[root] in DISPLAY_MODULES or "display" in ast.unparse(target)


def shown_names(cells: Collection[CellCode], modules: Mapping[str, str]) -> frozenset[str]:
    """Names that hold plots, axes or loggers, and nothing else."""
    shown = set(DISPLAY_NAMES)
    other: set[str] = set()
    for code in cells:
        for root, names in _assigned(code.tree) if code.tree else ():
            if root and _shows_by(root, modules, shown):
                shown |= names
            else:
                other |= names
    shown -= other
    return frozenset(shown | _showing_functions(cells, modules, shown))


@once_per_node
def _assigned(tree: ast.Module) -> list[tuple[str, frozenset[str]]]:
    """Every assignment of a cell: the name its value starts from, and the names that get it."""
    return [
        (
            _root(node.value),
            frozenset(
                item.id
                for target in node.targets
                for item in nodes_of(target)
                if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
            ),
        )
        for node in nodes_of(tree)
        if isinstance(node, ast.Assign)
    ]


def _showing_functions(
    cells: Collection[CellCode], modules: Mapping[str, str], shown: Collection[str]
) -> set[str]:
    """The notebook's functions that change nothing and only show something, as ``name()``."""
    defined = {
        node.name: node
        for code in cells
        for node in (code.tree.body if code.tree else ())
        if isinstance(node, ast.FunctionDef)
    }
    known = next(iter(cells)).reader.functions if cells else {}
    changing = {name for name, told in known.items() if told.mutates or told.changes}
    found: set[str] = set()
    for _ in range(len(defined) + 1):  # through each other's calls, too
        more = {
            f"{name}()"
            for name, node in defined.items()
            if name not in changing and _shows(node.body, modules, {*shown, *found})
        }
        if more <= found:
            break
        found |= more
    return found


def _shows(body: Iterable[ast.stmt], modules: Mapping[str, str], shown: Collection[str]) -> bool:
    """Whether statements within a function are there for what they show, or for local names."""
    for node in body:
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if not all(_is_local(item, modules) for item in targets):
                return False
        elif isinstance(node, ast.Expr):
            docstring = isinstance(node.value, ast.Constant)
            if not docstring and not is_to_look_at(node.value, modules=modules, shown=shown):
                return False
        elif isinstance(node, ast.For | ast.While | ast.If):
            if not _shows([*node.body, *node.orelse], modules, shown):
                return False
        elif isinstance(node, ast.With):
            if not _shows(node.body, modules, shown):
                return False
        elif not isinstance(node, ast.Return | ast.Pass | ast.Import | ast.ImportFrom):
            return False
    return True


def _is_local(target: ast.expr, modules: Mapping[str, str]) -> bool:
    """What a function may assign without changing anything outside: names, and plots."""
    if isinstance(target, ast.Tuple | ast.List):
        return all(_is_local(item, modules) for item in target.elts)
    # parts of arguments are told apart already: a function that changes one is no such function
    top = modules.get(root_name(target) or "", "")
    return isinstance(target, ast.Name) or top in ("", *DISPLAY_MODULES)
