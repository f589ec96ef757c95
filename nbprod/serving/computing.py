"""From requests to replies, in the one thread that computes: a model's code runs nowhere else."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import TYPE_CHECKING, Any

from nbprod.data.prediction_log.sheets import ids_of
from nbprod.errors import NbprodError
from nbprod.predictor import Answer, Predictor
from nbprod.predictor.golden import replay_golden
from nbprod.records import Json, Violation
from nbprod.serving.replies import RETRY_AFTER_S, PredictRequest, Reply, errors_of, problem
from nbprod.serving.standing_in import stand_in
from nbprod.serving.suspects import MOST, Suspects

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from nbprod.serving.metrics import Metrics
    from nbprod.serving.options import ServiceOptions
    from nbprod.serving.remembering import Memory

_LOGGER = logging.getLogger(__name__)
_HANDED_OVER_S = 0.001


@dataclass(frozen=True)
class Job:
    """One request on its way to an answer."""

    request: PredictRequest
    role: str
    arrived: float  # seconds, performance counter


@dataclass(frozen=True)
class Done:
    """A reply and the predictions that must be in the log before it is sent."""

    reply: Reply
    predictions: Sequence[Json] = ()


class Computation:
    """What a release answers, and what is answered in its place when it cannot.

    memory: where each answer is written down before it is given.
    suspects: which requests have ended a process before.
    """

    def __init__(
        self,
        predictor: Predictor,
        options: ServiceOptions,
        metrics: Metrics,
        memory: Memory,
        suspects: Suspects,
    ) -> None:
        self._predictor = predictor
        self._options = options
        self._metrics = metrics
        self._memory = memory
        self._suspects = suspects
        self._stand_in = stand_in(options, predictor.contract)
        # A model's code need not be safe in two threads: the batcher's and a golden replay's.
        self._computing = threading.Lock()

    def compute(self, jobs: list[Job]) -> Future[list[Reply]]:
        """Answers for all jobs at once; done when their predictions are in the log."""
        deaths = self._suspects.deaths([job.request.attempt for job in jobs])
        if not deaths:
            return self._written_down(self._together(jobs))
        good = [job for job in jobs if job.request.attempt not in deaths]
        done = dict(zip(map(id, good), self._together(good), strict=True))
        for job in jobs:
            if id(job) not in done:
                done[id(job)] = self._suspected(job, deaths[job.request.attempt])
        return self._written_down([done[id(job)] for job in jobs])

    def _together(self, jobs: Sequence[Job]) -> list[Done]:
        """What is answered to several jobs at once; whoever looks can see that they are at it."""
        if not jobs:
            return []
        with self._suspects.computing([job.request.attempt for job in jobs]):
            return self._batch(jobs)

    def _suspected(self, job: Job, deaths: int) -> Done:
        """A request whose process died: once more, alone, and not a third time."""
        if deaths < MOST:
            return self._together([job])[0]
        self._metrics.count("poisonous_requests")
        told = "%d processes died while they computed request %r: it is not computed again"
        _LOGGER.error(told, deaths, job.request.request_id)
        return self._unavailable(job)

    def _batch(self, jobs: Sequence[Job]) -> list[Done]:
        started = perf_counter()
        rows = [row for job in jobs for row in job.request.rows]
        self._metrics.batch(len(rows))
        self._metrics.stage("queue", *(started - job.arrived for job in jobs))
        try:
            # Partial: one caller's bad row must not refuse the others'.
            answer = self._answer(rows, partial=True)
            for stage, seconds in answer.stage_s.items():
                self._metrics.stage(stage, seconds)
            return self._split(jobs, answer)
        except Exception:  # noqa: BLE001 - the model's own code; it is tried again request by request
            return [self._alone(job) for job in jobs]

    def late(self, job: Job) -> Reply:
        """What the envelope promises at the deadline; logged like any other answer."""
        return self._written_down([self._unavailable(job)]).result()[0]

    def golden_findings(self, path: Path) -> list[Json]:
        """A finding for each golden request in the file that is answered differently now.

        Callers' batches are computed between one and the next.
        """
        between = _Between(self._predictor, self._computing)
        return [finding.to_json() for finding in replay_golden(between, path)]

    def _written_down(self, done: Sequence[Done]) -> Future[list[Reply]]:
        """The replies, once their predictions are in the log or it has refused them."""
        predictions = [item for one in done for item in one.predictions]
        replies: Future[list[Reply]] = Future()
        if not predictions:
            replies.set_result([one.reply for one in done])
            return replies

        def kept(error: BaseException | None) -> None:
            refuse = error is not None and self._options.refuse_unlogged
            replies.set_result(
                [_unlogged() if refuse and one.predictions else one.reply for one in done]
            )

        self._memory.keep(predictions, kept)
        return replies

    # ------------------------------------------------------------ rows -> answers

    def _answer(self, rows: Sequence[Json], *, partial: bool) -> Answer:
        with self._computing:
            return self._predictor.answer(rows, partial=partial, as_of=datetime.now(UTC))

    def _alone(self, job: Job) -> Done:
        try:
            answer = self._answer(job.request.rows, partial=job.request.partial)
        except Exception as error:  # noqa: BLE001 - the model's own code may raise anything
            self._metrics.count("model_errors")
            # The model's words may quote a row's values: not where some are to be hidden.
            told = _place_alone(error) if self._options.redact else str(error)
            _LOGGER.warning("release %s could not compute: %s", self._options.release, told)
            return self._unavailable(job)
        return self._finish(job, answer)

    def _split(self, jobs: Sequence[Job], answer: Answer) -> list[Done]:
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

    # ------------------------------------------------------------ answers -> replies

    def _finish(self, job: Job, answer: Answer) -> Done:
        """The reply of one job: refused whole when a row is bad, unless it takes a part."""
        request = job.request
        if answer.violations:
            self._memory.refuse(request, answer.violations)
            if not request.partial:
                return Done(_refused(request, answer.violations, self._options.redact))
        if answer.failed and not request.partial:
            self._metrics.count("model_errors")
            return self._unavailable(job, answer.failed)
        predictions = self._records(job, answer.good, answer.outputs, answer.features)
        body = self._body(job, answer.outputs, predictions)
        if request.partial:
            body["rows"] = answer.good
            body["errors"] = errors_of([*answer.violations, *answer.failed], self._options.redact)
        return Done(Reply(200, body), predictions)

    def _unavailable(self, job: Job, failed: Sequence[Violation] = ()) -> Done:
        """What the envelope promises when the model cannot answer.

        ``fallback`` and ``precomputed`` are given here; ``previous`` is another process, so the
        dispatcher asks it when it is given the error.
        """
        request = job.request
        if self._stand_in is None:
            return Done(self._incapable(request, failed))
        # Even a fallback is never given for a row the contract forbids.
        checked, violations = self._predictor.validator.check(request.rows, as_of=datetime.now(UTC))
        if violations and not request.partial:
            return Done(_refused(request, violations, self._options.redact))
        good = [place for place, row in enumerate(checked) if row is not None]
        try:
            outputs = [self._stand_in(request.rows[row]) for row in good]
        except LookupError as error:
            return Done(_unknown(request, str(error.args[0])))
        self._metrics.count("degraded_predictions", len(good))
        predictions = self._records(job, good, outputs, [{}] * len(good), degraded=True)
        body = self._body(job, outputs, predictions) | {"degraded": True}
        if request.partial:
            body |= {"rows": good, "errors": errors_of(violations, self._options.redact)}
        return Done(Reply(200, body), predictions)

    def _incapable(self, request: PredictRequest, failed: Sequence[Violation]) -> Reply:
        """The refusal of a release that has nothing to give in its answer's place."""
        told = f"release {self._options.release} could not compute an answer"
        return problem(
            500,
            failed[0].message if failed else told,
            hint="the rows keep the contract; tell the model's owner the request id",
            errors=errors_of(failed),
            request_id=request.request_id,
        )

    def _records(
        self,
        job: Job,
        places: Sequence[int],
        outputs: Sequence[Any],
        features: Sequence[Json],
        *,
        degraded: bool = False,
    ) -> list[Json]:
        return self._memory.records(
            job.request,
            job.role,
            places,
            outputs,
            features,
            arrived=job.arrived,
            degraded=degraded,
        )

    def _body(self, job: Job, outputs: Sequence[Any], predictions: Sequence[Json]) -> Json:
        return {
            "predictions": list(outputs),
            "prediction_ids": ids_of(predictions),
            "release": self._options.release,
            "role": job.role,
            "degraded": job.request.degraded,
            "request_id": job.request.request_id,
        }


