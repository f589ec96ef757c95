"""Kernels that a nursery forks, seen from the process that asks for them.

jupyter_client knows where a kernel runs through a provisioner; ours asks `nbprod.notebook.nursery`
instead of starting an interpreter, and all else is as with the local one.
"""

from __future__ import annotations

import atexit
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Variables that are read when they are used, never while a library is imported: kernels of one
# nursery may differ in them.
_READ_LATE = ("NBPROD_", "JPY_", "IPYTHONDIR")
_ANSWER_S = 120
_lock = threading.Lock()
_nurseries: dict[frozenset[tuple[str, str]], _Nursery] = {}  # by the environment of its kernels


@atexit.register
def _close_all() -> None:
    while _nurseries:
        _nurseries.popitem()[1].close()


def can_fork(environ: Mapping[str, str]) -> bool:
    """Whether kernels of this environment can be forked here.

    A relative entry of ``PYTHONPATH`` means another folder for each kernel: those are started.
    """
    paths = environ.get("PYTHONPATH", "").split(os.pathsep)
    absolute = all(os.path.isabs(path) for path in paths if path)
    return sys.platform == "linux" and hasattr(os, "pidfd_open") and absolute


def forking_provisioner(manager: Any, modules: Sequence[str]) -> Any:
    """A provisioner for a jupyter_client manager, whose kernel is a fork.

    modules: what the kernel will import, ``module`` or ``module:function`` to be called after it.
    """
    from jupyter_client.provisioning.local_provisioner import LocalProvisioner

    class ForkingProvisioner(LocalProvisioner):
        async def launch_kernel(self, cmd: list[str], **options: Any) -> Any:
            environ, cwd = options["env"], str(options.get("cwd") or Path.cwd())
            kernel = _fork(cmd[cmd.index("ipykernel_launcher") + 1 :], environ, cwd, modules)
            if kernel is None:
                return await super().launch_kernel(cmd, **options)
            self.process = kernel  # type: ignore[assignment]  # as much of a Popen as is used
            self.pid = self.pgid = kernel.pid
            self.cwd = cwd
            return self.connection_info

    return ForkingProvisioner(
        kernel_id=manager.kernel_id, kernel_spec=manager.kernel_spec, parent=manager
    )


@dataclass
class ForkedKernel:
    """A process that is nobody's child here, with what jupyter_client asks of a ``Popen``."""

    pid: int
    stdin: None = None
    stdout: None = None
    stderr: None = None
    _handle: int = field(init=False)  # of the process: its number may be another's later

    def __post_init__(self) -> None:
        try:
            self._handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            self._handle = -1

    def poll(self) -> int | None:
        """None while it runs, 0 afterwards: how it ended only its parent could know."""
        return self._ended(0)

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended; raises TimeoutExpired, as a ``Popen`` does."""
        ended = self._ended(timeout)
        if ended is None:
            raise subprocess.TimeoutExpired("kernel", timeout or 0.0)
        return ended

    def send_signal(self, number: int) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def _ended(self, timeout_s: float | None) -> int | None:
        if self._handle < 0:
            return 0
        poll = select.poll()
        poll.register(self._handle, select.POLLIN)
        if not poll.poll(None if timeout_s is None else timeout_s * 1000):
            return None
        os.close(self._handle)
        self._handle = -1
        return 0

    def __del__(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)


class _Nursery:
    """One nursery process and the socket to it. It ends when this side of the socket is closed."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "nbprod.notebook.nursery", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env=dict(environ),
                cwd="/",  # `-m` looks for modules there first, and there are none
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for those who ask
            )
        ours.settimeout(_ANSWER_S)
        self.channel = ours
        # One that was idle and ended must not stay in the table of processes until somebody asks.
        threading.Thread(target=self.process.wait, daemon=True).start()

    def fork(self, request: dict[str, Any]) -> int:
        """The new kernel's process number; OSError or ValueError when the nursery is gone."""
        self.channel.sendall(json.dumps(request).encode() + b"\n")
        answer = b""
        while not answer.endswith(b"\n"):
            part = self.channel.recv(4096)
            if not part:
                raise ConnectionResetError("the nursery is gone")
            answer += part
        return int(json.loads(answer)["pid"])

    def close(self) -> None:
        self.channel.close()
        self.process.wait()


def _fork(
    arguments: Sequence[str], environ: Mapping[str, str], cwd: str, modules: Sequence[str]
) -> ForkedKernel | None:
    """A forked kernel; None where it has to be started instead."""
    request = {
        "arguments": list(arguments),
        "environ": dict(environ),
        "cwd": cwd,
        "modules": list(modules),
    }
    early = frozenset(item for item in environ.items() if not item[0].startswith(_READ_LATE))
    with _lock:
        for _ in range(2):  # one that was idle has ended; the next one has not
            nursery = _nurseries.get(early) or _nurseries.setdefault(early, _Nursery(environ))
            try:
                return ForkedKernel(nursery.fork(request))
            except (OSError, ValueError):
                _nurseries.pop(early).close()
    return None
