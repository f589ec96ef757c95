"""A process that has imported what kernels import anyway, and forks: each fork is a fresh kernel.

A gate runs its notebooks once plainly and once under each sabotage, each time in a kernel of its
own, and three quarters of such a run were the same imports over again. A fork has the memory of a
process in which nobody's code has run, numbers drawn at random start anew, and its environment,
folder and process group are its own. Linux only: elsewhere libraries do not survive a fork.

Run as ``python -m nbprod.notebook.nursery FD``; what asks it is `nbprod.notebook.forked_kernels`.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import warnings
from typing import Any

# Idle for so long, it ends: whoever wants a kernel later starts another.
_IDLE_S = 60
_KERNEL = ("ipykernel.kernelapp", "ipykernel.ipkernel", "ipykernel.zmqshell", "ipykernel.debugger")


def main(descriptor: int) -> None:
    """Answer requests until the other side is gone, then end every kernel; or be a kernel."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever asked ends kernels one by one
    channel = socket.socket(fileno=descriptor)
    kernels: set[int] = set()
    signal.signal(signal.SIGCHLD, lambda *_: _reap(kernels))
    request = _serve(channel, kernels)
    if request is None:
        for pid in list(kernels):
            with contextlib.suppress(ProcessLookupError, ChildProcessError):
                os.killpg(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
        return
    channel.close()
    _become_kernel(request)


def _serve(channel: socket.socket, kernels: set[int]) -> Any:
    """The request to be a kernel for, in the fork that is one; None when nobody asks any more."""
    lines = channel.makefile("rb")
    while True:
        asked = select.select([channel], [], [], _IDLE_S)[0]
        if not asked and kernels:
            continue
        line = lines.readline() if asked else b""
        if not line:
            return None
        request = json.loads(line)
        _import_all((*_KERNEL, *request["modules"]))
        with warnings.catch_warnings():
            # The threads there are, of OpenBLAS and pyarrow's allocator, are made for it: both
            # put theirs to rest before a fork and have new ones after it.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            return request
        kernels.add(pid)
        with contextlib.suppress(OSError):  # it did so itself, or is gone
            os.setpgid(pid, pid)
        _reap(kernels)
        channel.sendall(json.dumps({"pid": pid}).encode() + b"\n")


def _import_all(names: tuple[str, ...]) -> None:
    """Import modules; of ``module:function``, call the function too. A kernel tells of failures.

    The garbage collector then leaves all of it alone, or it would copy these pages in each fork.
    """
    before = len(sys.modules)
    for name in names:
        module, _, function = name.partition(":")
        with contextlib.suppress(Exception):
            found = importlib.import_module(module)
            if function:
                getattr(found, function)()
    if len(sys.modules) > before:
        gc.collect()
        gc.freeze()


def _reap(kernels: set[int]) -> None:
    for pid in list(kernels):
        with contextlib.suppress(ChildProcessError):
            if os.waitpid(pid, os.WNOHANG)[0] == 0:
                continue
        kernels.discard(pid)


def _become_kernel(request: Any) -> None:
    """What a new process would be, told in ``request``: arguments, environment, folder."""
    with contextlib.suppress(OSError):  # it was done from outside already
        os.setpgid(0, 0)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.environ.clear()
    os.environ.update(request["environ"])
    os.environ["JPY_PARENT_PID"] = str(os.getppid())  # it ends with the nursery
    os.chdir(request["cwd"])
    numbers = sys.modules.get("numpy.random")
    if numbers:  # every fork would draw the same; Python's own `random` sees to it itself
        numbers.seed()
    sys.argv = ["ipykernel_launcher", *request["arguments"]]
    from ipykernel.kernelapp import IPKernelApp

    IPKernelApp.launch_instance(request["arguments"])


if __name__ == "__main__":
    main(int(sys.argv[1]))
