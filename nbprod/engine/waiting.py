"""Waiting, on a busy machine too, until something is there."""

from __future__ import annotations

import contextlib
import socket
import time
from typing import TYPE_CHECKING

from nbprod.errors import ServingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def until(timeout_s: float) -> Iterator[None]:
    """A turn each tenth of a second, until the time is up."""
    deadline = time.monotonic() + timeout_s
    while time.monotonic() < deadline:
        yield
        time.sleep(0.1)


def await_port(address: str, timeout_s: float, check: Callable[[], None]) -> None:
    """Return when somebody listens; ServingError when nobody does. check: called in between."""
    host, _, port = address.rpartition(":")
    for _ in until(timeout_s):
        check()
        with contextlib.suppress(OSError), socket.create_connection((host, int(port)), timeout=1):
            return
    raise ServingError(
        f"nothing listens at {address}",
        hint="the engine ended; `nbprod deploy` starts a new one",
    ) from TimeoutError()
