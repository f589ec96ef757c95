"""The kernel that runs a notebook: this very interpreter, ended with all that it started."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

from nbprod.notebook.forked_kernels import can_fork, forking_provisioner

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

KERNEL_NAME = "python3"
# Longest path of a UNIX socket on Linux is 107 bytes; beyond it the kernel talks over TCP.
_MAX_SOCKET_PATH = 90


def kernel_manager(folder: Path, environ: Mapping[str, str], imports: Sequence[str]) -> Any:
    """A manager for a kernel of this very interpreter.

    folder: scratch, for the kernel's files. imports: what it will import in any case.
    """
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
    if os.name == "posix" and len(str(folder)) < _MAX_SOCKET_PATH:
        options = {"transport": "ipc", "ip": str(folder / "k")}
    manager = AsyncKernelManager(
        kernel_name=KERNEL_NAME,
        kernel_spec_manager=OwnInterpreter(),
        connection_file=str(folder / "connection.json"),
        log=quiet_log(),
        **options,
    )
    if imports and can_fork(environ):
        manager.provisioner = forking_provisioner(manager, imports)
    return manager


@contextlib.contextmanager
def ended_group(manager: Any, on_kernel: Callable[[int], None] | None = None) -> Iterator[None]:
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


def quiet_log(name: str = "nbprod.notebook.kernel") -> logging.Logger:
    """A log that nobody hears: what went wrong is in the error and in the executed copy."""
    log = logging.getLogger(name)
    log.propagate = False
    if not log.handlers:
        log.addHandler(logging.NullHandler())
    return log
