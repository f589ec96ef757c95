"""The records a release rests on: what each must say, and the files they are frozen in."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbprod.errors import ReleaseError, StoreError, TamperedReleaseError
from nbprod.predictor.bundle import EVIDENCE
from nbprod.records import (
    Approval,
    DataContract,
    Extraction,
    GateResult,
    ParityReport,
    Record,
    TrainingRun,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_KINDS: dict[str, type[Record]] = {
    "run": TrainingRun,
    "gate": GateResult,
    "parity": ParityReport,
    "contract": DataContract,
    "extraction": Extraction,
}
_APPROVAL = "approval-"


@dataclass(frozen=True)
class Evidence:
    """Everything a release needs to be believed."""

    run: TrainingRun
    gate: GateResult
    parity: ParityReport
    contract: DataContract
    extraction: Extraction
    approvals: tuple[Approval, ...] = ()

    def named(self) -> dict[str, Record]:
        """File name (without suffix) -> record."""
        records: dict[str, Record] = {kind: getattr(self, kind) for kind in _KINDS}
        return records | {f"{_APPROVAL}{item.id}": item for item in self.approvals}

    def inputs(self) -> dict[str, str]:
        """Record id -> digest, of every record."""
        return {record.id: record.digest for record in self.named().values()}


def write_evidence(evidence: Evidence, folder: Path) -> None:
    """Writes each record as ``evidence/<kind>.json``."""
    target = folder / EVIDENCE
    target.mkdir()
    for name, record in evidence.named().items():
        text = json.dumps(record.to_json(), indent=1, sort_keys=True)
        (target / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def load_evidence(folder: Path) -> Evidence:
    """The evidence frozen in a release; TamperedReleaseError where a record cannot be read."""
    source = folder / EVIDENCE
    parts: dict[str, Any] = {
        kind: _read(source / f"{kind}.json", cls) for kind, cls in _KINDS.items()
    }
    files = sorted(source.glob(f"{_APPROVAL}*.json"))
    return Evidence(**parts, approvals=tuple(_read(file, Approval) for file in files))


def read_evidence(folder: Path) -> tuple[Record, ...]:
    """The records frozen in a release: run, gate, parity, contract, extraction, approvals.

    Hashes are compared by ``verify_release``, not here.
    """
    return tuple(load_evidence(folder).named().values())


def _read(file: Path, cls: type[Record]) -> Any:
    try:
        return cls.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, StoreError) as error:
        raise TamperedReleaseError(
            f"the evidence {file.name} cannot be read: {error}",
            hint="restore the release from a copy you trust, or release again",
        ) from error


def check_evidence(evidence: Evidence, digest: str, *, risk: str, approvers: Sequence[str]) -> None:
    """Refuses with a ReleaseError when the evidence is not a pass for exactly this digest.

    digest: of the bundle's files as they are now.
    risk, approvers: as in nbprod.toml; at high risk a named approver must have said yes.
    """
    for message, hint in _refusals(evidence, digest):
        raise ReleaseError(message, hint=hint)
    check_approvals(
        evidence.approvals,
        digest,
        risk=risk,
        approvers=approvers,
        trained_by=evidence.run.trained_by,
    )


def _refusals(evidence: Evidence, digest: str) -> Iterator[tuple[str, str]]:
    """Each reason against the release, and the command that comes next."""
    run, gate, parity = evidence.run, evidence.gate, evidence.parity
    candidate = run.candidate
    short = digest[:12]
    if candidate.digest != digest:
        yield (
            f"the bundle's digest is {short}, run {run.id} made {candidate.digest[:12]}",
            "a file was changed after training: run `nbprod train`",
        )
    if evidence.contract.digest != candidate.contract_digest:
        yield (
            "the data contract is not the one the candidate was trained under",
            "run `nbprod train` with the present contract",
        )
    if evidence.extraction.version != candidate.module_version:
        yield (
            (
                f"the extraction made module {evidence.extraction.version[:12]}, "
                f"the candidate holds {candidate.module_version[:12]}"
            ),
            "run `nbprod extract`, then `nbprod train`",
        )
    yield from _parity_refusals(parity, digest)
    if gate.candidate_digest != digest:
        yield (
            f"the gate judged candidate {gate.candidate_digest[:12]}, not {short}",
            "run `nbprod gate` for this candidate",
        )
    if not gate.passed or gate.verdict != "passed":
        yield (
            f"the gate's verdict is {gate.verdict}",
            "look at its report; correct the notebook, then `nbprod train` and `nbprod gate`",
        )
    if not gate.checks or any(check.verdict == "failed" for check in gate.checks):
        yield "the gate checked nothing, or holds a failed check", "run `nbprod gate` again"
    if gate.parity is not None and gate.parity.digest != parity.digest:
        yield "the gate judged another parity report", "run `nbprod gate` again"
    for record_id, expected in gate.inputs.items():
        if evidence.inputs().get(record_id, expected) != expected:
            yield f"record {record_id} is not the one the gate judged", "run `nbprod gate` again"


def _parity_refusals(parity: ParityReport, digest: str) -> Iterator[tuple[str, str]]:
    if parity.scope != "candidate":
        yield (
            f"the parity report is of scope {parity.scope!r}; a release needs 'candidate'",
            "run `nbprod gate`: it checks parity of the candidate itself",
        )
    if parity.subject != digest:
        yield (
            f"the parity report is about {parity.subject[:12]}, not {digest[:12]}",
            "run `nbprod gate` for this candidate",
        )
    if not parity.passed:
        first = next((item for item in parity.findings if item.severity == "error"), None)
        yield (
            "parity did not pass" + (f": {first.code} {first.message}" if first else ""),
            first.hint if first and first.hint else "correct the features cells and train again",
        )


def check_approvals(
    approvals: Sequence[Approval],
    digest: str,
    *,
    risk: str,
    approvers: Sequence[str],
    trained_by: str = "",
) -> None:
    """Refuses when a person's no is the last word, or when a yes is needed and missing.

    At high risk one of ``approvers`` other than who trained it must have approved this digest; a
    rejection, whoever's, blocks at any risk until a valid approval follows it.
    """
    about = sorted((a for a in approvals if a.candidate_digest == digest), key=_when)
    valid = [a for a in about if a.approved and (not approvers or a.by in approvers)]
    rejected = [a for a in about if not a.approved]
    if rejected and (not valid or _when(rejected[-1]) >= _when(valid[-1])):
        last = rejected[-1]
        raise ReleaseError(
            f"{last.by} rejected this candidate: {last.reason}",
            hint="train a better one, or ask for `nbprod approve` with a reason",
        )
    if risk != "high" or (approvers and any(a.by != trained_by for a in valid)):
        return
    if not approvers:
        raise ReleaseError(
            "the model's risk is high, and nobody may approve it",
            hint='name who may, in nbprod.toml:\n\n  [gate]\n  approvers = ["…"]',
        )
    if valid:  # and each of them by the person who trained it
        second = [name for name in approvers if name != trained_by]
        raise ReleaseError(
            f"{trained_by} trained this candidate and is the only one who approved it",
            hint=f"one of {', '.join(second)} runs `nbprod approve --reason TEXT`"
            if second
            else "name a second person in [gate] approvers",
        )
    others = sorted({a.by for a in about if a.approved})
    raise ReleaseError(
        "the model's risk is high: a release needs a person's approval of this very candidate"
        + (f"; {', '.join(others)} may not give it" if others else ""),
        hint=f"one of {', '.join(approvers)} runs `nbprod approve --reason TEXT`",
    )


def _when(approval: Approval) -> tuple[str, str]:
    return approval.created_at, approval.id
