"""A release is refused without exact evidence, never changes, and shows every alteration."""

from __future__ import annotations

import base64
import dataclasses
import json
import shutil
import subprocess

import pytest

from nbprod.config import Settings
from nbprod.errors import ReleaseError, TamperedReleaseError
from nbprod.predictor import Predictor, replay_golden, save_golden
from nbprod.predictor.bundle import digest_of, file_hashes, hash_file
from nbprod.predictor.golden import golden_requests
from nbprod.records import (
    Approval,
    Candidate,
    Extraction,
    Finding,
    GateCheck,
    GateResult,
    ParityReport,
    TrainingRun,
)
from nbprod.releases import build_release, read_evidence, read_release, verify_release

BOSS = "boss@example.com"


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A place to build the bundle in once: the tests copy it."""
    return tmp_path_factory.mktemp("made")


@pytest.fixture
def evidence(tmp_path, trips, made):
    """What `build_release` takes: a bundle with golden requests, and records that pass."""
    if not (made / "run").exists():
        bundle = trips.bundle(made / "run" / "bundle", trips.write(made / "trips"))
        (made / "run" / "data").mkdir()
        golden = golden_requests(Predictor.load(bundle.folder), trips.frame())
        save_golden(golden, made / "run" / "data" / "golden.json")
    shutil.copytree(made / "run", tmp_path / "run")
    bundle = tmp_path / "run" / "bundle"
    digest = Predictor.load(bundle).digest
    run = TrainingRun(
        mlflow_run_id="m",
        candidate=Candidate(
            name="trips",
            number=4,
            digest=digest,
            module_version="ab" * 32,
            contract_digest=trips.contract.digest,
        ),
        snapshot=trips.snapshot,
        artifacts={"data/golden.json": hash_file(tmp_path / "run" / "data" / "golden.json")},
    )
    parity = ParityReport(passed=True, scope="candidate", subject=digest, rows=9)
    check = GateCheck(name="auc", value=0.9, threshold=">= 0.7", verdict="passed")
    gate = GateResult(
        passed=True,
        candidate_digest=digest,
        verdict="passed",
        gate_digest="g",
        data_digest="d",
        checks=(check,),
        parity=parity,
        inputs={run.id: run.digest, parity.id: parity.digest},
    )
    return {
        "bundle": bundle,
        "out": tmp_path / "releases" / "4",
        "settings": _settings(tmp_path),
        "run": run,
        "gate": gate,
        "parity": parity,
        "contract": trips.contract,
        "extraction": Extraction(notebook="n", package="trips", version="ab" * 32),
        "approvals": (),
    }


def _settings(folder, risk="low", approvers=()):
    plain = Settings(project_path=str(folder)).to_json()
    plain["model"] |= {"name": "trips", "owner": "me@example.com", "risk": risk}
    plain["gate"]["approvers"] = list(approvers)
    return Settings.from_json(plain)


def _build(evidence, **changes):
    values = {**evidence, **changes}
    return build_release(values.pop("bundle"), values.pop("out"), **values)


def _say(evidence, approved, by=BOSS, at="2026-01-01T00:00:00.000+00:00", **more):
    digest = evidence["run"].candidate.digest
    values = {"candidate_digest": digest, "approved": approved, "by": by, "reason": "because"}
    return Approval(**{**values, "created_at": at, **more})


def test_a_release_holds_everything(evidence):
    """Bundle, evidence, golden requests and record are in one folder that verifies and serves."""
    release = _build(evidence)
    out = evidence["out"]
    assert (release.version, release.golden_requests) == (4, 20)
    assert read_release(out) == release
    verification = verify_release(out, digest=release.digest)
    assert verification.passed, verification.findings
    assert len(release.files) == verification.files
    assert {"evidence/gate.json", "golden.json", "bundle.json"} <= set(release.files)
    predictor = Predictor.load(out, digest=release.candidate.digest)
    assert replay_golden(predictor, out / "golden.json") == []
    kinds = {type(record).__name__ for record in read_evidence(out)}
    assert {"TrainingRun", "GateResult", "ParityReport", "DataContract", "Extraction"} == kinds
    assert all(not path.stat().st_mode & 0o222 for path in out.rglob("*") if path.is_file())
    assert [path.name for path in out.parent.iterdir()] == ["4"]


def test_a_second_time_is_the_same_release(evidence):
    """The same evidence gives the release that exists; other evidence is refused."""
    release = _build(evidence)
    assert release == _build(evidence)
    other = dataclasses.replace(evidence["gate"], id="0" * 24)
    with pytest.raises(ReleaseError, match="never changes"):
        _build(evidence, gate=other)
    (evidence["out"] / "lock.txt").chmod(0o644)
    (evidence["out"] / "lock.txt").write_text("other")
    with pytest.raises(TamperedReleaseError, match="was changed"):
        _build(evidence)


def _changed(record, **changes):
    return lambda evidence: {record: dataclasses.replace(evidence[record], **changes)}


def _other_candidate(**changes):
    def change(evidence):
        run = evidence["run"]
        candidate = dataclasses.replace(run.candidate, **changes)
        return {"run": dataclasses.replace(run, candidate=candidate)}

    return change


NBP = Finding(code="NBP001", severity="error", message="values differ", hint="look")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_other_candidate(digest="0" * 64), "run .* made 000000"),
        (_other_candidate(contract_digest="0" * 64), "data contract"),
        (_other_candidate(module_version="0" * 64), "the extraction made"),
        (_changed("contract", key=("km",)), "data contract"),
        (_changed("extraction", version="0" * 64), "the extraction made"),
        (_changed("parity", scope="module"), "scope 'module'"),
        (_changed("parity", subject="0" * 64), "parity report is about 0000"),
        (_changed("parity", passed=False, findings=(NBP,)), "NBP001 values differ"),
        (_changed("parity", rows=10), "another parity report"),
        (_changed("gate", candidate_digest="0" * 64), "gate judged candidate 0000"),
        (_changed("gate", passed=False), "verdict"),
        (_changed("gate", verdict="inconclusive"), "verdict is inconclusive"),
        (_changed("gate", checks=()), "checked nothing"),
        (_changed("run", seed=99), "not the one the gate judged"),
    ],
)
def test_evidence_that_is_not_a_pass_for_this_digest_is_refused(evidence, change, message):
    """Each altered record is refused with the next command, and nothing is left behind."""
    with pytest.raises(ReleaseError, match=message) as caught:
        _build(evidence, **change(evidence))
    assert caught.value.hint
    assert not evidence["out"].exists()
    assert list(evidence["out"].parent.glob("*")) == []


@pytest.mark.parametrize(
    "path",
    ["bundle/lock.txt", "bundle/model/model.skops", "bundle/bundle.json", "data/golden.json"],
)
def test_an_altered_candidate_is_refused(evidence, path):
    """A changed file of the bundle, or a changed golden request, cannot be released."""
    file = evidence["bundle"].parent / path
    file.write_bytes(file.read_bytes() + b" ")
    with pytest.raises(ReleaseError):
        _build(evidence)


def test_high_risk_needs_an_approver_of_this_digest(evidence, tmp_path):
    """Nobody, somebody else, another digest: refused; the named approver's yes: released."""
    settings = _settings(tmp_path, "high", [BOSS])
    yes = _say(evidence, True)
    wrong = [(), (_say(evidence, True, by="me"),), (_say(evidence, True, candidate_digest="0"),)]
    for approvals in wrong:
        with pytest.raises(ReleaseError, match="needs a person's approval") as caught:
            _build(evidence, settings=settings, approvals=approvals)
        assert "nbprod approve" in caught.value.hint
    with pytest.raises(ReleaseError, match="nobody may approve"):
        _build(evidence, settings=_settings(tmp_path, "high"), approvals=(yes,))
    release = _build(evidence, settings=settings, approvals=(yes,))
    assert (yes.id,) == release.approval_ids
    assert verify_release(evidence["out"]).passed


