"""Run a notebook with parameters in a fresh kernel: the one door to papermill.

The kernel is this very interpreter, whatever kernel specs the machine has, with its own
IPython folder: a verdict must not depend on a person's start-up files.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.errors import ExecutionError, NotebookError
from nbprod.imports import leave_out_slow_imports
from nbprod.masking import environment_secrets, mask, named_secrets
from nbprod.notebook.forked_kernels import can_fork, forking_provisioner
from nbprod.notebook.masked_copies import keep_masked
from nbprod.notebook.parameters import check_parameters, declared, parameters_cell, plain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from nbformat import NotebookNode

    from nbprod.records import Progress

# Longest path of a UNIX socket on Linux is 107 bytes; beyond it the kernel talks over TCP.
_MAX_SOCKET_PATH = 90
_START_TIMEOUT_S = 60
_INJECTED = "injected-parameters"
_ERROR_MARKER = "papermill-error-cell-tag"
_OURS = "nbprod-added"
_KERNEL_NAME = "python3"
_ANSI = re.compile(r"\x1b\[[0-9;]*m")


def execute_notebook(
    path: str | Path,
    output_path: str | Path,
    *,
    parameters: Mapping[str, Any],
    cwd: str | Path,
    environ: Mapping[str, str] | None = None,
    timeout_s: float = 600,
    progress: Progress | None = None,
    on_kernel: Callable[[int], None] | None = None,
    before: str = "",
    after: str = "",
    imports: Sequence[str] = (),
) -> None:
    """Run every cell of a notebook in a fresh kernel and keep the executed copy.

    path: .ipynb, or a text format that jupytext reads. output_path: the executed .ipynb, written
    at the end, on failure too, with every secret masked. parameters: values for names that the
    cell tagged ``parameters`` assigns, of the types it gives them. cwd: working folder of the
    kernel. environ: added to the kernel's environment, written nowhere. timeout_s: seconds for
    the whole notebook. on_kernel: is told the kernel's process group as soon as it runs. before,
    after: sources of a cell that runs ahead of the notebook's own, and of one behind them.
    imports: what the kernel will import in any case; where many run, each is forked from a process
    that has (`nbprod.notebook.nursery`).
    Raises ConfigError for an unknown parameter or a wrong type, NotebookError for an unreadable
    notebook, and ExecutionError (cell_id, line) when a cell raises, hangs or the kernel dies; its
    detail ``reason`` is ``raised``, ``timeout``, ``died`` or ``start``.
    """
    source = Path(path).resolve()
    node = _surrounded(read_for_execution(source), before, after)
    values = {name: plain(value) for name, value in parameters.items()}
    check_parameters(node, values, source)
    target = Path(output_path).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix="nbprod-kernel-", ignore_cleanup_errors=True
    ) as scratch:
        job = _Job(
            source=source,
            target=target,
            folder=Path(scratch),
            cwd=Path(cwd).resolve(),
            environ={
                **os.environ,
                # IPython of this kernel: no start-up files, no history of the person's own.
                "IPYTHONDIR": str(Path(scratch, "ipython")),
                # No warning about frozen modules on the notebook's stderr.
                "PYDEVD_DISABLE_FILE_VALIDATION": "1",
                **(environ or {}),
            },
            deadline=time.monotonic() + timeout_s,
            timeout_s=timeout_s,
            progress=progress,
            parameterized=bool(values),
            on_kernel=on_kernel,
            secrets=(*named_secrets(values), *environment_secrets(environ or {})),
            imports=tuple(imports),
        )
        _run(node, values, job)


@dataclass
class _Job:
    """One execution: what the engine needs beyond the notebook itself."""

    source: Path
    target: Path  # where the executed copy is kept
    folder: Path  # scratch, removed at the end
    cwd: Path
    environ: dict[str, str]
    deadline: float  # of time.monotonic()
    timeout_s: float
    progress: Progress | None
    parameterized: bool
    on_kernel: Callable[[int], None] | None = None
    secrets: tuple[str, ...] = ()  # what must not be kept, beyond what looks like a secret
    imports: tuple[str, ...] = ()
    current: int = -1  # index of the cell that runs

    def remaining_s(self, _cell: Any = None) -> float:
        # nbclient takes 0 for "no limit".
        return max(0.01, self.deadline - time.monotonic())


# ---------------------------------------------------------------- reading


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
    language = node.metadata.get("kernelspec", {}).get("language", "python")
    if language != "python":
        raise NotebookError(
            f"{path} is a {language} notebook",
            hint="nbprod runs Python notebooks",
            notebook=str(path),
        )
    # Cells that an earlier execution left in its output are not part of the notebook.
    left = {_INJECTED, _ERROR_MARKER, _OURS}
    node.cells = [cell for cell in node.cells if not left & set(cell.metadata.get("tags", []))]
    return node


def _surrounded(node: NotebookNode, before: str, after: str) -> NotebookNode:
    import nbformat

    def added(source: str) -> list[Any]:
        return [nbformat.v4.new_code_cell(source, metadata={"tags": [_OURS]})] if source else []

    node.cells = [*added(before), *node.cells, *added(after)]
    return node


def parameter_names(path: str | Path) -> frozenset[str]:
    """The names that a notebook's ``parameters`` cell assigns; empty without such a cell."""
    source = Path(path).resolve()
    cell = parameters_cell(read_for_execution(source))
    if cell is None:
        return frozenset()
    return frozenset(declared(cell.source, source, cell.get("id")))


