"""What the user's code may do while a relation is tried: compute, quietly, and not for ever.

A relation has a limit of time and one of memory; what is printed is kept back; a connection to
another machine is refused, since features that need one are not the row's and the state's alone.
"""

from __future__ import annotations

import contextlib
import ctypes
import io
import ipaddress
import signal
import socket
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


class TimedOut(BaseException):
    """A relation outran its time limit; no `except Exception` of the user's code catches it."""


@dataclass
class Conduct:
    """What the user's code did besides computing."""

    printed: str = ""  # the first line
    called: list[str] = field(default_factory=list)  # machines it wanted to reach


@contextmanager
def confined(conduct: Conduct, limit_s: float, limit_bytes: int | None = None) -> Iterator[None]:
    """Within, output is kept, the network refused, and TimedOut raised after ``limit_s``.

    limit_bytes: how much more memory the process may take, four fifths of what is free where
    None; beyond it the code that asks for more gets a MemoryError.
    Python code is interrupted wherever it runs; a call into C code only when it returns, or,
    from the main thread, when it waits for the system.
    """
    output = _FirstLine()
    with _offline(conduct), contextlib.redirect_stdout(output), contextlib.redirect_stderr(output):
        try:
            with _bounded(limit_bytes), _limited(limit_s):
                yield
        finally:
            conduct.printed = conduct.printed or output.line


class _FirstLine(io.TextIOBase):
    """A file that keeps the first line that is written to it."""

    def __init__(self) -> None:
        self.line = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if not self.line:
            self.line = text.strip().partition("\n")[0][:200]
        return len(text)


# ---------------------------------------------------------------- time


@contextmanager
def _limited(limit_s: float) -> Iterator[None]:
    if limit_s <= 0:
        yield
    elif threading.current_thread() is threading.main_thread() and hasattr(signal, "setitimer"):
        yield from _by_signal(limit_s)
    else:
        yield from _by_thread(limit_s)


def _by_signal(limit_s: float) -> Iterator[None]:
    def ring(_signum: int, _frame: Any) -> None:
        raise TimedOut

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, limit_s)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _by_thread(limit_s: float) -> Iterator[None]:
    """Only the main thread gets signals: elsewhere the exception is set from outside."""
    ident = threading.get_ident()
    over = threading.Lock()

    def ring() -> None:
        with over:
            if not done.is_set():
                raised = ctypes.py_object(TimedOut)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(ident), raised)

    done = threading.Event()
    timer = threading.Timer(limit_s, ring)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        with over:
            done.set()
        timer.cancel()


# ---------------------------------------------------------------- memory


@contextmanager
def _bounded(limit_bytes: int | None) -> Iterator[None]:
    """Within, this process may take so many more bytes of data; on Linux, the only one to count.

    RLIMIT_DATA counts private memory that can be written, and neither files that are mapped nor
    address space that is set aside, of which torch and Arrow take a lot.
    """
    used = _entry("/proc/self/status", "VmData:")
    if used is None:
        yield
        return
    import resource

    before = resource.getrlimit(resource.RLIMIT_DATA)
    more = _spare_bytes() if limit_bytes is None else limit_bytes
    bounds = [bound for bound in before if bound != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_DATA, (min([used + more, *bounds]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_DATA, before)


def _spare_bytes() -> int:
    """Four fifths of the memory that machine and container have left, and at least a gibibyte."""
    free = [_entry("/proc/meminfo", "MemAvailable:")]
    for most, taken in (
        ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
        (
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.usage_in_bytes",
        ),
    ):
        with contextlib.suppress(OSError, ValueError):
            free.append(int(Path(most).read_text()) - int(Path(taken).read_text()))
    known = [item for item in free if item is not None]
    return max(min(known, default=0) * 4 // 5, 1 << 30)


def _entry(path: str, name: str) -> int | None:
    """An entry in kB of one of Linux's tables, in bytes; None elsewhere."""
    with contextlib.suppress(OSError):
        for line in Path(path).read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * 1024
    return None


# ---------------------------------------------------------------- network


@contextmanager
def _offline(conduct: Conduct) -> Iterator[None]:
    """Connections to other machines, and names looked up for them, are refused and noted."""
    connect, look_up = socket.socket.connect, socket.getaddrinfo

    def refused(host: Any) -> None:
        name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
        conduct.called.append(name)
        raise OSError(f"parity lets no transform reach another machine ({name})")

    def local_connect(own: socket.socket, address: Any) -> Any:
        if isinstance(address, tuple) and not _is_local(address[0]):
            refused(address[0])
        return connect(own, address)

    def local_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host is not None and not _is_local(host):
            refused(host)
        return look_up(host, *args, **kwargs)

    setattr(socket.socket, "connect", local_connect)  # noqa: B010 - its type is one of C's
    socket.getaddrinfo = local_look_up
    try:
        yield
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]
        socket.getaddrinfo = look_up


def _is_local(host: Any) -> bool:
    name = host.decode(errors="replace") if isinstance(host, bytes) else str(host)
    if name in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
