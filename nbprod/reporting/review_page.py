"""The reviewer's page: what the candidate answers, where it is wrong, and what the gate said."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.reporting.drawing import legend
from nbprod.reporting.gate_page import gate_section
from nbprod.reporting.page import (
    Markup,
    badge,
    facts,
    findings_list,
    join,
    moment,
    number,
    page,
    section,
    short,
    table,
    tag,
    tiles,
)
from nbprod.reporting.plots import distribution_plot

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.records import GateResult, TrainingRun

_MOST_CELL = 60
_NO_WRAP = 28  # signs that a cell keeps on one line
_JUDGED = ("predicted ", "observed ")


def approval_page(run: TrainingRun, gate: GateResult | None, samples: Mapping[str, Any]) -> str:
    """What a reviewer looks at before saying yes: predictions for real rows, and the verdict.

    samples: as `gates.review.review_evidence` gives them.
    """
    candidate = run.candidate
    verdict = gate.verdict if gate else "not judged"
    return page(
        f"{candidate.name} {candidate.number}: your decision",
        tiles(
            [
                ("training rows", number(run.train_rows), ""),
                ("held-out rows", number(run.holdout_rows), ""),
                *((name, number(value), "") for name, value in list(run.metrics.items())[:4]),
            ]
        ),
        _at_a_glance(samples),
        _predictions(samples),
        gate_section(gate) if gate else "",
        section("Findings", findings_list(gate.findings)) if gate and gate.findings else "",
        section("What you approve", _run_facts(run), _decision(candidate.number)),
        kicker="nbprod review",
        aside=badge(verdict),
        subtitle="An approval is bound to this exact candidate: any change asks again.",
    )


def _at_a_glance(samples: Mapping[str, Any]) -> Markup:
    """What it answers, and beside it where it is wrong; nothing where neither is known."""
    parts = [_answers(samples.get("answers", {})), _where(samples.get("where", ()))]
    shown = [part for part in parts if part]
    return section("At a glance", tag("div", *shown, class_="two")) if shown else Markup("")


def _answers(answers: Mapping[str, Mapping[str, float]]) -> Markup:
    """Both distributions over the same bins; nothing where there are none."""
    if len(answers) != 2:
        return Markup("")
    (one, first), (other, second) = answers.items()
    said = (
        "Its answers beside what was observed."
        if other == "predicted"
        else "Its answers, by what was observed: the further apart, the better it tells them."
    )
    return tag(
        "div",
        tag("h3", "What it answers"),
        tag("p", said, class_="note"),
        legend([(one, "var(--s6)"), (other, "var(--s2)")]),
        distribution_plot(first, second),
    )


def _predictions(samples: Mapping[str, Any]) -> Markup:
    surprising, ordinary = samples.get("surprising", ()), samples.get("ordinary", ())
    if not surprising:
        return section("Predictions to look at", tag("p", "There are none."))
    return section(
        "Predictions to look at",
        _rows(surprising),
        tag("h3", "A few by chance") if ordinary else "",
        _rows(ordinary) if ordinary else "",
        intro="Held-out rows the model never saw, the most surprising first. Would you stand "
        "by these answers?",
    )


def _rows(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Rows as a table; what is to be judged stands on the left, in sight."""
    names = list(dict.fromkeys(key for row in rows for key in row))
    names.sort(key=lambda name: not name.startswith(_JUDGED))  # stable: inputs keep their order
    numeric = [
        place
        for place, name in enumerate(names)
        if all(isinstance(row.get(name), int | float | None) for row in rows)
    ]
    body = [
        [_cell(row.get(name), judged=name.startswith(_JUDGED)) for name in names] for row in rows
    ]
    return table(names, body, numeric=numeric)


def _cell(value: Any, *, judged: bool) -> Markup:
    text = number(value) if isinstance(value, float) else str("–" if value is None else value)
    if isinstance(value, str):
        text = moment(value).removesuffix(":00") if value[:2].isdigit() and "T" in value else value
    text = text if len(text) <= _MOST_CELL else f"{text[: _MOST_CELL - 1]}…"
    one_line = "white-space:nowrap" if len(text) <= _NO_WRAP else None
    return tag("b" if judged else "span", text, style=one_line)


def _where(found: Sequence[Mapping[str, Any]]) -> Markup:
    """Values that stand out among the surprising rows."""
    if not found:
        return Markup("")
    rows = [
        [f"{one['column']} = {one['value']}", _percent(one["share"]), _percent(one["usual"])]
        for one in found
    ]
    said = "Values more than twice as frequent among the most surprising twentieth as among all."
    return tag(
        "div",
        tag("h3", "Where the surprises are"),
        tag("p", said, class_="note"),
        table(["rows with", "of the surprising", "of all"], rows, numeric=(1, 2)),
    )


def _percent(share: float) -> str:
    return f"{share:.1%}"


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