# ---------------------------------------------------------------- the kernel


def _kernel_manager(job: _Job) -> Any:
    """A manager for a kernel of this very interpreter, its files in the scratch folder."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class OwnInterpreter(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return KernelSpec(
                argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"],
                display_name="Python 3",
                language="python",
                name=kernel_name,
            )

    options: dict[str, Any] = {}
    # Sockets in a private folder: no port is guessed, and nobody else can connect.
    if os.name == "posix" and len(str(job.folder)) < _MAX_SOCKET_PATH:
        options = {"transport": "ipc", "ip": str(job.folder / "k")}
    manager = AsyncKernelManager(
        kernel_name=_KERNEL_NAME,
        kernel_spec_manager=OwnInterpreter(),
        connection_file=str(job.folder / "connection.json"),
        log=_quiet_log(),
        **options,
    )
    if job.imports and can_fork(job.environ):
        manager.provisioner = forking_provisioner(manager, job.imports)
    return manager


def _quiet_log(name: str = "nbprod.notebook.kernel") -> logging.Logger:
    """A log that nobody hears: what went wrong is in the error and in the executed copy."""
    log = logging.getLogger(name)
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log


@contextlib.contextmanager
def _ended_group(manager: Any, on_kernel: Callable[[int], None] | None = None) -> Iterator[None]:
    """End the kernel and every process it left in its group, whatever happened."""
    from jupyter_core.utils import run_sync

    groups: list[int] = []
    start = manager.start_kernel

    async def remember(**options: Any) -> None:
        await start(**options)
        if group := getattr(manager.provisioner, "pgid", None):
            groups.append(group)
            if on_kernel:
                on_kernel(group)

    manager.start_kernel = remember
    try:
        yield
    finally:
        if manager.has_kernel:
            run_sync(manager.shutdown_kernel)(now=True)
        for group in groups:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(group, signal.SIGKILL)


def _engine(job: _Job) -> Callable[..., Any]:
    """What papermill calls instead of its own engine: our kernel, deadline and progress."""
    from papermill.clientwrap import PapermillNotebookClient

    def execute_managed_notebook(nb_man: Any, _kernel: str, **_options: Any) -> Any:
        nb_man.nb.metadata.papermill["input_path"] = str(job.source)
        nb_man.nb.metadata.papermill["output_path"] = str(job.target)

        def started(cell_index: int, **_cell: Any) -> None:
            job.current = cell_index
            if job.progress:
                total = len(nb_man.nb.cells)
                job.progress(
                    f"{job.source.name}: cell {cell_index + 1} of {total}", cell_index / total
                )

        manager = _kernel_manager(job)
        with _ended_group(manager, job.on_kernel):
            client = PapermillNotebookClient(
                nb_man,
                km=manager,
                kernel_name=_KERNEL_NAME,
                startup_timeout=_START_TIMEOUT_S,
                timeout_func=job.remaining_s,
                on_cell_start=started,
                log=_quiet_log(),
            )
            return client.execute(cleanup_kc=True, cwd=str(job.cwd), env=job.environ)

    return execute_managed_notebook


def _run(node: NotebookNode, parameters: dict[str, Any], job: _Job) -> None:
    import nbformat
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.engines import Engine, papermill_engines
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook as run_papermill

    prepared, executed = job.folder / "notebook.ipynb", job.folder / "executed.ipynb"
    nbformat.write(nbformat.v4.upgrade(node), prepared)
    _quiet_log("papermill")
    # papermill finds an engine only by name in its registry; one name per execution keeps
    # parallel executions apart.
    name = f"nbprod-{job.folder.name}"
    papermill_engines.register(
        name, type("OwnEngine", (Engine,), {"execute_managed_notebook": staticmethod(_engine(job))})
    )
    try:
        run_papermill(
            # papermill formats paths with the parameters: braces are doubled to stay.
            *(str(path).replace("{", "{{").replace("}", "}}") for path in (prepared, executed)),
            parameters=parameters,
            engine_name=name,
            kernel_name=_KERNEL_NAME,
            language="python",
            progress_bar=False,
        )
    except PapermillExecutionError as error:
        raise _raised(error, job, node) from error
    except CellTimeoutError as error:
        message = f"stopped after {job.timeout_s:g} s"
        raise _stopped(message, "timeout", executed, job, node) from error
    except DeadKernelError as error:
        raise _stopped("the kernel died", "died", executed, job, node) from error
    except RuntimeError as error:
        message = f"the kernel did not start: {error}"
        raise _stopped(message, "start", executed, job, node) from error
    finally:
        papermill_engines._engines.pop(name, None)
        if executed.exists():
            keep_masked(executed, job.target, job.secrets)
        shutil.rmtree(job.folder / "ipython", ignore_errors=True)
    if job.progress:
        job.progress(f"{job.source.name}: done", 1.0)


# ---------------------------------------------------------------- failures


def _raised(error: Any, job: _Job, node: NotebookNode) -> ExecutionError:
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


def _stopped(
    message: str, reason: str, executed: Path, job: _Job, node: NotebookNode
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


def _place(job: _Job, node: NotebookNode, index: int) -> tuple[str | None, int]:
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
    ahead = sum(_OURS in c.metadata.get("tags", []) for c in node.cells[:original])
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
