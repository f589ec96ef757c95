"""The log's files: append-only segments of sealed JSON lines.

``<folder>/predictions/<start>-<writer>.jsonl`` and ``<folder>/outcomes/…``, where ``start`` is the
segment's first moment in milliseconds, 12 hexadecimal characters, as in an id. Each line is one
JSON object whose last field, ``sum``, is the beginning of a SHA-256 over the text before it. A
line that does not fit its sum is damaged; text after the last newline is torn: the write of a
process that was killed, which nobody was told had succeeded. A line may hold the
predictions of a whole request (`sheets`): when it is read it is taken apart, and each sealed.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Literal

from nbprod.data.prediction_log.sheets import MARK, predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from datetime import datetime
    from pathlib import Path

Kind = Literal["predictions", "outcomes"]
KINDS: tuple[Kind, ...] = ("predictions", "outcomes")
SUFFIX = ".jsonl"
_SUM = b',"sum":"'
_DIGITS = 16
_TAIL = len(_SUM) + _DIGITS + 2  # the closing quote and brace
# A segment's modification time may lag behind the moments in its records by a clock's step.
_CLOCK_SLACK_S = 3600.0


@dataclass(frozen=True)
class Segment:
    """One file of the log."""

    path: Path

    @property
    def start_ms(self) -> int:
        """The moment the segment was begun, milliseconds since 1970 UTC."""
        return int(self.path.name[:12], 16)


@dataclass(frozen=True)
class Lines:
    """What a segment holds: sealed lines, each one record; how many lines of the file are damaged,
    whether its end is torn."""

    good: tuple[bytes, ...]
    damaged: int = 0
    torn: int = 0


def segments(folder: Path, kind: Kind, since: datetime | None = None) -> list[Segment]:
    """The segments of a log, oldest first; those last written before ``since`` are left out."""
    paths = sorted((folder / kind).glob(f"*{SUFFIX}"))
    if since is None:
        return [Segment(path) for path in paths]
    first = since.timestamp() - _CLOCK_SLACK_S
    return [Segment(path) for path in paths if path.stat().st_mtime >= first]


def read_lines(segment: Segment) -> Lines:
    """Every line of a segment, each tried against its sum."""
    *lines, rest = segment.path.read_bytes().split(b"\n")
    return _tried(lines, torn=int(bool(rest)))


def lines_with(segment: Segment, needles: Collection[bytes]) -> Lines:
    """The lines of a segment that contain one of these texts; a whole segment is passed quickly.

    Only these lines are tried against their sums and counted.
    """
    content = segment.path.read_bytes()
    ends = content.rfind(b"\n") + 1
    spans = set()
    for needle in needles:
        place = content.find(needle, 0, ends)
        while place >= 0:
            end = content.index(b"\n", place)
            spans.add((content.rfind(b"\n", 0, place) + 1, end))
            place = content.find(needle, end, ends)
    lines = [content[start:end] for start, end in sorted(spans)]
    return _tried(lines)


def _tried(lines: list[bytes], torn: int = 0) -> Lines:
    whole = [line for line in lines if is_sealed(line)]
    good = tuple(chain.from_iterable(map(apart, whole)))
    return Lines(good, damaged=len(lines) - len(whole), torn=torn)


def apart(line: bytes) -> Iterable[bytes]:
    """The lines, without newlines, of the predictions that a good line holds; most hold one."""
    if not line.startswith(MARK):
        return (line,)
    encode = encoder()
    return [seal(encode(record))[:-1] for record in open_lines(line)]


def seal(body: bytes) -> bytes:
    """A line from the JSON text of a non-empty object: the object with its sum, and a newline."""
    head = body[:-1]
    return b"".join((head, _SUM, _sum(head), b'"}\n'))


def is_sealed(line: bytes) -> bool:
    """Whether a line, without its newline, is the one that was written."""
    head, tail = line[:-_TAIL], line[-_TAIL:]
    return tail == b"".join((_SUM, _sum(head), b'"}'))


def open_line(line: bytes) -> dict[str, Any]:
    """The object of a line, without its sum."""
    plain: dict[str, Any] = json.loads(line)
    del plain["sum"]
    return plain


def open_lines(line: bytes) -> list[dict[str, Any]]:
    """The records that a line holds, without its sum."""
    return predictions(open_line(line))


def encoder() -> Callable[[Mapping[str, Any]], bytes]:
    """A function from plain data to JSON text in UTF-8; NaN and infinities become null.

    Values that NumPy and pandas put into a row (scalars, timestamps, missing) are taken as well.
    The function raises TypeError or ValueError for what JSON cannot say.
    """
    try:
        import orjson
    except ImportError:  # the core installs without it: five times slower, the same text
        return _encode_slowly
    option = orjson.OPT_SERIALIZE_NUMPY

    def encode(plain: Mapping[str, Any]) -> bytes:
        try:
            return orjson.dumps(plain, default=_plain_value, option=option)
        except TypeError:  # an integer beyond 64 bits, a key that is not text
            return _encode_slowly(plain)

    return encode


def _encode_slowly(plain: Mapping[str, Any]) -> bytes:
    text = json.dumps(
        _finite(plain),
        default=_plain_value,
        allow_nan=False,
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return text.encode("utf-8", "replace")  # half a surrogate pair has no UTF-8


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return _finite(_plain_value(value)) if hasattr(value, "item") else value


def _plain_value(value: Any) -> Any:
    if type(value).__name__ in {"NAType", "NaTType"}:
        return None
    if hasattr(value, "isoformat"):
        return value.isoformat()
    if hasattr(value, "item"):
        return value.item()
    raise TypeError(f"{type(value).__name__} does not belong in the prediction log")


def _sum(head: bytes) -> bytes:
    return hashlib.sha256(head).hexdigest()[:_DIGITS].encode()