@pytest.mark.parametrize("risk", ["high", "low"])
def test_a_newer_rejection_blocks(evidence, tmp_path, risk):
    """A no after the yes blocks at any risk; a yes after the no releases."""
    settings = _settings(tmp_path, risk, [BOSS])
    yes = _say(evidence, True)
    no = _say(evidence, False, at="2026-01-02T00:00:00.000+00:00")
    with pytest.raises(ReleaseError, match="rejected this candidate: because"):
        _build(evidence, settings=settings, approvals=(no, yes))
    again = _say(evidence, True, at="2026-01-03T00:00:00.000+00:00")
    assert len(_build(evidence, settings=settings, approvals=(no, again, yes)).approval_ids) == 3


def test_every_altered_file_is_found(evidence):
    """Whatever file of a release is changed, removed or added, verification fails and names it."""
    release = _build(evidence)
    out = evidence["out"]
    for name in [*release.files, "release.json"]:
        file = out / name
        content = file.read_bytes()
        file.chmod(0o644)
        file.write_bytes(content.replace(b"1", b"2", 1) if b"1" in content else content + b" ")
        try:
            found = verify_release(out, digest=release.digest)
            assert not found.passed, name
        except TamperedReleaseError:
            assert name == "release.json"
        file.unlink()
        if name != "release.json":
            assert any(name in finding.message for finding in verify_release(out).findings)
        file.write_bytes(content)
    assert verify_release(out, digest=release.digest).passed
    (out / "module" / "trips" / "__pycache__").mkdir()
    (out / "module" / "trips" / "__pycache__" / "features.cpython-311.pyc").write_bytes(b"")
    assert not verify_release(out).passed
    with pytest.raises(TamperedReleaseError, match="was added"):
        Predictor.load(out)


