"""The gate's report: verdict, checks against thresholds, controls, pictures, parity, findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.reporting.junit import check_title
from nbprod.reporting.page import (
    Markup,
    badge,
    esc,
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
from nbprod.reporting.plots import IntervalRow, interval_plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.records import GateCheck, GateResult, ParityReport, TrainingRun

# What a page shows of long lists; the record keeps all of it.
_MOST_ROWS_PLOTTED = 40
_MOST_COLUMNS = 40
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
    sound = [check for check in gate.checks if check.sabotage_caught is True]
    counts = {v: sum(check.verdict == v for check in sound) for v in _RANK}
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
        gate_section(gate, pictures),
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


def gate_section(
    gate: GateResult, pictures: Mapping[str, Sequence[tuple[str, str]]] | None = None
) -> Markup:
    """The checks by notebook, with what each notebook drew; then the table of the controls."""
    by_notebook: dict[str, list[GateCheck]] = {}
    for check in gate.checks:
        by_notebook.setdefault(check.notebook, []).append(check)
    # The gate's own checks, such as the comparison with the champion, belong to no notebook.
    names = sorted(by_notebook, key=lambda name: (not name, name))
    return section(
        "Gate",
        *(_notebook(name, by_notebook[name], (pictures or {}).get(name, ())) for name in names),
        tag("details", tag("summary", "Every check, with its negative control"), _checks(gate)),
        intro="A dot is the measured value, its line the confidence interval; the vertical line is "
        "the threshold and the shaded side passes. The whole interval must pass; intervals of "
        "many slices are widened, so that all of them hold at once. Each check was also run "
        "under a sabotage that has to fail it: a check that cannot fail is void.",
        badge_=badge(gate.verdict),
    )


def _notebook(name: str, checks: Sequence[GateCheck], drawn: Sequence[tuple[str, str]]) -> Markup:
    """One notebook: what it measured once, each row on a scale of its own; slices; pictures."""
    groups: dict[str, list[GateCheck]] = {}
    for check in checks:
        groups.setdefault(check.name, []).append(check)
    single = [of[0] for of in groups.values() if len(of) == 1 and not of[0].slice]
    several = {title: of for title, of in groups.items() if len(of) > 1 or of[0].slice}
    worst = min((_RANK[_shown_verdict(check)] for check in checks), default=0)
    verdict = next(word for word, rank in _RANK.items() if rank == worst)
    parts = [tag("h3", name or "compared with the champion", " ", badge(verdict))]
    if single:
        rows = [_interval_row(check, check.name) for check in single]
        parts.append(interval_plot(rows, shared=False))
    for title, of in several.items():
        ranked = sorted(of, key=lambda check: (bool(check.slice), _RANK[check.verdict]))
        more = len(ranked) - _MOST_ROWS_PLOTTED
        parts.append(tag("p", tag("b", title), " by group" if of[0].slice else ""))
        parts.append(interval_plot([_interval_row(c) for c in ranked[:_MOST_ROWS_PLOTTED]]))
        if more > 0:
            parts.append(tag("p", f"… and {more} more", class_="note"))
    return tag("div", *parts, _pictures(drawn) if drawn else "", class_="notebook")


def _shown_verdict(check: GateCheck) -> str:
    return "failed" if check.sabotage_caught is False else check.verdict


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


def _pictures(drawn: Sequence[tuple[str, str]]) -> Markup:
    """What one notebook drew, on white: its colours were chosen for that."""
    return tag(
        "div",
        *(
            tag(
                "figure",
                Markup(f'<img src="data:image/png;base64,{esc(image)}" alt="{esc(heading)}">'),
                tag("figcaption", heading) if heading else "",
            )
            for heading, image in drawn
        ),
        class_="pictures",
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
