"""What a shadow would have answered, as a page: agreement, fields, slices, latency, rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.reporting.drawing import legend
from nbprod.reporting.page import (
    Markup,
    badge,
    join,
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
    from collections.abc import Mapping

    from nbprod.records import FieldDifference, ShadowReport

_MOST_CELL = 160


def shadow_page(report: ShadowReport) -> str:
    """A shadow's answers beside the live ones on the same rows."""
    agreed = "–" if report.agreement is None else f"{report.agreement:.2%}"
    lost = report.unpaired / (report.pairs + report.unpaired) if report.unpaired else 0.0
    return page(
        f"Release {report.release} as a shadow",
        tiles(
            [
                ("rows that both answered", number(report.pairs), ""),
                ("agreement", agreed, "of the rows"),
                ("without its answer", number(report.unpaired), f"{lost:.1%}: dropped or failed"),
                *(
                    (f"p99 of the {role}", f"{number(found.get('p99'), 3)} ms", "")
                    for role, found in report.latency_ms.items()
                ),
            ]
        ),
        _predictions(report),
        _fields(report.fields),
        _slices(report),
        _examples(report),
        kicker="nbprod shadow",
        subtitle=f"{moment(report.created_at)} UTC",
        aside=badge("info", "it answered nobody"),
    )


def _predictions(report: ShadowReport) -> Markup:
    if not report.predictions:
        return Markup("")
    champion, shadow = (_shares(report.predictions.get(r, {})) for r in ("champion", "shadow"))
    return section(
        "Predictions",
        legend([("champion", "var(--s6)"), ("shadow", "var(--s2)")]),
        tag("div", distribution_plot(champion, shadow), class_="two"),
        intro="The same rows, answered by both; a bin is named by its lower end.",
    )


def _shares(counts: Mapping[str, int]) -> dict[str, float]:
    total = sum(counts.values()) or 1
    return {name: count / total for name, count in counts.items()}


def _fields(fields: tuple[FieldDifference, ...]) -> Markup:
    rows = [
        [
            one.name,
            f"{one.agreement:.2%}",
            *(number(v) for v in (one.mean_difference, one.mean_distance, one.max_distance)),
        ]
        for one in fields
    ]
    names = ["field", "agree", "mean difference", "mean distance", "largest distance"]
    more = "A difference is the shadow's value less the champion's."
    return section("By field", table(names, rows, numeric=(1, 2, 3, 4)), intro=more)


def _slices(report: ShadowReport) -> Markup:
    if not report.slices or report.agreement is None:
        return Markup("")
    usual = 1 - report.agreement
    bars = [
        (f"{one.column} = {one.value} ({number(one.rows)})", 1 - one.agreement, usual)
        for one in report.slices
    ]
    intro = "Disagreement of the slices that agree least; the mark is that of all rows."
    return section("By slice", bar_plot(bars), intro=intro)


def _examples(report: ShadowReport) -> Markup:
    if not report.examples:
        return section("Rows that differ", tag("p", "None: every pair agrees."))
    rows = [
        [
            tag("code", one.champion_id),
            _cell(one.champion),
            _cell(one.shadow),
            number(one.distance),
            _cell(one.inputs),
        ]
        for one in report.examples
    ]
    names = ["live prediction", "champion", "shadow", "distance", "inputs"]
    table_ = table(names, rows, numeric=(3,))
    return section("Rows that differ most", table_, intro="nbprod why ID tells all of one.")


def _cell(value: Any) -> Markup:
    text = (
        ", ".join(f"{name} {item}" for name, item in value.items())
        if isinstance(value, dict)
        else number(value)
    )
    return join([text[: _MOST_CELL - 1] + "…" if len(text) > _MOST_CELL else text])
