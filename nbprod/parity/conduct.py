"""Findings about what a transform did besides computing: it printed, it wanted the network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbprod.parity.rules import RULES
from nbprod.records import Finding

if TYPE_CHECKING:
    from nbprod.parity.calls import Subject
    from nbprod.parity.outcome import Outcome


def conducted(subject: Subject, outcomes: list[Outcome]) -> None:
    """Add to the relations what was noticed while they were tried.

    The network is an error of its own only where no call has raised for the lack of it.
    """
    relations = {outcome.name: outcome for outcome in outcomes}
    conduct = subject.conduct
    if conduct.printed:
        relations["mutation"].findings.append(_printed(conduct.printed))
    if conduct.called:
        machine = conduct.called[0]
        told = any(
            machine in str(finding.details.get("error", ""))
            for outcome in outcomes
            for finding in outcome.findings
        )
        if not told:
            relations["environment"].findings.append(_called(machine))


def _printed(line: str) -> Finding:
    return Finding(
        code="NBP005",
        severity="info",
        message=f"the transform prints on every call: {line!r}",
        hint="a service would print this for each request: take it out, or log it",
        details={"printed": line},
    )


def _called(machine: str) -> Finding:
    return Finding(
        code="NBP008",
        severity="error",
        message=f"{RULES['NBP008'][0]}: the transform reaches for the network ({machine})",
        hint="fetch it once in a cell tagged nbprod:fit and read it from the state",
        details={"network": machine},
    )
