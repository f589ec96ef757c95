"""``build_release``, ``read_release``, ``verify_release``: an immutable folder and its record."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from nbprod.errors import NbprodError, ReleaseError, StoreError, TamperedReleaseError
from nbprod.predictor.bundle import (
    EVIDENCE,
    GOLDEN_FILE,
    all_file_hashes,
    bundle_part,
    compare_files,
    digest_of,
    file_hashes,
    hash_file,
    read_bundle,
    verify_bundle,
    written_aside,
)
from nbprod.predictor.golden import load_golden
from nbprod.predictor.model import PICKLED
from nbprod.predictor.signature import (
    RELEASE_FILE,
    SIGNATURE_FILE,
    sign_release,
    signature_problem,
)
from nbprod.records import (
    Approval,
    DataContract,
    Extraction,
    Finding,
    GateResult,
    ParityReport,
    Release,
    TrainingRun,
    Verification,
)
from nbprod.releases.evidence import Evidence, check_evidence, load_evidence, write_evidence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nbprod.config import Settings

LIMITATIONS_FILE = "limitations.md"  # in evidence/
_READ_ONLY = 0o444


def build_release(
    bundle: Path,
    out: Path,
    *,
    settings: Settings,
    run: TrainingRun,
    gate: GateResult,
    parity: ParityReport,
    contract: DataContract,
    extraction: Extraction,
    approvals: Sequence[Approval] = (),
    previous: Release | None = None,
    limitations: str = "",
) -> Release:
    """Freezes a candidate with its evidence in a new folder; runs none of the user's code.

    bundle: the run's bundle; the run's golden requests lie beside it, ``data/golden.json``.
    previous: the release made before this one; the record names its digest.
    limitations: the page that says where the model must not be trusted, Markdown.
    out: the release's folder. Where it exists with the same evidence, its release comes back;
        with other evidence it is refused: a release never changes.
    Raises ReleaseError with the next command, TamperedReleaseError for a changed file.
    """
    about = tuple(item for item in approvals if item.candidate_digest == run.candidate.digest)
    evidence = Evidence(run, gate, parity, contract, extraction, about)
    if out.exists():
        return _existing(out, evidence)
    findings = verify_bundle(bundle)
    if findings:
        raise TamperedReleaseError(
            f"the candidate's bundle was changed: {findings[0].message}",
            hint="run `nbprod train`",
        )
    digest = digest_of(file_hashes(bundle))
    check_evidence(evidence, digest, risk=settings.model.risk, approvers=settings.gate.approvers)
    golden = _checked_golden(bundle, run)
    with written_aside(out) as work:
        shutil.copytree(bundle, work, dirs_exist_ok=True)
        shutil.copyfile(golden, work / GOLDEN_FILE)
        write_evidence(evidence, work)
        if limitations:
            (work / EVIDENCE / LIMITATIONS_FILE).write_text(limitations, encoding="utf-8")
        release = _record(evidence, work, previous)
        if digest_of(file_hashes(work)) != digest:
            raise TamperedReleaseError(
                "the bundle changed while it was copied", hint="run `nbprod release` again"
            )
        text = json.dumps(release.to_json(), indent=1, sort_keys=True)
        (work / RELEASE_FILE).write_text(text + "\n", encoding="utf-8")
        _sign(work, release, settings)
        for path in work.rglob("*"):
            if path.is_file():
                path.chmod(_READ_ONLY)
    return release


def read_release(path: Path) -> Release:
    """The record in a release's folder; its hashes are compared by ``verify_release``.

    Raises ReleaseError where there is none, TamperedReleaseError where it cannot be read.
    """
    file = path / RELEASE_FILE
    if not file.is_file():
        raise ReleaseError(f"there is no release in {path}", hint="run `nbprod release`")
    try:
        return Release.from_json(json.loads(file.read_text(encoding="utf-8")))
    except (OSError, ValueError, StoreError) as error:
        raise TamperedReleaseError(
            f"{file} cannot be read: {error}",
            hint="restore the release from a copy you trust, or release again",
        ) from error


def _warnings(work: Path) -> list[Finding]:
    """What whoever deploys the release must know of it."""
    model = read_bundle(work).model
    if model["format"] != PICKLED:
        return []
    return [
        Finding(
            code="NBS034",
            severity="warning",
            message=f"the model, a {model['type']}, is pickled: loading it runs code",
            hint="[model] allow_pickle allowed it; a format that holds only data is safer",
        )
    ]


def verify_release(
    path: Path,
    *,
    digest: str | None = None,
    trusted_keys: Sequence[str] = (),
    others: Sequence[Release] = (),
) -> Verification:
    """Every hash of a release looked at again, and whether its evidence still adds up.

    digest: of the release's record as the store keeps it: whoever rewrites files and hashes
        together is found by it alone.
    trusted_keys: public keys in base64; with any, the release must be signed with one of them.
    others: the other releases of the model; each names the digest of the one made before it.
    """
    release = read_release(path)
    findings = list(_file_findings(path, release))
    try:
        findings += _evidence_findings(path, release)
    except NbprodError as error:
        findings.append(_finding(error.message))
    if digest is not None and digest != release.digest:
        findings.append(_finding(f"{RELEASE_FILE} is not the record that was released"))
    findings += _chain_findings(release, others)
    if problem := signature_problem(path, trusted_keys):
        findings.append(_finding(f"release {release.version} cannot be trusted: {problem}"))
    return Verification(
        release=release.version,
        files=len(release.files),
        signed_with=_signed_with(path),
        findings=tuple(findings),
        passed=not findings,
        inputs={release.id: release.digest},
    )


def _chain_findings(release: Release, others: Sequence[Release]) -> list[Finding]:
    """A release names the digest that the one made before it had."""
    links = [(release, other) for other in others] + [(other, release) for other in others]
    return [
        _finding(f"release {before.version} is not the one that release {after.version} followed")
        for after, before in links
        if after.previous.get(str(before.version), before.digest) != before.digest
    ]


def _signed_with(path: Path) -> str:
    try:
        key: str = json.loads((path / SIGNATURE_FILE).read_text(encoding="utf-8"))["key"]
    except (OSError, ValueError, KeyError, TypeError):
        return ""
    return key


def _existing(out: Path, evidence: Evidence) -> Release:
    release = read_release(out)
    if release.inputs != evidence.inputs():
        raise ReleaseError(
            f"release {release.version} exists with other evidence, and never changes",
            hint="`nbprod train` makes a new candidate, with a version of its own",
        )
    verification = verify_release(out)
    if not verification.passed:
        raise TamperedReleaseError(
            f"release {release.version} was changed: {verification.findings[0].message}",
            hint=verification.findings[0].hint,
        )
    return release


def _checked_golden(bundle: Path, run: TrainingRun) -> Path:
    """The run's golden requests, the very file that training wrote."""
    name = f"data/{GOLDEN_FILE}"
    golden = bundle.parent / name
    if not golden.is_file() or hash_file(golden) != run.artifacts.get(name):
        raise TamperedReleaseError(
            f"{golden} is missing or is not the file that run {run.id} wrote",
            hint="run `nbprod train`",
        )
    return golden


