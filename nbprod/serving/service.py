"""A service: answers requests for one release in one process, and remembers every answer."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from nbprod.predictor.bundle import GOLDEN_FILE, MANIFEST
from nbprod.records import Json, Outcome, new_id
from nbprod.serving.batch_proof import missing_proof
from nbprod.serving.batching import Batcher, ClosedError, QueueFullError
from nbprod.serving.computing import Computation, Job
from nbprod.serving.metrics import Metrics, gpu_memory, share, together
from nbprod.serving.remembering import Memory
from nbprod.serving.replies import RETRY_AFTER_S, PredictRequest, Reply, problem
from nbprod.serving.request_log import RequestLog
from nbprod.serving.room import Room
from nbprod.serving.suspects import Suspects

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.predictor import Predictor
    from nbprod.serving.options import ServiceOptions

_LOGGER = logging.getLogger(__name__)


class Service:
    """Predictor, batcher, log and profile of one release.

    A prediction is in the log before its answer leaves, unless the log cannot be written and
    the project chose to answer all the same; that is counted.
    """

    def __init__(self, predictor: Predictor, options: ServiceOptions) -> None:
        self.predictor = predictor
        self.options = options
        self.writer_id = new_id()
        self._metrics_path = options.log_folder / "metrics" / f"{self.writer_id}.prom"
        self.metrics = Metrics(
            deployment=options.deployment, release=options.release, replica=self.writer_id
        )
        self.memory = Memory(
            options,
            predictor.contract,
            module_version=predictor.module_version,
            writer_id=self.writer_id,
            metrics=self.metrics,
        )
        self.room = Room(options.max_held_bytes)
        self._suspects = Suspects(options.log_folder / "computing", writer_id=self.writer_id)
        self._computation = Computation(
            predictor, options, self.metrics, self.memory, self._suspects
        )
        self.requests = RequestLog(
            options.log_folder / "requests",
            writer_id=self.writer_id,
            kept=options.requests,
            each_second=self._each_second,
        )
        self._started = time.time()
        self._made_at = (predictor.bundle.folder / MANIFEST).stat().st_mtime
        self.unbatched = "[serving] batch says so"
        if options.max_rows > 1:
            self.unbatched = "" if options.batch_unproven else missing_proof(predictor.bundle)
            if self.unbatched:
                _LOGGER.warning("requests are computed one by one: %s", self.unbatched)
        self._batcher: Batcher[Job, Reply] = Batcher(
            self._computation.compute,
            max_rows=1 if self.unbatched else options.max_rows,
            max_queued=options.max_queued,
        )

    @classmethod
    def load(cls, bundle: Path, options: ServiceOptions) -> Service:
        """The service of a bundle or release folder, every file of it compared with its hash."""
        return cls(options.load(bundle), options)

    @property
    def log_error(self) -> str:
        """Why the newest predictions could not be logged; empty where they were."""
        return self.memory.log_error

    async def answer(self, request: PredictRequest, role: str) -> Reply:
        """The answer to a request, within the deadline; every refusal is a reply, not an error."""
        job = Job(request, role, time.perf_counter())
        timeout_s = min(request.timeout_s or self.options.timeout_s, self.options.timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._batcher.submit(job, rows=len(request.rows))
        except TimeoutError:
            self.metrics.count("deadlines_missed")
            if self.options.on_unavailable in ("fallback", "precomputed"):
                return await asyncio.to_thread(self._computation.late, job)
            return problem(
                504,
                f"no answer within {timeout_s * 1000:g} ms",
                hint="send fewer rows at once, or raise [serving] timeout_ms",
                request_id=request.request_id,
                retry_after_s=RETRY_AFTER_S,
            )
        except (QueueFullError, ClosedError):
            return problem(
                503,
                "too many requests wait",
                hint="try again",
                retry_after_s=RETRY_AFTER_S,
                request_id=request.request_id,
            )

    def post_outcomes(self, outcomes: Sequence[Outcome]) -> Json:
        """Attach ground truth through this process's own log segment; blocks on the disk."""
        return self.memory.post_outcomes(outcomes)

    def golden_findings(self) -> list[Json]:
        """The release's golden requests replayed; a finding for each answer that differs now.

        Empty for a bundle that is not a release yet: it has none. Nothing is logged.
        """
        path = self.predictor.bundle.folder / GOLDEN_FILE
        return self._computation.golden_findings(path) if path.is_file() else []

    def gauges(self) -> dict[str, float]:
        """What is measured only when somebody asks."""
        return {
            "queued_requests": self._batcher.queued,
            "held_body_bytes": self.room.held_bytes,
            "request_log_dropped": self.requests.dropped,
            "batching": float(not self.unbatched),
            "replica_age_seconds": round(time.time() - self._started, 1),
            "model_age_seconds": round(time.time() - self._made_at, 1),
            **self.memory.gauges(),
            **gpu_memory(),
        }

    def close(self) -> None:
        """Answer what waits, write what is to be written; a second call does nothing."""
        self._batcher.close()
        self.requests.close()
        self.memory.close()
        self._suspects.close()
        with contextlib.suppress(OSError):  # never shared, or the disk is gone
            self._metrics_path.unlink()

    def metrics_text(self) -> str:
        """The numbers of every replica on this machine: a scrape reaches only one of them."""
        own = self.metrics.render(self.gauges())
        return together(own, self._metrics_path)

    def _each_second(self) -> None:
        self.memory.tick()
        self._suspects.look_around()
        share(self._metrics_path, self.metrics.render(self.gauges()))
