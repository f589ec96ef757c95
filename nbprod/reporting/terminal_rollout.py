"""A rollout in the terminal: the deployment's roles, the policy's decision, a shadow's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.records import Deployment, RolloutDecision, ShadowReport
from nbprod.reporting.page import moment, number
from nbprod.reporting.terminal_parts import (
    View,
    fields,
    head,
    plain,
    rows_table,
    text,
)

if TYPE_CHECKING:
    from rich.console import RenderableType

_MARKS = {"pass": ("✓ pass", "green"), "hold": ("… hold", "yellow"), "fail": ("✗ fail", "red")}


def _deployment(record: Deployment) -> list[RenderableType]:
    traffic = record.traffic
    canary = traffic.canary_fraction
    shares = {"champion": f"{1 - canary:.0%}", "canary": f"{canary:.0%}"}
    roles = [[role, version, shares.get(role, "")] for role, version in traffic.roles.items()]
    roles += [["shadow", version, "sees all"] for version in traffic.shadows]
    history = [
        [moment(step.at), step.action, step.by, step.reason] for step in record.history[-10:]
    ]
    trial = "A/B test" if traffic.experiment else "rollout"
    parts = [
        head(record.name, record.status, record.url),
        *(rows_table(["role", "release", "traffic"], roles, numeric=(1, 2)) if roles else []),
        *fields([(trial, record.waiting_for), ("paused", "yes" if traffic.paused else "")]),
    ]
    if history:
        parts += rows_table(["at (UTC)", "action", "by", "reason"], history)
    return parts


def _decision(record: RolloutDecision) -> list[RenderableType]:
    rows = [
        [text(*_MARKS[check["verdict"]]), check["name"], check["guard"], check["reason"]]
        for check in record.checks
    ]
    counts = [
        [role, *(plain(seen.get(name, "")) for name in ("requests", "errors", "p50_ms", "p99_ms"))]
        for role, seen in record.observed.items()
    ]
    return [
        head(f"Rollout of {record.deployment}", record.action, record.reason),
        *(_counted(counts) if counts else []),
        *(rows_table(["", "guard", "limit", "found"], rows) if rows else []),
        *fields([("A/B test", record.experiment.get("said", ""))]),
    ]


def _counted(counts: list[list[str]]) -> list[RenderableType]:
    header = ["role", "requests", "errors", "p50 ms", "p99 ms"]
    return rows_table(header, counts, numeric=(1, 2, 3, 4))


def _shadow(record: ShadowReport) -> list[RenderableType]:
    agreed = "no pair yet" if record.agreement is None else f"{record.agreement:.2%} agree"
    shown = [
        [one.name, f"{one.agreement:.2%}", *map(_distance, (one.mean_difference, one.max_distance))]
        for one in record.fields
    ]
    slices = [[f"{s.column} = {s.value}", s.rows, f"{s.agreement:.2%}"] for s in record.slices]
    examples = [[e.champion_id, plain(e.champion), plain(e.shadow)] for e in record.examples]
    latency = [
        [role, *(f"{value:.1f}" for value in found.values())]
        for role, found in record.latency_ms.items()
    ]
    return [
        head(f"Shadow {record.release}", detail=f"{number(record.pairs)} pairs, {agreed}"),
        *fields([("without the shadow's answer", number(record.unpaired))]),
        *rows_table(["field", "agree", "mean difference", "largest"], shown, numeric=(1, 2, 3)),
        *rows_table(["slices that agree least", "rows", "agree"], slices, numeric=(1, 2)),
        *rows_table(["latency", "p50 ms", "p99 ms"], latency, numeric=(1, 2)),
        *rows_table(["rows that differ most", "champion", "shadow"], examples),
    ]


def _distance(value: float | None) -> str:
    return "" if value is None else number(value, 4)


ROLLOUT_VIEWS: dict[type, View] = {
    Deployment: _deployment,
    RolloutDecision: _decision,
    ShadowReport: _shadow,
}
