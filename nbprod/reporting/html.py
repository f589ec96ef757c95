"""Records as HTML pages: the gate's report, the reviewer's page, a window's health."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.reporting.junit import check_title
from nbprod.reporting.page import (
    Markup,
    badge,
    facts,
    findings_list,
    join,
    moment,
    number,
    page,
    seconds,
    section,
    short,
    table,
    tag,
    tiles,
)
from nbprod.reporting.plots import (
    IntervalRow,
    bar_plot,
    distribution_plot,
    interval_plot,
    legend,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.records import (
        ColumnDrift,
        GateCheck,
        GateResult,
        Health,
        ParityReport,
        TrainingRun,
    )

# What a page shows of long lists; the record keeps all of it.
_MOST_ROWS_PLOTTED = 40
_MOST_DRIFT_BARS = 25
_MOST_DISTRIBUTIONS = 6
_MOST_COLUMNS = 40
_MOST_CELL = 120
_RANK = {"failed": 0, "inconclusive": 1, "passed": 2}


def gate_page(
    gate: GateResult,
    *,
    title: str = "",
    run: TrainingRun | None = None,
    pictures: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> str:
    """The report of one gate: verdict, checks against thresholds, controls, parity, findings.

    pictures: notebook -> (heading, base64 PNG) of what it drew.
    """
    name = title or (f"{run.candidate.name} {run.candidate.number}" if run else "Candidate")
    counts = {v: sum(check.verdict == v for check in gate.checks) for v in _RANK}
    about = facts(
        [
            ("candidate", tag("code", short(gate.candidate_digest))),
            ("judged by", tag("code", short(gate.gate_digest))),
            ("on rows", tag("code", short(gate.data_digest))),
            ("champion", tag("code", short(gate.baseline_digest)) if gate.baseline_digest else ""),
            ("at", f"{moment(gate.created_at)} UTC"),
            ("gate id", tag("code", gate.id)),
        ]
    )
    return page(
        name,
        tiles(
            [
                ("checks", len(gate.checks), ""),
                ("passed", counts["passed"], ""),
                ("failed", counts["failed"], ""),
                ("inconclusive", counts["inconclusive"], ""),
                ("void", sum(c.sabotage_caught is not True for c in gate.checks), "cannot fail"),
            ]
        ),
        section("Findings", findings_list(gate.findings)) if gate.findings else "",
        gate_section(gate),
        *(_pictures(name, drawn) for name, drawn in (pictures or {}).items() if drawn),
        parity_section(gate.parity) if gate.parity else "",
        section("What was judged", about, _notebooks(gate)),
        kicker="nbprod gate",
        aside=badge(gate.verdict),
        subtitle=_sentence(gate),
    )


def _sentence(gate: GateResult) -> str:
    if gate.passed:
        return "Every check passed, and every check was shown to be able to fail."
    if gate.verdict == "inconclusive":
        return "Nothing failed, but at least one check needs more rows before it can pass."
    errors = sum(item.severity == "error" for item in gate.findings)
    return f"This candidate must not be released: {errors} finding{'s' * (errors != 1)} below."


def gate_section(gate: GateResult) -> Markup:
    """The checks: one plot per metric, then the table with the negative controls."""
    groups: dict[str, list[GateCheck]] = {}
    for check in gate.checks:
        groups.setdefault(check.name, []).append(check)
    plots: list[Any] = []
    # A metric measured once needs no heading of its own.
    alone = [name for name, checks in groups.items() if len(checks) == 1 and not checks[0].slice]
    plots += [interval_plot([_interval_row(groups[name][0], name)]) for name in alone]
    for name, checks in groups.items():
        if name in alone:
            continue
        ranked = sorted(checks, key=lambda check: (bool(check.slice), _RANK[check.verdict]))
        shown = ranked[:_MOST_ROWS_PLOTTED]
        more = len(ranked) - len(shown)
        plots.append(tag("h3", name))
        plots.append(interval_plot([_interval_row(check) for check in shown]))
        plots.append(tag("p", f"… and {more} more", class_="note") if more else "")
    return section(
        "Gate",
        *plots,
        tag("details", tag("summary", "Every check, with its negative control"), _checks(gate)),
        intro="A dot is the measured value, its line the confidence interval; the vertical line is "
        "the threshold and the shaded side passes. The whole interval must pass. Each check was "
        "also run under a sabotage that has to fail it: a check that cannot fail is void.",
        badge_=badge(gate.verdict),
    )


def _interval_row(check: GateCheck, name: str = "all rows") -> IntervalRow:
    operator, _, limit = check.threshold.partition(" ")
    try:
        bound: float | None = float(limit or operator.lstrip("<>="))
    except ValueError:
        bound = None
    label = ", ".join(f"{c}={v}" for c, v in check.slice.items()) or name
    void = check.sabotage_caught is False
    return IntervalRow(
        label=label,
        value=check.value,
        low=check.low,
        high=check.high,
        operator=operator,
        limit=bound,
        verdict="failed" if void else check.verdict,
        note="void" if void else f"{number(check.rows)} rows" if check.rows else "",
    )


def _checks(gate: GateResult) -> Markup:
    control = {
        True: badge("passed", "fails as it must"),
        False: badge("void"),
        None: badge("not tried"),
    }
    ranked = sorted(gate.checks, key=lambda check: _RANK[check.verdict])
    return table(
        ["check", "value", "interval", "required", "rows", "verdict", "sabotage", "control"],
        [
            [
                check_title(check),
                number(check.value),
                "" if check.low is None else f"{number(check.low)} – {number(check.high)}",
                check.threshold,
                number(check.rows) if check.rows else "",
                badge(check.verdict),
                check.sabotage,
                control[check.sabotage_caught],
            ]
            for check in ranked
        ],
        numeric=(1, 2, 3, 4),
    )


def _pictures(notebook: str, drawn: Sequence[tuple[str, str]]) -> Markup:
    """What one notebook drew, on white: its colours were chosen for that."""
    return section(
        f"Seen by {notebook}",
        tag(
            "div",
            *(
                tag(
                    "figure",
                    tag("img", src=f"data:image/png;base64,{image}", alt=heading or "a picture"),
                    tag("figcaption", heading) if heading else "",
                )
                for heading, image in drawn
            ),
            class_="pictures",
        ),
    )


def _notebooks(gate: GateResult) -> Markup:
    if not gate.notebooks:
        return Markup("")
    links = [
        [name, tag("a", copy, href=copy, style="color:var(--link)")]
        for name, copy in gate.notebooks.items()
    ]
    return join([tag("h3", "Notebooks"), table(["notebook", "executed copy"], links)])


def parity_section(parity: ParityReport) -> Markup:
    """The relations between the train path and the serve path, and the distances."""
    relations = table(
        ["relation", "verdict", "rows", "time", ""],
        [
            [
                item.name,
                badge("passed" if item.passed else "failed")
                if item.checked
                else badge("not checked"),
                number(item.rows),
                seconds(item.duration_s),
                item.reason,
            ]
            for item in parity.relations
        ],
        numeric=(2, 3),
    )
    distances = sorted(parity.distances, key=lambda item: -item.max_distance)
    columns = table(
        ["column", "largest distance", "tolerance", "rows"],
        [
            [item.column, number(item.max_distance, 3), item.tolerance, number(item.rows)]
            for item in distances[:_MOST_COLUMNS]
        ],
        numeric=(1, 3),
    )
    return section(
        "Parity",
        relations,
        tag("details", tag("summary", f"Distances of {len(distances)} columns"), columns)
        if distances
        else "",
        findings_list(parity.findings),
        intro=f"The same {number(parity.rows)} rows through the path that trains and the path that "
        f"serves ({parity.scope} {short(parity.subject)}).",
        badge_=badge("passed" if parity.passed else "failed"),
    )


# ---------------------------------------------------------------- review


def approval_page(
    run: TrainingRun, gate: GateResult | None, samples: Sequence[Mapping[str, Any]]
) -> str:
    """What a reviewer looks at before saying yes: the verdict and predictions for real rows.

    samples: one mapping per row, inputs first, prediction and outcome last, as shown.
    """
    candidate = run.candidate
    verdict = gate.verdict if gate else "not judged"
    columns = list(dict.fromkeys(key for row in samples for key in row))
    numeric = [
        place
        for place, name in enumerate(columns)
        if all(isinstance(row.get(name), int | float | None) for row in samples)
    ]
    return page(
        f"{candidate.name} {candidate.number}: your decision",
        tiles(
            [
                ("training rows", number(run.train_rows), ""),
                ("held-out rows", number(run.holdout_rows), ""),
                *((name, number(value), "") for name, value in list(run.metrics.items())[:4]),
            ]
        ),
        section(
            "Predictions to look at",
            table(
                columns, [[_cell(row.get(c)) for c in columns] for row in samples], numeric=numeric
            )
            if samples
            else tag("p", "There are none."),
            intro="Held-out rows the model never saw, the most surprising first. Would you stand "
            "by these answers?",
        ),
        gate_section(gate) if gate else "",
        section("Findings", findings_list(gate.findings)) if gate and gate.findings else "",
        section("What you approve", _run_facts(run), _decision(candidate.number)),
        kicker="nbprod review",
        aside=badge(verdict),
        subtitle="An approval is bound to this exact candidate: any change asks again.",
    )


def _decision(candidate: int) -> Markup:
    lines = f'nbprod approve {candidate} --reason "…"\nnbprod reject  {candidate} --reason "…"'
    return join([tag("h3", "Decide"), tag("pre", lines)])


def _run_facts(run: TrainingRun) -> Markup:
    return facts(
        [
            ("candidate digest", tag("code", short(run.candidate.digest))),
            ("module", tag("code", short(run.candidate.module_version))),
            ("contract", tag("code", short(run.candidate.contract_digest))),
            ("data", tag("code", short(run.snapshot.digest))),
            ("data time", f"{run.snapshot.time_start} – {run.snapshot.time_end}".strip(" –")),
            ("git", run.git_commit[:12] + (" with uncommitted changes" if run.git_dirty else "")),
            ("seed", str(run.seed)),
            ("trained", f"{moment(run.created_at)} UTC"),
        ]
    )


def _cell(value: Any) -> str:
    text = number(value) if isinstance(value, float) else str("–" if value is None else value)
    return text if len(text) <= _MOST_CELL else f"{text[: _MOST_CELL - 1]}…"


# ---------------------------------------------------------------- health


def health_page(health: Health) -> str:
    """A window's service, data and quality on one page."""
    return page(
        f"{health.deployment}: health",
        health_tiles(health),
        section("Findings", findings_list(health.findings)) if health.findings else "",
        _releases(health),
        *(
            drift_section(report.columns, title=f"Drift of release {report.release}")
            for report in health.drift
        ),
        quality_section([("this window", health.labelled, health.quality)])
        if health.quality
        else "",
        _alerts(health),
        kicker="nbprod monitor",
        aside=badge("passed" if health.passed else "failed", "" if health.passed else "look here"),
        subtitle=f"{moment(health.start)} to {moment(health.end)} UTC",
    )


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


def drift_section(columns: Sequence[ColumnDrift], *, title: str = "Drift") -> Markup:
    """Distances from the reference profile, and the distributions that moved most."""
    ranked = sorted(columns, key=lambda item: -item.distance / (item.threshold or 1))
    bars = [(f"{c.column} ({c.part})", c.distance, c.threshold) for c in ranked[:_MOST_DRIFT_BARS]]
    moved = [c for c in ranked if c.reference or c.window][:_MOST_DISTRIBUTIONS]
    drifted = sum(item.drifted for item in columns)
    more = len(ranked) - len(bars)
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
        badge_=badge("drift", f"{drifted} drifted") if drifted else badge("ok", "no drift"),
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
