"""The chain of verdicts: each names the one before it, so that none can be edited or taken away.

A candidate that failed three times and passed once has four verdicts; deleting the three is found.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from nbprod.errors import StoreError
from nbprod.lifecycle import promotion
from nbprod.lifecycle.lineage import FOLDERS, file_digest
from nbprod.records import Finding, GateResult, Release, Verification

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbprod.lifecycle.project import Project

_FOLDER = FOLDERS[GateResult]


def verify(project: Project, which: Release | int | str | None) -> Verification:
    """See `Project.verify`: the release's own hashes, and the chain its verdict stands in."""
    found = promotion.verify(project, which)
    findings = (*found.findings, *chain_findings(project))
    return dataclasses.replace(found, findings=findings, passed=found.passed and not findings)


def newest_verdict(project: Project) -> str:
    """ "id digest" of the last link of the chain, "" before the first verdict.

    A verdict that cannot be read is left out: `chain_findings` tells of it.
    """
    verdicts = dict(_readable(project))
    named = {verdict.previous.partition(" ")[0] for verdict in verdicts.values()}
    ends = sorted(set(verdicts) - named)
    return f"{ends[-1]} {verdicts[ends[-1]].digest}" if ends else ""


def chain_findings(project: Project) -> list[Finding]:
    """What is wrong with the verdicts of this store: edited, taken away, or their evidence is."""
    verdicts, findings = {}, []
    for gate_id in project.store.ids(_FOLDER):
        try:
            verdicts[gate_id] = project.store.load(GateResult, _FOLDER, gate_id)
        except StoreError as error:
            findings.append(_finding(error.message))
    broken = {gate_id for gate_id in project.store.ids(_FOLDER) if gate_id not in verdicts}
    for verdict in verdicts.values():
        gate_id, _, digest = verdict.previous.partition(" ")
        if not gate_id or gate_id in broken:
            continue
        if gate_id not in verdicts:
            findings.append(_finding(f"verdict {gate_id}, before {verdict.id}, was taken away"))
        elif verdicts[gate_id].digest != digest:
            findings.append(_finding(f"verdict {gate_id} is not the one that {verdict.id} follows"))
    firsts = [verdict.id for verdict in verdicts.values() if not verdict.previous]
    if len(firsts) > 1:
        names = ", ".join(firsts[1:])
        findings.append(_finding(f"{names} begins a chain anew: what came before is missing"))
    return findings + [_finding(text) for v in verdicts.values() for text in _changed(project, v)]


def _readable(project: Project) -> Iterator[tuple[str, GateResult]]:
    for gate_id in project.store.ids(_FOLDER):
        try:
            yield gate_id, project.store.load(GateResult, _FOLDER, gate_id)
        except StoreError:
            continue


def _changed(project: Project, verdict: GateResult) -> Iterator[str]:
    """Files of a verdict's evidence that are not what the gate wrote."""
    folder = project.store.folder_of(_FOLDER, verdict.id)
    for name, digest in verdict.files.items():
        if file_digest(folder / name) != digest:
            state = "was changed" if (folder / name).exists() else "is missing"
            yield f"evidence of verdict {verdict.id} {state}: {name}"


def _finding(message: str) -> Finding:
    return Finding(
        code="NBG017",
        severity="error",
        message=message,
        hint="restore the store from a copy you trust: every verdict must be there to be seen",
    )
