"""The parameters of a notebook, names and types, checked before any kernel starts."""

from __future__ import annotations

import ast
import difflib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nbprod.errors import ConfigError, NotebookError

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

_TYPES: dict[str, type] = {
    kind.__name__: kind for kind in (bool, int, float, str, list, tuple, dict)
}


def plain(value: Any) -> Any:
    """A value that papermill writes as a Python literal."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "item") and not isinstance(value, str | bytes):  # a NumPy scalar
        return value.item()
    return value


def parameters_cell(node: NotebookNode) -> Any:
    """The cell tagged ``parameters``; None without one."""
    return next((c for c in node.cells if "parameters" in c.metadata.get("tags", [])), None)


def check_parameters(node: NotebookNode, parameters: Mapping[str, Any], path: Path) -> None:
    """Refuse what papermill takes: names the notebook does not have, values of another type.

    A name's type is its annotation, else its default's; a name without either takes anything.
    """
    if not parameters:
        return
    cell = parameters_cell(node)
    if cell is None:
        raise ConfigError(
            f"{path.name} takes no parameters: no cell is tagged `parameters`",
            hint="tag the cell that assigns the defaults with `parameters` "
            f"(nbprod tag {path.name} CELL parameters)",
            notebook=str(path),
        )
    known = declared(cell.source, path, cell.get("id"))
    for name, value in parameters.items():
        if name not in known:
            raise _unknown(name, list(known), path)
        kind = known[name]
        if kind is not None and not _fits(value, kind):
            raise ConfigError(
                f"{path.name}: parameter {name!r} is {value!r}, a {type(value).__name__}",
                hint=f"its type in the notebook's parameters cell is {kind.__name__}",
                notebook=str(path),
                parameter=name,
            )


def declared(source: str, path: Path, cell_id: str | None) -> dict[str, type | None]:
    """Each name that a parameters cell assigns, with its type; None where it may be anything."""
    code = "\n".join(
        "pass" if line.startswith(("%", "!")) else line for line in source.splitlines()
    )
    try:
        tree = ast.parse(code)
    except SyntaxError as error:
        raise NotebookError(
            f"the parameters cell of {path.name} is not valid Python: {error.msg}",
            hint="keep only assignments such as `seed = 0` in it",
            notebook=str(path),
            cell_id=cell_id,
            line=error.lineno,
        ) from error
    found: dict[str, type | None] = {}
    for statement in tree.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            found[statement.target.id] = _annotated(statement.annotation)
        elif isinstance(statement, ast.Assign):
            for target in statement.targets:
                found |= dict(_assigned(target, statement.value))
    return found


def _unknown(name: str, known: list[str], path: Path) -> ConfigError:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return ConfigError(
        f"{path.name} has no parameter {name!r}",
        hint=f"did you mean {close[0]!r}?"
        if close
        else f"its parameters cell assigns: {', '.join(sorted(known)) or 'nothing'}",
        notebook=str(path),
        parameter=name,
    )


def _assigned(target: ast.expr, value: ast.expr) -> list[tuple[str, type | None]]:
    if isinstance(target, ast.Name):
        return [(target.id, _literal(value))]
    if not isinstance(target, ast.Tuple | ast.List):
        return []
    same = isinstance(value, ast.Tuple | ast.List) and len(value.elts) == len(target.elts)
    return [
        (item.id, _literal(value.elts[place]) if same else None)  # type: ignore[attr-defined]
        for place, item in enumerate(target.elts)
        if isinstance(item, ast.Name)
    ]


def _annotated(annotation: ast.expr) -> type | None:
    """The type of ``float`` or ``list[str]``; None for what is not that simple."""
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    return _TYPES.get(outer.id) if isinstance(outer, ast.Name) else None


def _literal(value: ast.expr) -> type | None:
    try:
        default = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError):
        return None  # computed: its type shows only when it runs
    return _TYPES.get(type(default).__name__)


def _fits(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    if kind is float:
        return isinstance(value, int | float)
    if kind in (list, tuple):
        return isinstance(value, list | tuple)
    return isinstance(value, kind)
