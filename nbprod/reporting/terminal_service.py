"""The service in the terminal: predictions, outcomes, health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.records import ColumnDrift, DriftReport, Explanation, Health, OutcomeReceipt, Prediction
from nbprod.reporting.page import moment, number, short
from nbprod.reporting.terminal_parts import (
    View,
    few,
    fields,
    head,
    plain,
    rows_table,
    text,
    values_table,
    word,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import RenderableType


def _prediction(record: Prediction) -> list[RenderableType]:
    return [
        head(f"Prediction {record.id}", detail=f"{moment(record.at)} UTC"),
        *fields(
            [
                ("output", plain(record.output)),
                ("release", f"{record.release} as {record.role}"),
                ("latency", f"{number(record.latency_ms, 3)} ms"),
                ("degraded", "yes" if record.degraded else ""),
                ("request", record.request_id),
                ("key", plain(record.key)),
            ]
        ),
        *values_table("input", record.inputs),
        *values_table("feature", record.features),
    ]


def predictions(records: Sequence[Prediction]) -> list[RenderableType]:
    """Predictions found in the log, one row each."""
    if not records:
        return [text("nothing found", "dim")]
    rows = [
        [
            item.id,
            moment(item.at),
            item.release,
            item.role,
            plain(item.output),
            number(item.latency_ms, 3),
            "degraded" if item.degraded else "",
        ]
        for item in records
    ]
    return rows_table(["id", "at (UTC)", "release", "role", "output", "ms", ""], rows, numeric=(5,))


def _receipt(record: OutcomeReceipt) -> list[RenderableType]:
    return [
        head(f"{number(record.accepted)} outcomes accepted"),
        *fields(
            [
                ("known already", record.duplicates or ""),
                ("unknown predictions", few(record.unknown)),
            ]
        ),
    ]


def _explanation(record: Explanation) -> list[RenderableType]:
    parts = _prediction(record.prediction)
    chain: list[tuple[str, Any]] = []
    if record.outcome:
        chain.append(("outcome", f"{record.outcome.name} = {plain(record.outcome.outcome)}"))
    if record.release:
        chain.append(("release", f"{record.release.name} {record.release.version}"))
    chain += [
        ("approved" if item.approved else "rejected", f"by {item.by}: {item.reason}")
        for item in record.approvals
    ]
    if record.gate:
        chain.append(("gate", f"{record.gate.verdict}, {len(record.gate.checks)} checks"))
    if record.run:
        snapshot = record.run.snapshot
        chain.append(
            (
                "run",
                (
                    f"{record.run.id}: {number(record.run.train_rows)} rows of {snapshot.uri} "
                    f"({short(snapshot.digest)}), seed {record.run.seed}"
                ),
            )
        )
        chain.append(("commit", record.run.git_commit[:12]))
    if record.extraction:
        chain.append(
            (
                "module",
                (
                    f"{short(record.extraction.version)} from {len(record.extraction.cells)} cells "
                    f"of {record.extraction.notebook}"
                ),
            )
        )
    return [*parts, *fields(chain)]


# ---------------------------------------------------------------- health


def _health(record: Health) -> list[RenderableType]:
    releases = ", ".join(f"{k}: {number(v)}" for k, v in record.predictions_by_release.items())
    latency = ""
    if record.latency_p50_ms is not None:
        latency = (
            f"p50 {number(record.latency_p50_ms, 3)} ms, p99 {number(record.latency_p99_ms, 3)} ms"
        )
    parts = [
        head(
            f"Health of {record.deployment}",
            record.unjudged or word(record.passed),
            f"{moment(record.start)} – {moment(record.end)} UTC",
        ),
        *fields(
            [
                ("requests", f"{number(record.requests)}, {number(record.errors)} errors"),
                ("latency", latency),
                ("degraded", record.degraded or ""),
                ("by release", releases),
                ("labelled", number(record.labelled)),
                ("quality", ", ".join(f"{k} {number(v)}" for k, v in record.quality.items())),
                ("damaged records", record.damaged_records or ""),
            ]
        ),
    ]
    for report in record.drift:
        parts += _drift(report)
    if record.alerts:
        alerts = [[a.id, a.code, a.message, a.owner, ", ".join(a.sent_to)] for a in record.alerts]
        parts += rows_table(["for `nbprod ack`", "alert", "message", "owner", "sent to"], alerts)
    return parts


def _drift(record: DriftReport) -> list[RenderableType]:
    ranked = sorted(record.columns, key=lambda item: -item.distance / (item.threshold or 1))
    shown = [item for item in ranked if item.drifted] or ranked[:3]
    rows = [
        [
            _drifted(record, item),
            item.column,
            item.part,
            number(item.distance, 3),
            number(item.threshold, 3),
            number(item.rows),
        ]
        for item in shown
    ]
    drifted = sum(item.drifted for item in record.columns)
    compared = f"{drifted} of {len(record.columns)} columns, {number(record.rows)} rows"
    if record.unjudged:
        compared = f"{len(record.columns)} columns not judged"
    return [
        head(
            f"Drift of release {record.release}",
            record.unjudged or word(record.passed),
            compared,
        ),
        *rows_table(
            ["", "column", "part", "distance", "threshold", "rows"], rows, numeric=(3, 4, 5)
        ),
    ]


def _drifted(record: DriftReport, column: ColumnDrift) -> RenderableType:
    if record.unjudged:
        return text("–", "dim")
    return text("drift", "bold red") if column.drifted else text("ok", "green")


SERVICE_VIEWS: dict[type, View] = {
    Prediction: _prediction,
    OutcomeReceipt: _receipt,
    Explanation: _explanation,
    Health: _health,
    DriftReport: _drift,
}