def _sign(work: Path, release: Release, settings: Settings) -> None:
    """Signs the release where [store] signing_key names a key."""
    if settings.store.signing_key:
        signed = sign_release(release, settings.store.signing_key, Path(settings.project_path))
        text = json.dumps(signed, indent=1, sort_keys=True)
        (work / SIGNATURE_FILE).write_text(text + "\n", encoding="utf-8")


def _record(evidence: Evidence, work: Path, previous: Release | None) -> Release:
    run = evidence.run
    return Release(
        name=run.candidate.name,
        version=run.candidate.number,
        candidate=run.candidate,
        files=all_file_hashes(work),
        run_id=run.id,
        gate_id=evidence.gate.id,
        parity_id=evidence.parity.id,
        contract_id=evidence.contract.id,
        extraction_id=evidence.extraction.id,
        approval_ids=tuple(item.id for item in evidence.approvals),
        golden_requests=len(load_golden(work / GOLDEN_FILE)),
        previous={str(previous.version): previous.digest} if previous else {},
        findings=tuple(_warnings(work)),
        inputs=evidence.inputs(),
    )


def _file_findings(path: Path, release: Release) -> Sequence[Finding]:
    found = all_file_hashes(path)
    found.pop(RELEASE_FILE, None)
    found.pop(SIGNATURE_FILE, None)  # looked at for itself
    findings = compare_files(release.files, found)
    if digest_of(bundle_part(found)) != release.candidate.digest:
        findings.append(_finding("the bundle's digest is not the candidate's"))
    return findings


def _evidence_findings(path: Path, release: Release) -> list[Finding]:
    """The frozen records must be those the release names, and a pass for its digest."""
    evidence = load_evidence(path)
    named = (
        release.run_id,
        release.gate_id,
        release.parity_id,
        release.contract_id,
        release.extraction_id,
        *release.approval_ids,
    )
    findings = []
    if evidence.inputs() != release.inputs or set(named) != set(release.inputs):
        findings.append(_finding(f"{EVIDENCE}/ holds other records than {RELEASE_FILE} names"))
    if evidence.run.candidate != release.candidate or release.version != release.candidate.number:
        findings.append(_finding(f"{RELEASE_FILE} names another candidate than its run made"))
    approvers = {item.by for item in evidence.approvals if item.approved}
    # who may approve stood in the settings of that day; that a no is not the last word is here
    check_evidence(evidence, release.candidate.digest, risk="low", approvers=sorted(approvers))
    return findings


def _finding(message: str) -> Finding:
    return Finding(
        code="NBS015",
        severity="error",
        message=message,
        hint="restore the release from a copy you trust, or train and release again",
    )
