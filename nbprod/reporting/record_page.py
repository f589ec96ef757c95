"""One record as a page: its own report where it has one, else its facts and findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbprod.records import GateResult, Health, ParityReport, Record, ShadowReport
from nbprod.reporting.gate_page import gate_page, parity_section
from nbprod.reporting.html import health_page
from nbprod.reporting.page import (
    badge,
    facts,
    findings_list,
    moment,
    number,
    page,
    section,
    tag,
    tiles,
)
from nbprod.reporting.shadow_page import shadow_page

if TYPE_CHECKING:
    from collections.abc import Callable

_MOST_TEXT = 160
_MOST_DIFF = 200_000
_SHELL = frozenset({"id", "created_at", "inputs", "findings", "passed", "diff"})


def page_of(record: Any) -> str:
    """The page of a record; gate and training pages that were kept with their pictures say more."""
    made: dict[type, Callable[[Any], str]] = {
        GateResult: gate_page,
        Health: health_page,
        ParityReport: parity_page,
        ShadowReport: shadow_page,
    }
    return made.get(type(record), _plain_page)(record)


def parity_page(report: ParityReport) -> str:
    """A parity report: what was tried, how far the paths are apart, and what was found."""
    checked = [relation for relation in report.relations if relation.checked]
    held = sum(relation.passed for relation in checked)
    return page(
        "Parity of training and serving",
        tiles(
            [
                ("rows", number(report.rows), report.scope),
                ("relations that hold", f"{held} of {len(checked)}", ""),
                ("columns compared", number(len(report.distances)), ""),
                ("findings", number(len(report.findings)), ""),
            ]
        ),
        parity_section(report),
        kicker="nbprod parity",
        subtitle=f"{moment(report.created_at)} UTC",
        aside=badge("passed" if report.passed else "failed"),
    )


def _plain_page(record: Any) -> str:
    """Whatever else a verb returned: its short fields, its difference, its findings."""
    plain = record.to_json()
    shown = [(name.replace("_", " "), _short(value)) for name, value in plain.items()]
    shown = [pair for pair in shown if pair[0].replace(" ", "_") not in _SHELL]
    passed = plain.get("passed")
    diff = str(plain.get("diff") or "")
    findings = record.findings if isinstance(record, Record) else ()
    return page(
        type(record).__name__,
        section("Facts", facts(shown)),
        section("Difference", tag("pre", diff[:_MOST_DIFF])) if diff else "",
        section("Findings", findings_list(findings)) if findings else "",
        kicker="nbprod",
        subtitle=f"{moment(str(plain.get('created_at', '')))} UTC" if "created_at" in plain else "",
        aside="" if passed is None else badge("passed" if passed else "failed"),
    )


def _short(value: Any) -> str:
    if isinstance(value, dict):
        text = ", ".join(f"{name}: {_short(item)}" for name, item in value.items())
    elif isinstance(value, list | tuple):
        text = ", ".join(map(_short, value))
    elif isinstance(value, float):
        text = number(value)
    else:
        text = "" if value is None else str(value)
    return text if len(text) <= _MOST_TEXT else f"{text[: _MOST_TEXT - 1]}…"
