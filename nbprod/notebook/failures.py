"""Why an execution ended early: the error that names the cell, and a note in the executed copy."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError
from nbprod.masking import mask
from nbprod.notebook.runnable import ADDED

if TYPE_CHECKING:
    from pathlib import Path

    from nbformat import NotebookNode

    from nbprod.notebook.jobs import Job

_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def raised(error: Any, job: Job, node: NotebookNode) -> ExecutionError:
    """The error for a cell that raised, from papermill's."""
    lines = re.findall(
        rf"(?:Cell|Input) In\s?\[{error.exec_count}\], line (\d+)",
        _ANSI.sub("", "\n".join(error.traceback or ())),
    )
    line = int(lines[-1]) if lines else None
    cell_id, number = _place(job, node, error.cell_index)
    where = f"cell {number}" + (f", line {line}" if line else "")
    return ExecutionError(
        f"{job.source.name}, {where}: {error.ename}: "
        + mask(_first_line(error.evalue), known=job.secrets),
        hint=f"open the executed copy: {job.target}",
        notebook=str(job.source),
        cell_id=cell_id,
        line=line,
        reason="raised",
        output=str(job.target),
    )


def stopped(
    message: str, reason: str, executed: Path, job: Job, node: NotebookNode
) -> ExecutionError:
    """The error for a notebook that did not raise itself; its executed copy says so, too."""
    cell_id, number = _place(job, node, job.current)
    _note(executed, job.current, message)
    return ExecutionError(
        f"{job.source.name}, cell {number}: {message}"
        if number
        else f"{job.source.name}: {message}",
        hint={
            "timeout": "look for a loop or a wait in that cell, or give it more time",
            "died": "it used too much memory, or native code crashed; try it with less data",
            "start": f"try: {sys.executable} -m ipykernel_launcher --version",
        }[reason],
        notebook=str(job.source),
        cell_id=cell_id,
        reason=reason,
        output=str(job.target),
    )


def _place(job: Job, node: NotebookNode, index: int) -> tuple[str | None, int]:
    """Cell id and 1-based number in the original notebook, for an index in the executed one."""
    if index < 0:
        return None, 0
    first = next(
        (i for i, c in enumerate(node.cells) if "parameters" in c.metadata.get("tags", [])), None
    )
    # papermill put one cell behind the parameters cell.
    injected = job.parameterized and first is not None and index > first
    original = index - 1 if injected else index
    if not 0 <= original < len(node.cells):
        return None, 0
    ahead = sum(ADDED in c.metadata.get("tags", []) for c in node.cells[:original])
    return node.cells[original].get("id"), original + 1 - ahead


def _note(executed: Path, index: int, message: str) -> None:
    import nbformat

    if not executed.exists() or index < 0:
        return
    node = nbformat.read(executed, as_version=4)
    node.cells[index].outputs.append(
        nbformat.v4.new_output("error", ename="Stopped", evalue=message, traceback=[message])
    )
    nbformat.write(node, executed)


def _first_line(text: str) -> str:
    line = (text or "").strip().splitlines()
    return line[0][:300] if line else ""
