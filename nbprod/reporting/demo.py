"""The report of the whole road: one page from the notebook to `why` of one prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict, TypeVar

from nbprod.records import (
    Explanation,
    GateResult,
    Health,
    Inspection,
    ParityReport,
    Record,
)
from nbprod.reporting.drawing import COLOURS
from nbprod.reporting.gate_page import gate_section, parity_section
from nbprod.reporting.html import (
    drift_section,
    health_tiles,
    quality_section,
)
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
from nbprod.reporting.plots import flow_plot
from nbprod.reporting.time_plots import Line, Mark, time_plot

AnyRecord = TypeVar("AnyRecord", bound=Record)


class Stage(TypedDict, total=False):
    """One step of the road, as the timeline shows it."""

    name: str
    command: str  # "nbprod gate"
    duration_s: float
    verdict: str  # passed | failed | inconclusive | done | refused | rolled back …
    detail: str


class TrafficMark(TypedDict, total=False):
    """Something that happened during the traffic."""

    t: float  # seconds since the traffic began
    label: str
    bad: bool


class Traffic(TypedDict, total=False):
    """The load over time; every list has one value for each moment of ``t``."""

    t: list[float]  # seconds since the traffic began, ascending
    requests_per_s: dict[str, list[float]]  # "release 1" -> answers a second
    errors_per_s: list[float]
    p50_ms: list[float | None]
    p99_ms: list[float | None]
    marks: list[TrafficMark]
    requests: int  # all of them
    failed: int
    promised_p99_ms: float


class Quality(TypedDict, total=False):
    """Metrics of one window."""

    window: str  # "training, held out", "July"
    rows: int
    metrics: dict[str, float]


class DemoData(TypedDict, total=False):
    """What the page is made of; a key that is missing leaves its section out.

    Records may be given as records or as their ``to_json()``.
    """

    title: str
    model: str
    owner: str
    decision: str
    generated_at: str  # ISO 8601, UTC
    machine: str  # "2 cores, 24 GiB, Linux, Python 3.11"
    tiles: list[tuple[str, str, str]]  # label, value, note
    stages: list[Stage]
    inspection: Inspection | dict[str, Any]
    parity: ParityReport | dict[str, Any]
    gate: GateResult | dict[str, Any]
    traffic: Traffic
    health: Health | dict[str, Any]
    quality: list[Quality]
    why: Explanation | dict[str, Any]
    notes: list[str]  # what is thin, what was not tried


def demo_page(data: DemoData) -> str:
    """The whole road as one self-contained page; see DemoData for what it shows."""
    inspection = _record(Inspection, data.get("inspection"))
    parity = _record(ParityReport, data.get("parity"))
    gate = _record(GateResult, data.get("gate"))
    health = _record(Health, data.get("health"))
    why = _record(Explanation, data.get("why"))
    traffic = data.get("traffic")
    return page(
        data.get("title") or f"{data.get('model', 'A model')}, from notebook to production",
        tiles(data["tiles"]) if data.get("tiles") else "",
        _about(data),
        _timeline(data["stages"]) if data.get("stages") else "",
        _inspection(inspection) if inspection else "",
        parity_section(parity) if parity else "",
        gate_section(gate) if gate else "",
        _traffic(traffic) if traffic and traffic.get("t") else "",
        _health(health) if health else "",
        *(
            drift_section(
                report.columns,
                title=f"Drift of release {report.release}",
                unjudged=report.unjudged,
            )
            for report in (health.drift if health else ())
        ),
        _quality(data["quality"]) if data.get("quality") else "",
        _why(why) if why else "",
        _notes(data["notes"]) if data.get("notes") else "",
        kicker="nbprod",
        subtitle=data.get("decision", ""),
    )


def _record(kind: type[AnyRecord], value: Any) -> AnyRecord | None:
    return kind.from_json(value) if isinstance(value, Mapping) else value


def _about(data: DemoData) -> Markup:
    return tag(
        "section",
        facts(
            [
                ("model", data.get("model", "")),
                ("owner", data.get("owner", "")),
                ("machine", data.get("machine", "")),
                (
                    "made at",
                    f"{moment(data['generated_at'])} UTC" if data.get("generated_at") else "",
                ),
            ]
        ),
    )


def _timeline(stages: Sequence[Stage]) -> Markup:
    total = sum(stage.get("duration_s", 0.0) for stage in stages) or 1.0
    longest = max(stage.get("duration_s", 0.0) for stage in stages) or 1.0

    def bar(stage: Stage) -> Markup:
        width = 100 * stage.get("duration_s", 0.0) / longest
        return Markup(
            '<div style="background:var(--faint);border-radius:4px;min-width:120px">'
            f'<div style="width:{max(1.0, width):.1f}%;height:9px;border-radius:4px;'
            'background:var(--s1);margin-top:6px"></div></div>'
        )

    rows = [
        [
            tag("b", stage.get("name", "")),
            tag("code", stage["command"]) if stage.get("command") else "",
            badge(stage.get("verdict", "done")),
            seconds(stage["duration_s"]) if "duration_s" in stage else "",
            bar(stage),
            stage.get("detail", ""),
        ]
        for stage in stages
    ]
    return section(
        "The road",
        table(["stage", "command", "verdict", "time", "", ""], rows, numeric=(3,)),
        intro=f"{len(stages)} stages in {seconds(total)}.",
    )


def _inspection(inspection: Inspection) -> Markup:
    code = [cell for cell in inspection.cells if cell.kind == "code"]
    place = {cell.cell_id: number_ for number_, cell in enumerate(code)}
    arcs = []
    for consumer, reads in inspection.flow.items():
        sources: dict[str, list[str]] = {}
        for name, source in reads.items():
            sources.setdefault(source, []).append(name)
        for source, names in sources.items():
            if source in place and consumer in place and source != consumer:
                arcs.append((place[source], place[consumer], ", ".join(sorted(names))))
    tagged = sum(bool(cell.role) for cell in code)
    return section(
        "The notebook",
        flow_plot([(str(c.index + 1), c.role, c.first_line) for c in code], arcs),
        findings_list(inspection.findings, most=8),
        intro=f"{inspection.notebook}: {tagged} of {len(code)} code cells carry a role and become "
        "the module. An arc is a name that one cell defines and another reads.",
    )


def _traffic(traffic: Traffic) -> Markup:
    times = traffic["t"]
    marks = [
        Mark(mark["t"], mark["label"], mark.get("bad", False)) for mark in traffic.get("marks", [])
    ]
    by_release = [
        Line(name, times, values, COLOURS[place % 5])
        for place, (name, values) in enumerate(traffic.get("requests_per_s", {}).items())
    ]
    if any(traffic.get("errors_per_s") or ()):
        by_release.append(Line("failed", times, traffic["errors_per_s"], "var(--bad)"))
    latency = [
        Line("p50", times, traffic.get("p50_ms", []), COLOURS[0]),
        Line("p99", times, traffic.get("p99_ms", []), COLOURS[1]),
    ]
    if promised := traffic.get("promised_p99_ms"):
        ends = [times[0], times[-1]]
        latency.append(Line("p99 promised", ends, [promised, promised], "var(--dim)"))
    failed = traffic.get("failed", 0)
    return section(
        "Traffic",
        tag("h3", "Answers a second"),
        time_plot(by_release, unit="requests/s", marks=marks, stacked=True, height=280),
        tag("h3", "Latency"),
        time_plot([line for line in latency if line.values], unit="ms", marks=marks, height=230),
        intro="Every answer of the load, with what was done to the service while it ran.",
        badge_=badge("ok", f"{number(traffic.get('requests', 0))} requests, none failed")
        if not failed
        else badge("failed", f"{number(failed)} of {number(traffic.get('requests', 0))} failed"),
    )


def _health(health: Health) -> Markup:
    return section(
        "Health",
        health_tiles(health),
        findings_list(health.findings, most=12),
        intro=f"{moment(health.start)} to {moment(health.end)} UTC",
        badge_=badge("passed", "healthy") if health.passed else badge("failed", "look here"),
    )


def _quality(windows: Sequence[Quality]) -> Markup:
    return quality_section(
        [(w.get("window", ""), w.get("rows", 0), w.get("metrics", {})) for w in windows]
    )


def _why(why: Explanation) -> Markup:
    prediction, run, gate = why.prediction, why.run, why.gate
    steps: list[tuple[str, Any]] = []
    if why.extraction:
        cells = f"{len(why.extraction.cells)} cells of {why.extraction.notebook}"
        steps.append((f"Module {short(why.extraction.version)}", f"extracted from {cells}"))
    if run:
        data = f"{number(run.train_rows)} rows of {run.snapshot.uri} ({short(run.snapshot.digest)})"
        commit = f", commit {run.git_commit[:10]}" if run.git_commit else ""
        steps.append((f"Run {run.id}", f"trained on {data}, seed {run.seed}{commit}"))
    if gate:
        text = f"{len(gate.checks)} checks, {gate.verdict}, at {moment(gate.created_at)} UTC"
        steps.append((f"Gate {gate.id}", text))
    steps += [
        (
            f"{'Approval' if item.approved else 'Rejection'} by {item.by}",
            f"“{item.reason}”, {moment(item.created_at)} UTC",
        )
        for item in why.approvals
    ]
    if why.release:
        files = (
            f"{len(why.release.files)} files hashed, {why.release.golden_requests} golden requests"
        )
        steps.append((f"Release {why.release.name} {why.release.version}", files))
    steps.append(
        (
            f"Prediction {prediction.id}",
            (
                f"{moment(prediction.at)} UTC, release {prediction.release} as {prediction.role}, "
                f"{number(prediction.latency_ms, 3)} ms: {_value(prediction.output)}"
            ),
        )
    )
    if why.outcome:
        outcome = f"{why.outcome.name} = {_value(why.outcome.outcome)}"
        steps.append(("What happened", outcome))
    chain = tag("ol", *(tag("li", tag("b", name), text) for name, text in steps), class_="chain")
    pairs = [
        tag(
            "details",
            tag("summary", title),
            table(["", "value"], [[name, _value(value)] for name, value in values.items()]),
        )
        for title, values in (("Inputs", prediction.inputs), ("Features", prediction.features))
        if values
    ]
    return section("Why this prediction", chain, *pairs, intro="One answer, all the way back.")


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {_value(item)}" for name, item in value.items())
    return number(value) if isinstance(value, float) else str(value)


def _notes(notes: Sequence[str]) -> Markup:
    return section("What this page does not show", join([tag("p", note) for note in notes]))
