"""Run a notebook with parameters in a fresh kernel: the one door to papermill.

The kernel is this very interpreter, whatever kernel specs the machine has, with its own
IPython folder: a verdict must not depend on a person's start-up files.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbprod.masking import environment_secrets, named_secrets
from nbprod.notebook.failures import raised, stopped
from nbprod.notebook.jobs import Job
from nbprod.notebook.kernels import KERNEL_NAME, ended_group, kernel_manager, quiet_log
from nbprod.notebook.masked_copies import keep_masked
from nbprod.notebook.parameters import check_parameters, plain
from nbprod.notebook.runnable import read_for_execution, surrounded

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from nbformat import NotebookNode

    from nbprod.records import Progress

_START_TIMEOUT_S = 60


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
    node = surrounded(read_for_execution(source), before, after)
    values = {name: plain(value) for name, value in parameters.items()}
    check_parameters(node, values, source)
    target = Path(output_path).resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        prefix="nbprod-kernel-", ignore_cleanup_errors=True
    ) as scratch:
        job = Job(
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


def _engine(job: Job) -> Callable[..., Any]:
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

        manager = kernel_manager(job.folder, job.environ, job.imports)
        with ended_group(manager, job.on_kernel):
            client = PapermillNotebookClient(
                nb_man,
                km=manager,
                kernel_name=KERNEL_NAME,
                startup_timeout=_START_TIMEOUT_S,
                timeout_func=job.remaining_s,
                on_cell_start=started,
                log=quiet_log(),
            )
            return client.execute(cleanup_kc=True, cwd=str(job.cwd), env=job.environ)

    return execute_managed_notebook


def _run(node: NotebookNode, parameters: dict[str, Any], job: Job) -> None:
    import nbformat
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.engines import Engine, papermill_engines
    from papermill.exceptions import PapermillExecutionError
    from papermill.execute import execute_notebook as run_papermill

    prepared, executed = job.folder / "notebook.ipynb", job.folder / "executed.ipynb"
    nbformat.write(nbformat.v4.upgrade(node), prepared)
    quiet_log("papermill")
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
            kernel_name=KERNEL_NAME,
            language="python",
            progress_bar=False,
        )
    except PapermillExecutionError as error:
        raise raised(error, job, node) from error
    except CellTimeoutError as error:
        message = f"stopped after {job.timeout_s:g} s"
        raise stopped(message, "timeout", executed, job, node) from error
    except DeadKernelError as error:
        raise stopped("the kernel died", "died", executed, job, node) from error
    except RuntimeError as error:
        message = f"the kernel did not start: {error}"
        raise stopped(message, "start", executed, job, node) from error
    finally:
        papermill_engines._engines.pop(name, None)
        if executed.exists():
            keep_masked(executed, job.target, job.secrets)
        shutil.rmtree(job.folder / "ipython", ignore_errors=True)
    if job.progress:
        job.progress(f"{job.source.name}: done", 1.0)
