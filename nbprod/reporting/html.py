"""A window's health as an HTML page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.reporting.drawing import legend
from nbprod.reporting.page import (
    Markup,
    badge,
    findings_list,
    moment,
    number,
    page,
    section,
    table,
    tag,
    tiles,
)
from nbprod.reporting.plots import bar_plot, distribution_plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.records import ColumnDrift, Health

# What a page shows of long lists; the record keeps all of it.
_MOST_ROWS_PLOTTED = 40
_MOST_DRIFT_BARS = 25
_MOST_DISTRIBUTIONS = 6
_MOST_COLUMNS = 40


def health_page(health: Health) -> str:
    """A window's service, data and quality on one page."""
    return page(
        f"{health.deployment}: health",
        health_tiles(health),
        section("Findings", findings_list(health.findings)) if health.findings else "",
        _releases(health),
        *(
            drift_section(
                report.columns,
                title=f"Drift of release {report.release}",
                unjudged=report.unjudged,
            )
            for report in health.drift
        ),
        quality_section([("this window", health.labelled, health.quality)])
        if health.quality
        else "",
        _alerts(health),
        kicker="nbprod monitor",
        aside=_verdict(health),
        subtitle=f"{moment(health.start)} to {moment(health.end)} UTC",
    )


def _verdict(health: Health) -> Markup:
    if health.unjudged:
        return badge("inconclusive", health.unjudged)
    return badge("passed") if health.passed else badge("failed", "look here")


def health_tiles(health: Health) -> Markup:
    """The large figures of a window."""
    return tiles(
        [
            ("requests", number(health.requests), f"{number(health.errors)} errors"),
            ("p50", f"{number(health.latency_p50_ms, 3)} ms", ""),
            ("p99", f"{number(health.latency_p99_ms, 3)} ms", ""),
            ("degraded answers", number(health.degraded), ""),
            ("labelled", number(health.labelled), f"{number(health.damaged_records)} damaged"),
        ]
    )


def _releases(health: Health) -> Markup:
    if not health.predictions_by_release:
        return Markup("")
    rows = [[name, number(count)] for name, count in health.predictions_by_release.items()]
    return section("Predictions by release", table(["release", "predictions"], rows, numeric=(1,)))


def drift_section(
    columns: Sequence[ColumnDrift], *, title: str = "Drift", unjudged: str = ""
) -> Markup:
    """Distances from the reference profile, and the distributions that moved most.

    unjudged: why nothing was judged, where that is so.
    """
    ranked = sorted(columns, key=lambda item: -item.distance / (item.threshold or 1))
    bars = [(f"{c.column} ({c.part})", c.distance, c.threshold) for c in ranked[:_MOST_DRIFT_BARS]]
    moved = [c for c in ranked if c.reference or c.window][:_MOST_DISTRIBUTIONS]
    drifted = sum(item.drifted for item in columns)
    more = len(ranked) - len(bars)
    verdict = badge("drift", f"{drifted} drifted") if drifted else badge("ok", "no drift")
    return section(
        title,
        bar_plot(bars) if bars else tag("p", "No column was compared."),
        tag("p", f"… and {more} more columns", class_="note") if more > 0 else "",
        tag("h3", "What moved most") if moved else "",
        legend([("training (reference)", "var(--s6)"), ("this window", "var(--s2)")])
        if moved
        else "",
        tag(
            "div",
            *(
                tag(
                    "div",
                    tag("p", tag("b", c.column), f" {c.part}, distance {number(c.distance, 3)}"),
                    distribution_plot(c.reference, c.window),
                )
                for c in moved
            ),
            class_="two",
        ),
        intro="Population stability index of each column against the training data; the mark is "
        "its threshold.",
        badge_=badge("inconclusive", unjudged) if unjudged else verdict,
    )


def quality_section(windows: Sequence[tuple[str, int, Mapping[str, float]]]) -> Markup:
    """Metrics over several windows, side by side: (window, labelled rows, metrics)."""
    names = list(dict.fromkeys(name for _, _, metrics in windows for name in metrics))
    return section(
        "Quality",
        table(
            ["", "labelled rows", *names],
            [
                [label, number(rows), *(number(metrics.get(name)) for name in names)]
                for label, rows, metrics in windows
            ],
            numeric=range(1, len(names) + 2),
        ),
        intro="Measured on rows whose outcome is known by now.",
    )


def _alerts(health: Health) -> Markup:
    if not health.alerts:
        return Markup("")
    rows = [
        [tag("code", a.code), a.message, a.owner, ", ".join(a.sent_to) or "–", moment(a.at)]
        for a in health.alerts
    ]
    return section("Alerts", table(["code", "message", "owner", "sent to", "at"], rows))
