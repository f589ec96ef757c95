"""Ports on loopback that stay free until whoever gets one listens there."""

from __future__ import annotations

import secrets
import socket
from pathlib import Path

HOST = "127.0.0.1"
# Above Ray's workers (10002 to 19999), below Ray Serve's replicas (30000 to 31000).
_FIRST, _LAST = 20_000, 29_999
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_ELSEWHERE = 49_152  # where the system's own range begins by RFC 6335
_TRIES = 100


def free_port() -> int:
    """A TCP port on loopback that nobody listens on at this moment.

    Not one of those that the system gives to any connection that is opened: Ray opens hundreds
    while it starts, and what is told a port binds it seconds later.
    """
    most = min(_LAST, _first_of_the_system() - 1)
    for _ in range(_TRIES if most > _FIRST else 0):
        port = _FIRST + secrets.randbelow(most - _FIRST + 1)
        if _bound(port):
            return port
    return _bound(0)


def _bound(port: int) -> int:
    """The port that was bound for a moment; 0 where it is taken."""
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return 0
        return int(probe.getsockname()[1])


def _first_of_the_system() -> int:
    try:
        return int(_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError, IndexError):
        return _ELSEWHERE
