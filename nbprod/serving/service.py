"""A service: answers requests for one release in one process, and remembers every answer."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from nbprod.data import prediction_log
from nbprod.data.prediction_log import LogWriter
from nbprod.data.profile import ProfileWriter
from nbprod.errors import NbprodError
from nbprod.predictor import Answer, Predictor
from nbprod.predictor.bundle import GOLDEN_FILE, MANIFEST
from nbprod.predictor.golden import replay_golden
from nbprod.records import Json, Outcome, Violation, new_id, new_ids, utc_now
from nbprod.serving.batch_proof import missing_proof
from nbprod.serving.batching import Batcher, ClosedError, QueueFullError
from nbprod.serving.metrics import Metrics, gpu_memory, share, together
from nbprod.serving.placing import routing_text
from nbprod.serving.quarantine import Quarantine
from nbprod.serving.replies import PredictRequest, Reply, errors_of, problem
from nbprod.serving.request_log import RequestLog
from nbprod.serving.standing_in import stand_in

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from nbprod.serving.options import ServiceOptions

_LOGGER = logging.getLogger(__name__)
_RETRY_AFTER_S = 1


@dataclass(frozen=True)
class _Job:
    request: PredictRequest
    role: str
    arrived: float  # seconds, performance counter


@dataclass(frozen=True)
class _Done:
    """A reply and the predictions that must be in the log before it is sent."""

    reply: Reply
    predictions: Sequence[Json] = ()


class Service:
    """Predictor, batcher, log and profile of one release.

    A prediction is in the log before its answer leaves, unless the log cannot be written and
    the project chose to answer all the same; that is counted.
    """

    def __init__(self, predictor: Predictor, options: ServiceOptions) -> None:
        self.predictor = predictor
        self.options = options
        self.writer_id = new_id()
        self.log_error = ""  # why the newest predictions could not be logged
        self._metrics_path = options.log_folder / "metrics" / f"{self.writer_id}.prom"
        self.metrics = Metrics(
            deployment=options.deployment, release=options.release, replica=self.writer_id
        )
        if options.log_url:  # this machine's folder need not be the one that was deployed from
            prediction_log.share(options.log_folder, options.log_url, options.deployment)
        self._upkeep = prediction_log.Upkeep(options.log_folder, keep_s=options.log_keep_s)
        self._log = LogWriter(
            options.log_folder,
            writer_id=self.writer_id,
            durability=options.durability,
            redact=options.redact,
        )
        self._stand_in = stand_in(options, predictor.contract)
        # A model's code need not be safe in two threads: the batcher's and a golden replay's.
        self._computing = threading.Lock()
        output = predictor.contract.output
        self._profile = ProfileWriter(
            options.profile_folder,
            release=options.release,
            writer_id=self.writer_id,
            output=output[0].name if len(output) == 1 else "output",
            redact=options.redact,
        )
        self._quarantine = Quarantine(
            options.log_folder, writer_id=self.writer_id, redact=options.redact
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
        self._batcher: Batcher[_Job, Reply] = Batcher(
            self._compute,
            max_rows=1 if self.unbatched else options.max_rows,
            max_queued=options.max_queued,
        )

    @classmethod
    def load(cls, bundle: Path, options: ServiceOptions) -> Service:
        """The service of a bundle or release folder, every file of it compared with its hash."""
        return cls(options.load(bundle), options)

    async def answer(self, request: PredictRequest, role: str) -> Reply:
        """The answer to a request, within the deadline; every refusal is a reply, not an error."""
        job = _Job(request, role, time.perf_counter())
        timeout_s = min(request.timeout_s or self.options.timeout_s, self.options.timeout_s)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._batcher.submit(job, rows=len(request.rows))
        except TimeoutError:
            self.metrics.count("deadlines_missed")
            if self.options.on_unavailable in ("fallback", "precomputed"):
                return await asyncio.to_thread(self._late, job)
            return problem(
                504,
                f"no answer within {timeout_s * 1000:g} ms",
                hint="send fewer rows at once, or raise [serving] timeout_ms",
                request_id=request.request_id,
                retry_after_s=_RETRY_AFTER_S,
            )
        except (QueueFullError, ClosedError):
            return problem(
                503,
                "too many requests wait",
                hint="try again",
                retry_after_s=_RETRY_AFTER_S,
                request_id=request.request_id,
            )

    def post_outcomes(self, outcomes: Sequence[Outcome]) -> Json:
        """Attach ground truth through this process's own log segment; blocks on the disk."""
        receipt = prediction_log.post_outcomes(self.options.log_folder, outcomes, writer=self._log)
        return receipt.to_json()

    def golden_findings(self) -> list[Json]:
        """The release's golden requests replayed; a finding for each answer that differs now.

        Empty for a bundle that is not a release yet: it has none. Nothing is logged.
        """
        path = self.predictor.bundle.folder / GOLDEN_FILE
        if not path.is_file():
            return []
        with self._computing:
            return [finding.to_json() for finding in replay_golden(self.predictor, path)]

    def gauges(self) -> dict[str, float]:
        """What is measured only when somebody asks."""
        counts = self._log.counts
        return {
            "queued_requests": self._batcher.queued,
            "log_records_written": counts.written,
            "log_records_failed": counts.failed,
            "profiled_rows": self._profile.profiled,
            "profile_rows_lost": self._profile.lost,
            "profile_rows_skipped": self._profile.skipped,
            "request_log_dropped": self.requests.dropped,
            "log_writable": float(self.log_error == ""),
            "batching": float(not self.unbatched),
            "replica_age_seconds": round(time.time() - self._started, 1),
            "model_age_seconds": round(time.time() - self._made_at, 1),
            **gpu_memory(),
            "quarantined_rows": self._quarantine.kept,
            "quarantine_rows_dropped": self._quarantine.dropped,
        }

    def close(self) -> None:
        """Answer what waits, write what is to be written; a second call does nothing."""
        self._batcher.close()
        self._log.close()
        self._profile.close()
        self.requests.close()
        self._upkeep.close()
        with contextlib.suppress(OSError):  # never shared, or the disk is gone
            self._metrics_path.unlink()

    def metrics_text(self) -> str:
        """The numbers of every replica on this machine: a scrape reaches only one of them."""
        own = self.metrics.render(self.gauges())
        return together(own, self._metrics_path)

    def _each_second(self) -> None:
        self._upkeep.tick()
        share(self._metrics_path, self.metrics.render(self.gauges()))

    # ------------------------------------------------------------ in the computing thread

    def _compute(self, jobs: list[_Job]) -> Future[list[Reply]]:
        """Answers for all jobs at once; done when their predictions are in the log."""
        started = time.perf_counter()
        rows = [row for job in jobs for row in job.request.rows]
        self.metrics.batch(len(rows))
        self.metrics.stage("queue", *(started - job.arrived for job in jobs))
        try:
            # Partial: one caller's bad row must not refuse the others'.
            with self._computing:
                answer = self.predictor.answer(rows, partial=True, as_of=datetime.now(UTC))
            for stage, seconds in answer.stage_s.items():
                self.metrics.stage(stage, seconds)
            done = self._split(jobs, answer)
        except Exception:  # noqa: BLE001 - the model's own code; it is tried again request by request
            done = [self._alone(job) for job in jobs]
        predictions = [item for one in done for item in one.predictions]
        replies: Future[list[Reply]] = Future()
        if not predictions:
            replies.set_result([one.reply for one in done])
            return replies
        handed_over = time.perf_counter()
        self._log.submit(predictions).add_done_callback(
            lambda logged: replies.set_result(self._logged(done, logged, predictions, handed_over))
        )
        return replies

    def _late(self, job: _Job) -> Reply:
        """What the envelope promises at the deadline; logged like any other answer."""
        done = self._unavailable(job)
        if not done.predictions:
            return done.reply
        logged = self._log.submit(done.predictions)
        concurrent.futures.wait([logged])
        return self._logged([done], logged, done.predictions, time.perf_counter())[0]

    def _logged(
        self,
        done: Sequence[_Done],
        logged: Future[None],
        predictions: Sequence[Json],
        handed_over: float,
    ) -> list[Reply]:
        self.metrics.stage("log", time.perf_counter() - handed_over)
        self._profile.add(predictions)
        error = logged.exception()
        self.log_error = "" if error is None else str(error)
        if error is None:
            return [one.reply for one in done]
        self.metrics.count("unlogged_predictions", len(predictions))
        _LOGGER.error("%d predictions could not be logged: %s", len(predictions), error)
        if not self.options.refuse_unlogged:
            return [one.reply for one in done]
        return [
            problem(
                503,
                "the prediction could not be logged, so it is not given",
                hint="[serving] log on_failure says so; the owner has to make room on the disk",
                retry_after_s=_RETRY_AFTER_S,
            )
            if one.predictions
            else one.reply
            for one in done
        ]

    def _alone(self, job: _Job) -> _Done:
        try:
            with self._computing:
                answer = self.predictor.answer(
                    job.request.rows, partial=job.request.partial, as_of=datetime.now(UTC)
                )
        except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
            self.metrics.count("model_errors")
            # The model's words may quote a row's values: not where some are to be hidden.
            told = _place_alone(error) if self.options.redact else str(error)
            _LOGGER.warning("release %s could not compute: %s", self.options.release, told)
            return self._unavailable(job)
        return self._finish(job, answer)

    def _split(self, jobs: Sequence[_Job], answer: Answer) -> list[_Done]:
        """One answer over the rows of several jobs, cut back into each job's own."""
        done, start, taken = [], 0, 0
        for job in jobs:
            end = start + len(job.request.rows)
            first = taken
            while taken < len(answer.good) and answer.good[taken] < end:
                taken += 1
            own = Answer(
                outputs=answer.outputs[first:taken],
                features=answer.features[first:taken],
                violations=_within(answer.violations, start, end),
                good=[row - start for row in answer.good[first:taken]],
                failed=_within(answer.failed, start, end),
            )
            done.append(self._finish(job, own))
            start = end
        return done

    def _finish(self, job: _Job, answer: Answer) -> _Done:
        """The reply of one job: refused whole when a row is bad, unless it takes a part."""
        request = job.request
        if answer.violations:
            self._quarantine.add(
                request.rows,
                answer.violations,
                request_id=request.request_id,
                release=self.options.release,
            )
            self.metrics.count("refused_rows", len({v.row for v in answer.violations}))
        if answer.violations and not request.partial:
            return _Done(self._refused(request, answer.violations))
        if answer.failed and not request.partial:
            self.metrics.count("model_errors")
            return self._unavailable(job, answer.failed)
        predictions = self._records(job, answer.good, answer.outputs, answer.features)
        body = self._body(job, answer.outputs, predictions)
        if request.partial:
            body["rows"] = answer.good
            body["errors"] = errors_of([*answer.violations, *answer.failed])
        return _Done(Reply(200, body), predictions)

    def _refused(self, request: PredictRequest, violations: Sequence[Violation]) -> Reply:
        first = violations[0]
        return problem(
            422,
            f"row {first.row}, {first.column}: {first.message}"
            + (f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""),
            hint='GET /schema says what is allowed; "partial": true answers the good rows',
            errors=errors_of(violations),
            request_id=request.request_id,
        )

    def _unavailable(self, job: _Job, failed: Sequence[Violation] = ()) -> _Done:
        """What the envelope promises when the model cannot answer.

        ``fallback`` and ``precomputed`` are given here; ``previous`` is another process, so the
        dispatcher asks it when it is given the error.
        """
        request = job.request
        if self._stand_in is None:
            return _Done(
                problem(
                    500,
                    failed[0].message
                    if failed
                    else f"release {self.options.release} could not compute an answer",
                    hint="the rows keep the contract; tell the model's owner the request id",
                    errors=errors_of(failed),
                    request_id=request.request_id,
                )
            )
        # Even a fallback is never given for a row the contract forbids.
        checked, violations = self.predictor.validator.check(request.rows, as_of=datetime.now(UTC))
        if violations and not request.partial:
            return _Done(self._refused(request, violations))
        good = [place for place, row in enumerate(checked) if row is not None]
        try:
            outputs = [self._stand_in(request.rows[row]) for row in good]
        except LookupError as error:
            return _Done(
                problem(
                    503,
                    str(error.args[0]),
                    request_id=request.request_id,
                    retry_after_s=_RETRY_AFTER_S,
                )
            )
        self.metrics.count("degraded_predictions", len(good))
        predictions = self._records(job, good, outputs, [{}] * len(good), degraded=True)
        body = self._body(job, outputs, predictions) | {"degraded": True}
        if request.partial:
            body |= {"rows": good, "errors": errors_of(violations)}
        return _Done(Reply(200, body), predictions)

    def _body(self, job: _Job, outputs: Sequence[Any], predictions: Sequence[Json]) -> Json:
        return {
            "predictions": list(outputs),
            "prediction_ids": [item["id"] for item in predictions],
            "release": self.options.release,
            "role": job.role,
            "degraded": job.request.degraded,
            "request_id": job.request.request_id,
        }

    def _records(
        self,
        job: _Job,
        places: Sequence[int],
        outputs: Sequence[Any],
        features: Sequence[Json],
        *,
        degraded: bool = False,
    ) -> list[Json]:
        """The log's records of one job as plain data: what `Prediction` holds, in its order."""
        request, key = job.request, self.predictor.contract.key
        beside = request.shadow_of
        placed = routing_text(request, key, self.options)
        at = utc_now()
        latency_ms = round((time.perf_counter() - job.arrived) * 1000, 3)
        return [
            {
                "id": prediction_id,
                "at": at,
                "deployment": self.options.deployment,
                "release": self.options.release,
                "role": job.role,
                "request_id": request.request_id,
                "inputs": request.rows[place],
                "features": fed,
                "output": output,
                "latency_ms": latency_ms,
                "degraded": degraded or request.degraded,
                "module_version": self.predictor.module_version,
                "key": {name: request.rows[place].get(name) for name in key},
                "shadow_of": beside[place] if beside else "",
                "routing_key": placed,
            }
            for prediction_id, place, output, fed in zip(
                new_ids(len(places)), places, outputs, features, strict=True
            )
        ]


def _within(violations: Sequence[Violation], start: int, end: int) -> list[Violation]:
    return [
        Violation(
            row=found.row - start,
            column=found.column,
            rule=found.rule,
            message=found.message,
            value=found.value,
        )
        for found in violations
        if start <= found.row < end
    ]


def _place_alone(error: Exception) -> str:
    """What an error is and where in the notebook it was raised, without its words."""
    details = error.details if isinstance(error, NbprodError) else {}
    told = str(details.get("exception") or type(error).__name__)
    if details.get("file"):
        told += f" at {details['file']}, line {details.get('file_line')}"
    if details.get("cell_id"):
        told += f" ({details.get('notebook')}, cell {details['cell_id']}, line {details['line']})"
    return told
