"""How much of what callers sent one process holds at once: bodies being read, waiting, computed.

A queue that counts requests lets a thousand of the largest bodies in, which are gigabytes.
"""

from __future__ import annotations

from typing import Self

from nbprod.serving.replies import RETRY_AFTER_S, refuse

MAX_BODY_BYTES = 16 * 1024 * 1024
# Of all bodies together; as rows in memory they take some ten times that.
MAX_HELD_BYTES = 8 * MAX_BODY_BYTES


class Room:
    """The bytes of all bodies that are held; used from one event loop."""

    def __init__(self, most_bytes: int = MAX_HELD_BYTES) -> None:
        self.most_bytes = most_bytes
        self.held_bytes = 0

    def place(self) -> Place:
        """One request's share, given back when its ``with`` block ends."""
        return Place(self)


class Place:
    """What one request takes of the room."""

    __slots__ = ("_room", "_taken_bytes")

    def __init__(self, room: Room) -> None:
        self._room = room
        self._taken_bytes = 0

    def take(self, size_bytes: int) -> None:
        """Hold so many bytes more; refused with 503 where others hold the rest."""
        room = self._room
        if room.held_bytes + size_bytes > room.most_bytes:
            raise refuse(
                503,
                f"the bodies of the requests that are under way take {room.held_bytes} bytes, "
                f"and {room.most_bytes} is the most",
                hint="send fewer rows at once, or try again",
                retry_after_s=RETRY_AFTER_S,
            )
        room.held_bytes += size_bytes
        self._taken_bytes += size_bytes

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._room.held_bytes -= self._taken_bytes
