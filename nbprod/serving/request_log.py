"""One line for each request that was refused, failed or, where asked for, answered.

Lines carry the request id and the caller's trace, never a row, a token or a value. They are
written by a thread, in a file of this process that starts anew when it is full; the file before
it is kept.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import threading
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nbprod.records import utc_now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from nbprod.serving.replies import Reply

Kept = Literal["all", "failed", "none"]
_LOGGER = logging.getLogger(__name__)
_MAX_BYTES = 32 * 1024 * 1024
_MAX_WAITING = 20_000
_FLUSH_S = 1.0
_TRACE = re.compile(r"^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}$")


class RequestLog:
    """JSON lines in ``folder``; ``dropped`` counts what came faster than it was written.

    kept: every request, those that were not answered with 200, or none.
    each_second: called by the same thread after each flush.
    """

    def __init__(
        self,
        folder: Path,
        *,
        writer_id: str,
        kept: Kept = "failed",
        each_second: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = Path(folder, f"{writer_id}.jsonl")
        self._kept = kept
        self._each_second = each_second
        self._waiting: deque[dict[str, object]] = deque()
        self._end = threading.Event()
        self.dropped = 0
        self._thread = threading.Thread(target=self._run, name="request-log", daemon=True)
        self._thread.start()

    def add(self, route: str, reply: Reply, seconds: float, headers: Mapping[str, str]) -> None:
        """Note one request; costs no waiting."""
        if self._kept == "none" or (self._kept == "failed" and reply.status < 400):
            return
        if len(self._waiting) >= _MAX_WAITING:
            self.dropped += 1
            return
        body = reply.body if isinstance(reply.body, dict) else {}
        trace = _TRACE.match(headers.get("traceparent", ""))
        self._waiting.append(
            {
                "at": utc_now(),
                "route": route,
                "status": reply.status,
                "latency_ms": round(seconds * 1000, 3),
                "request_id": body.get("request_id") or headers.get("x-request-id", "")[:200],
                "trace_id": trace[1] if trace else "",
                "parent_id": trace[2] if trace else "",
                "rows": len(body.get("prediction_ids", ())),
                "title": body.get("title", ""),
            }
        )

    def close(self) -> None:
        """Write what waits, then end the thread; a second call does nothing."""
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(_FLUSH_S):
            self._flush()
            try:
                self._each_second()
            except Exception:
                # No room for a child process, say: it must not end the requests' log as well.
                _LOGGER.exception("what is done each second failed")
        self._flush()

    def _flush(self) -> None:
        import orjson

        lines = []
        while self._waiting:
            lines.append(orjson.dumps(self._waiting.popleft(), option=orjson.OPT_APPEND_NEWLINE))
        if not lines:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileNotFoundError):
                if self._path.stat().st_size > _MAX_BYTES:
                    self._path.replace(self._path.with_suffix(".before.jsonl"))
            handle = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
            try:
                os.write(handle, b"".join(lines))
            finally:
                os.close(handle)
        except OSError as error:
            self.dropped += len(lines)
            _LOGGER.warning("requests cannot be logged in %s: %s", self._path, error)
