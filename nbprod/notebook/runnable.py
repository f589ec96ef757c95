"""A notebook ready to run: what earlier runs left is taken out, what we add is told apart."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import NotebookError
from nbprod.imports import leave_out_slow_imports
from nbprod.notebook.formats import check_language
from nbprod.notebook.parameters import declared, parameters_cell

if TYPE_CHECKING:
    from nbformat import NotebookNode

ADDED = "nbprod-added"  # tags a cell that is not the notebook's own
_INJECTED = "injected-parameters"
_ERROR_MARKER = "papermill-error-cell-tag"


def read_for_execution(path: Path) -> NotebookNode:
    """A Python notebook without what an earlier execution left in it; NotebookError otherwise."""
    leave_out_slow_imports()
    import nbformat

    try:
        if path.suffix == ".ipynb":
            node = nbformat.read(path, as_version=4)
        else:
            import jupytext

            node = jupytext.read(path)
    except Exception as error:  # jupytext and nbformat raise their own zoo
        raise NotebookError(
            f"{path} cannot be read: {error}",
            hint="name an existing .ipynb, or a text notebook that jupytext reads",
            notebook=str(path),
        ) from error
    check_language(node, path)
    # Cells that an earlier execution left in its output are not part of the notebook.
    left = {_INJECTED, _ERROR_MARKER, ADDED}
    node.cells = [cell for cell in node.cells if not left & set(cell.metadata.get("tags", []))]
    return node


def surrounded(node: NotebookNode, before: str, after: str) -> NotebookNode:
    """The notebook with a cell of ours ahead of its own and one behind them, where given."""
    import nbformat

    def added(source: str) -> list[Any]:
        return [nbformat.v4.new_code_cell(source, metadata={"tags": [ADDED]})] if source else []

    node.cells = [*added(before), *node.cells, *added(after)]
    return node


def parameter_names(path: str | Path) -> frozenset[str]:
    """The names that a notebook's ``parameters`` cell assigns; empty without such a cell."""
    source = Path(path).resolve()
    cell = parameters_cell(read_for_execution(source))
    if cell is None:
        return frozenset()
    return frozenset(declared(cell.source, source, cell.get("id")))