class _Between:
    """A predictor that lets whoever waits for its lock go first after each answer."""

    def __init__(self, predictor: Predictor, computing: threading.Lock) -> None:
        self._predictor = predictor
        self._computing = computing
        self.tolerance = predictor.tolerance

    def answer(self, rows: Sequence[Json], *, partial: bool) -> Answer:
        with self._computing:
            answer = self._predictor.answer(rows, partial=partial)
        time.sleep(_HANDED_OVER_S)  # the lock itself is not fair
        return answer


def _refused(
    request: PredictRequest, violations: Sequence[Violation], redact: Collection[str]
) -> Reply:
    first = violations[0]
    return problem(
        422,
        first.told() + (f" (and {len(violations) - 1} more)" if len(violations) > 1 else ""),
        hint='GET /schema says what is allowed; "partial": true answers the good rows',
        errors=errors_of(violations, redact),
        request_id=request.request_id,
    )


def _unknown(request: PredictRequest, detail: str) -> Reply:
    return problem(503, detail, request_id=request.request_id, retry_after_s=RETRY_AFTER_S)


def _unlogged() -> Reply:
    return problem(
        503,
        "the prediction could not be logged, so it is not given",
        hint="[serving] log on_failure says so; the owner has to make room on the disk",
        retry_after_s=RETRY_AFTER_S,
    )


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
