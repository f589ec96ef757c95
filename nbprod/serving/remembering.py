"""What a serving process writes down of its answers: records, profiles, and the rows it refused."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from nbprod.data import prediction_log
from nbprod.data.prediction_log import LogWriter
from nbprod.data.prediction_log.sheets import prediction, sheet, size
from nbprod.data.profile import ProfileWriter
from nbprod.records import Json, Violation, new_ids, utc_now
from nbprod.serving.placing import RoutingTexts
from nbprod.serving.quarantine import Quarantine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from nbprod.records import DataContract, Outcome
    from nbprod.serving.metrics import Metrics
    from nbprod.serving.options import ServiceOptions
    from nbprod.serving.replies import PredictRequest

_LOGGER = logging.getLogger(__name__)


class Memory:
    """Prediction log, profile and quarantine of one process; safe from several threads.

    ``log_error``: why the newest predictions could not be logged, empty where they were.
    """

    def __init__(
        self,
        options: ServiceOptions,
        contract: DataContract,
        *,
        module_version: str,
        writer_id: str,
        metrics: Metrics,
    ) -> None:
        self._options = options
        self._key = contract.key
        self._routing = RoutingTexts(contract.key, options)
        self._module_version = module_version
        self._metrics = metrics
        self.log_error = ""
        if options.log_url:  # this machine's folder need not be the one that was deployed from
            prediction_log.share(options.log_folder, options.log_url, options.deployment)
        self._upkeep = prediction_log.Upkeep(options.log_folder, keep_s=options.log_keep_s)
        self.log = LogWriter(
            options.log_folder,
            writer_id=writer_id,
            durability=options.durability,
            redact=options.redact,
        )
        output = contract.output
        self._profile = ProfileWriter(
            options.profile_folder,
            release=options.release,
            writer_id=writer_id,
            output=output[0].name if len(output) == 1 else "output",
            redact=options.redact,
            inputs=[rule.name for rule in contract.input],
        )
        self._quarantine = Quarantine(
            options.log_folder, writer_id=writer_id, redact=options.redact
        )

    def records(
        self,
        request: PredictRequest,
        role: str,
        places: Sequence[int],
        outputs: Sequence[Any],
        features: Sequence[Json],
        *,
        arrived: float,
        degraded: bool = False,
    ) -> list[Json]:
        """The log's records of one request as plain data: what `Prediction` holds, in its order,
        or one sheet of all its rows.

        places: the answered rows; outputs and features run beside them. arrived: seconds of the
        performance counter.
        """
        beside, rows = request.shadow_of, request.rows
        if len(places) != len(rows):
            rows = [rows[place] for place in places]
            beside = tuple(beside[place] for place in places) if beside else ()
        common: Json = {
            "at": utc_now(),
            "deployment": self._options.deployment,
            "release": self._options.release,
            "role": role,
            "request_id": request.request_id,
            "latency_ms": round((time.perf_counter() - arrived) * 1000, 3),
            "degraded": degraded or request.degraded,
            "module_version": self._module_version,
            "routing_key": self._routing.of(request),
        }
        ids = new_ids(len(places))
        if len(ids) > 1:
            whole = sheet(ids, rows, features, outputs, key=self._key, shadows=beside, **common)
            if whole is not None:
                return [whole]
        return [
            prediction(common, one, row, fed, output, key=self._key, shadow_of=live)
            for one, row, fed, output, live in zip(
                ids, rows, features, outputs, beside or [""] * len(ids), strict=True
            )
        ]

    def keep(
        self, predictions: Sequence[Json], kept: Callable[[BaseException | None], None]
    ) -> None:
        """Write predictions down, then call ``kept`` with why they could not be logged, or None.

        They are profiled in any case, and counted where the log refused them.
        """
        handed_over = time.perf_counter()

        def logged(future: Future[None]) -> None:
            self._metrics.stage("log", time.perf_counter() - handed_over)
            self._profile.add(predictions)
            error = future.exception()
            self.log_error = "" if error is None else str(error)
            if error is not None:
                unlogged = sum(map(size, predictions))
                self._metrics.count("unlogged_predictions", unlogged)
                _LOGGER.error("%d predictions could not be logged: %s", unlogged, error)
            kept(error)

        self.log.submit(predictions).add_done_callback(logged)

    def refuse(self, request: PredictRequest, violations: Sequence[Violation]) -> None:
        """Put rows that break the contract aside, and count them."""
        self._quarantine.add(
            request.rows,
            violations,
            request_id=request.request_id,
            release=self._options.release,
        )
        self._metrics.count("refused_rows", len({found.row for found in violations}))

    def post_outcomes(self, outcomes: Sequence[Outcome]) -> Json:
        """Attach ground truth through this process's own log segment; blocks on the disk."""
        receipt = prediction_log.post_outcomes(self._options.log_folder, outcomes, writer=self.log)
        return receipt.to_json()

    def gauges(self) -> dict[str, float]:
        """How much was written, lost and left out."""
        counts = self.log.counts
        return {
            "log_records_written": counts.written,
            "log_records_failed": counts.failed,
            "log_writable": float(self.log_error == ""),
            "profiled_rows": self._profile.profiled,
            "profile_rows_lost": self._profile.lost,
            "profile_rows_skipped": self._profile.skipped,
            "quarantined_rows": self._quarantine.kept,
            "quarantine_rows_dropped": self._quarantine.dropped,
        }

    def tick(self) -> None:
        """Called each second: compact and forget what is due."""
        self._upkeep.tick()

    def close(self) -> None:
        """Write what is to be written; a second call does nothing."""
        self.log.close()
        self._profile.close()
        self._upkeep.close()
