"""Everything a gate saw, joined into one verdict; pure, so that each law is a plain test.

Failed when anything failed, was void, was not run or could not be proved to be able to fail;
else inconclusive when any check was; passed only when there is at least one check and all passed.
"""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING

from nbprod.gates.multiplicity import corrected
from nbprod.gates.rules import finding
from nbprod.gates.slices import MISSING, POOLED
from nbprod.gates.thresholds import GateRules, Measurement, judge

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from nbprod.gates.notebook_gate import NotebookRun
    from nbprod.records import Finding, GateCheck, ParityReport, Verdict

Key = tuple[str, str, tuple[tuple[str, str], ...]]
_NAMED_SLICE = re.compile(r"^(.+)\[(.+)\]$")


def judge_runs(
    runs: Sequence[NotebookRun], rules: GateRules
) -> tuple[list[GateCheck], list[Finding]]:
    """Every check the notebooks recorded, judged here again, and what was wrong with a run."""
    checks: list[GateCheck] = []
    findings: list[Finding] = []
    for run in runs:
        if run.error is not None:
            findings.append(
                finding(
                    "NBG002",
                    run.error.message,
                    notebook=run.notebook,
                    cell_id=getattr(run.error, "cell_id", None),
                    line=getattr(run.error, "line", None),
                    hint=run.error.hint,
                )
            )
        findings += [
            finding("NBG016", "a cell showed a secret", notebook=run.notebook, cell_id=cell)
            for cell in run.secrets
        ]
        if run.error is None and not run.measured:
            findings.append(
                finding("NBG003", f"{run.notebook} recorded no check", notebook=run.notebook)
            )
        for measured in corrected(run.measured, rules.confidence):
            check, notes = judge_safely(measured, rules)
            checks.append(check)
            findings.extend(notes)
            if not measured.sabotage:
                findings.append(
                    finding(
                        "NBG007",
                        f"{measured.title} names no sabotage",
                        notebook=run.notebook,
                    )
                )
    return checks, findings


def judge_safely(measured: Measurement, rules: GateRules) -> tuple[GateCheck, tuple[Finding, ...]]:
    """`judge`, with a threshold that cannot be read as a failed check."""
    from nbprod.errors import ConfigError

    try:
        return judge(measured, rules)
    except ConfigError as error:
        check, _ = judge(dataclasses.replace(measured, threshold="", value=float("nan")), rules)
        note = finding("NBG010", f"{measured.title}: {error.message}", notebook=measured.notebook)
        return (
            dataclasses.replace(
                check, value=measured.value, threshold=measured.threshold, verdict="failed"
            ),
            (note,),
        )


def caught_by(runs: Sequence[NotebookRun], rules: GateRules) -> dict[tuple[str, Key], bool | None]:
    """(sabotage, check) -> whether the check noticed; None when the sabotage could not be tried.

    A check that does not pass noticed it, and so did a notebook whose cell raised before it.
    A check that is simply not made under its sabotage did not.
    """
    caught: dict[tuple[str, Key], bool | None] = {}
    for run in runs:
        for measured in corrected(run.measured, rules.confidence):
            check, _ = judge_safely(measured, rules)
            place = (run.sabotage, measured.key)
            noticed = check.verdict != "passed"
            # Made twice: each time it must be noticed.
            caught[place] = noticed and caught.get(place, True) is True
    return caught


def with_controls(
    checks: Sequence[GateCheck],
    runs: Sequence[NotebookRun],
    caught: Mapping[tuple[str, Key], bool | None],
) -> tuple[list[GateCheck], list[Finding]]:
    """The checks, each with whether its sabotage failed it; a void one is a finding."""
    stopped = {(run.notebook, run.sabotage): run for run in runs if run.error is not None}
    known, findings = [], []
    for check in checks:
        key: Key = (check.notebook, check.name, tuple(sorted(check.slice.items())))
        noticed = check.sabotage_caught
        if noticed is None and check.sabotage:
            noticed = caught.get((check.sabotage, key))
            run = stopped.get((check.notebook, check.sabotage))
            if noticed is None and run is not None:
                noticed = True if run.raised else None
            elif noticed is None and (check.notebook, check.sabotage) in _tried(runs):
                noticed = False
            findings.extend(_control_findings(check, noticed, run))
        known.append(dataclasses.replace(check, sabotage_caught=noticed))
    return known, findings