def test_rewritten_hashes_are_found_by_the_evidence(evidence):
    """Who alters a record and its hash in release.json still contradicts the other records."""
    _build(evidence)
    out = evidence["out"]
    for path in out.rglob("*.json"):
        path.chmod(0o644)
    gate = json.loads((out / "evidence" / "gate.json").read_text())
    gate["checks"][0]["value"] = 0.99
    (out / "evidence" / "gate.json").write_text(json.dumps(gate))
    release = json.loads((out / "release.json").read_text())
    release["files"]["evidence/gate.json"] = hash_file(out / "evidence" / "gate.json")
    (out / "release.json").write_text(json.dumps(release))
    found = verify_release(out)
    assert [finding.code for finding in found.findings] == ["NBS015"]
    assert "other records" in found.findings[0].message


def test_the_trainer_is_not_the_only_approver(evidence, tmp_path):
    """Who trained it may approve, but somebody else must, too; with nobody else named it is said."""
    run = dataclasses.replace(evidence["run"], trained_by=BOSS)
    inputs = {run.id: run.digest, evidence["parity"].id: evidence["parity"].digest}
    gate = dataclasses.replace(evidence["gate"], inputs=inputs)
    changed = {"run": run, "gate": gate}
    own, other = _say(evidence, True), _say(evidence, True, by="second@example.com")
    alone, both = (_settings(tmp_path, "high", names) for names in ([BOSS], [BOSS, other.by]))
    with pytest.raises(ReleaseError, match="the only one who approved") as caught:
        _build(evidence, settings=alone, approvals=(own,), **changed)
    assert "second person" in caught.value.hint
    with pytest.raises(ReleaseError, match="the only one who approved") as caught:
        _build(evidence, settings=both, approvals=(own,), **changed)
    assert other.by in caught.value.hint
    assert len(_build(evidence, settings=both, approvals=(own, other), **changed).approval_ids) == 2


def _signing(settings, **store):
    plain = settings.to_json()
    plain["store"] |= store
    return Settings.from_json(plain)


def test_a_release_is_signed_where_a_key_is_configured(evidence, tmp_path):
    """The signature holds, is no part of the hashed files, and is looked at wherever it is loaded."""
    command = ["openssl", "genpkey", "-algorithm", "ed25519", "-out", tmp_path / "key.pem"]
    subprocess.run(command, check=True)
    release = _build(evidence, settings=_signing(evidence["settings"], signing_key="key.pem"))
    out = evidence["out"]
    assert "signature.json" not in release.files
    found = verify_release(out, digest=release.digest)
    assert found.passed, found.findings
    assert len(base64.b64decode(found.signed_with)) == 32
    Predictor.load(out, trusted_keys=[found.signed_with])
    # all hashes rewritten together: consistent, but nobody trusted has signed it
    record = json.loads((out / "release.json").read_text())
    for path in (out, *out.rglob("*")):
        path.chmod(0o755)
    (out / "lock.txt").write_text("numpy==0\n")
    bundle = json.loads((out / "bundle.json").read_text())
    bundle["files"]["lock.txt"] = hash_file(out / "lock.txt")
    (out / "bundle.json").write_text(json.dumps(bundle))
    for name in ("lock.txt", "bundle.json"):
        record["files"][name] = hash_file(out / name)
    record["candidate"]["digest"] = digest_of(file_hashes(out))
    (out / "release.json").write_text(json.dumps(record))
    with pytest.raises(TamperedReleaseError, match="does not belong to its record"):
        Predictor.load(out)
    (out / "signature.json").unlink()
    Predictor.load(out)  # without a key to trust nothing can be said
    with pytest.raises(TamperedReleaseError, match="not signed"):
        Predictor.load(out, trusted_keys=[found.signed_with])
    assert not verify_release(out, trusted_keys=[found.signed_with]).passed


def test_releases_are_chained(evidence, tmp_path):
    """Each names the digest of the one made before it: rewriting an older one shows."""
    first = _build(evidence)
    run = dataclasses.replace(
        evidence["run"], candidate=dataclasses.replace(evidence["run"].candidate, number=9)
    )
    inputs = {run.id: run.digest, evidence["parity"].id: evidence["parity"].digest}
    gate = dataclasses.replace(evidence["gate"], inputs=inputs)
    out = tmp_path / "releases" / "9"
    second = _build(evidence, run=run, gate=gate, out=out, previous=first)
    assert second.previous == {"4": first.digest}
    assert verify_release(out, others=[first]).passed
    assert verify_release(evidence["out"], others=[second]).passed
    forged = dataclasses.replace(first, golden_requests=1)
    (finding,) = verify_release(out, others=[forged]).findings
    assert "release 4 is not the one that release 9 followed" in finding.message
    later = dataclasses.replace(second, previous={"4": forged.digest})
    assert not verify_release(evidence["out"], others=[later]).passed


def test_no_release_is_an_error_with_a_hint(tmp_path):
    """An empty folder is not a release."""
    with pytest.raises(ReleaseError, match="no release"):
        read_release(tmp_path)