def _tried(runs: Sequence[NotebookRun]) -> set[tuple[str, str]]:
    return {(run.notebook, run.sabotage) for run in runs}


def _control_findings(
    check: GateCheck, noticed: bool | None, run: NotebookRun | None
) -> list[Finding]:
    title = _title(check)
    if noticed:
        return []
    if noticed is False:
        message = f"{title} passes its own sabotage, {check.sabotage}: it is void"
        return [finding("NBG006", message, notebook=check.notebook or None)]
    why = f": {run.error.message}" if run and run.error else ""
    return [
        finding(
            "NBG007",
            f"{title} was not tried under its sabotage, {check.sabotage}{why}",
            notebook=check.notebook or None,
            hint=run.error.hint if run and run.error else "run the gate again",
        )
    ]


def missing_metrics(
    checks: Sequence[GateCheck], rules: GateRules, values: Mapping[str, frozenset[str]]
) -> list[Finding]:
    """A finding for each threshold of nbprod.toml that no notebook measured completely.

    values: column -> the values it has in the snapshot, for ``auc[column]``: each of them must
    have been measured, alone or pooled.
    """
    findings = []
    for name in rules.thresholds:
        match = _NAMED_SLICE.match(name)
        if not match:
            if not any(check.name == name and not check.slice for check in checks):
                findings.append(finding("NBG008", f"no notebook measured {name!r}"))
            continue
        metric, inner = match[1], match[2]
        sliced = [check for check in checks if check.name == metric and _covers(check, inner)]
        if not sliced:
            findings.append(finding("NBG008", f"no notebook measured {name!r}"))
        elif left := _unmeasured(sliced, inner, values):
            shown = ", ".join(sorted(left)[:5])
            findings.append(
                finding(
                    "NBG008",
                    f"{name!r} was not measured for {len(left)} of the snapshot's values: {shown}",
                    hint="use nbprod.gates.slices(frame, by): it yields every value, or pools it",
                )
            )
    return findings


def _covers(check: GateCheck, inner: str) -> bool:
    exact = ",".join(f"{column}={value}" for column, value in check.slice.items())
    return inner in (",".join(check.slice), exact)


def _unmeasured(
    checks: Sequence[GateCheck], column: str, values: Mapping[str, frozenset[str]]
) -> set[str]:
    seen = {check.slice.get(column, "") for check in checks}
    known = values.get(column, frozenset())
    # Slices of the notebook's own making (bins of a number) cannot be counted here.
    if not seen <= known | {POOLED, MISSING} or POOLED in seen:
        return set()
    return set(known) - seen


def judge_parity(parity: ParityReport | None, candidate_digest: str) -> list[Finding]:
    """Why the parity report is no proof for this candidate; empty when it is one."""
    if parity is None:
        return [finding("NBG011", "there is no parity report for this candidate")]
    findings = []
    if parity.scope != "candidate" or parity.subject != candidate_digest:
        findings.append(
            finding(
                "NBG011",
                f"the parity report is about {parity.scope} {parity.subject[:12]}, "
                f"not about candidate {candidate_digest[:12]}",
            )
        )
    if not parity.passed:
        first = next((f for f in parity.findings if f.severity == "error"), None)
        findings.append(
            finding(
                "NBG011",
                "parity did not pass" + (f": {first.code} {first.message}" if first else ""),
                hint=first.hint if first else "look at the parity report",
            )
        )
    elif not parity.rows or not any(item.checked for item in parity.relations):
        findings.append(finding("NBG011", "the parity report checked nothing"))
    return findings


def decide(checks: Sequence[GateCheck], findings: Sequence[Finding]) -> Verdict:
    """The verdict over all checks and findings."""
    if not checks or any(item.severity == "error" for item in findings):
        return "failed"
    verdicts = {check.verdict for check in checks}
    if "failed" in verdicts or any(check.sabotage_caught is not True for check in checks):
        return "failed"
    return "inconclusive" if "inconclusive" in verdicts else "passed"


def _title(check: GateCheck) -> str:
    inner = ", ".join(f"{column}={value}" for column, value in check.slice.items())
    return f"{check.name}[{inner}]" if inner else check.name
