"""Every record of the road is altered in turn; the stage that builds on it refuses."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest
from command import nbprod

from nbprod.data.prediction_log.writer import LogWriter
from nbprod.records import (
    Deployment,
    Prediction,
    TrafficState,
    canonical_json,
    new_id,
    sha256,
    utc_now,
)
from nbprod.store import RecordStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

APPROVE = ("approve", "--reason", "again", "--by", "reviewer@example.com")


def _only(folder: Path, pattern: str) -> Path:
    found = sorted((folder / ".nbprod").glob(pattern))
    assert found, pattern
    return found[-1]


def _alter(path: Path, change: Callable[[dict], None], *, reseal: bool = False) -> None:
    """Change one field of a stored record; ``reseal`` also forges its digest."""
    content = json.loads(path.read_text())
    change(content["record"])
    if reseal:
        content["digest"] = sha256(canonical_json(content["record"]))
    path.write_text(json.dumps(content))


def _set(**fields: object) -> Callable[[dict], None]:
    return lambda record: record.update(fields)


def _flip_byte(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


RECORDS = {
    "extraction": ("extractions/*.json", _set(version="0" * 64), ("train",)),
    "contract": ("contracts/*.json", _set(strict=False), ("train",)),
    "run": ("runs/*/record.json", _set(metrics={"auc": 1.0}), ("gate",)),
    "parity": ("parity/*.json", _set(rows=1), ("release",)),
    "gate": ("gates/*/record.json", _set(verdict="passed", passed=True, checks=[]), ("release",)),
    "approval": ("approvals/*.json", _set(by="somebody@else"), ("release",)),
}


@pytest.mark.parametrize("name", RECORDS)
def test_an_altered_record_is_refused_by_the_next_stage(copy: Path, name: str) -> None:
    """Exit 1, one message that names the record, and a next step."""
    pattern, change, verb = RECORDS[name]
    _alter(_only(copy, pattern), change)
    before = sorted(path for path in (copy / ".nbprod").rglob("*") if "releases" in path.parts)
    result = nbprod(*verb, cwd=copy)
    assert result.code == 1, result.err
    assert "hint:" in result.err
    assert "nbprod" in result.err.partition("hint:")[2]
    after = sorted(path for path in (copy / ".nbprod").rglob("*") if "releases" in path.parts)
    assert before == after


@pytest.mark.parametrize("name", ["run", "parity", "gate", "contract", "extraction"])
def test_a_forged_digest_does_not_help(copy: Path, name: str) -> None:
    """A later record names the digest of what it was made from."""
    pattern, change, _ = RECORDS[name]
    path = _only(copy, pattern)
    if name == "gate":
        # the last link of the chain: the approval was given to exactly this gate result
        change = _set(verdict="passed", gate_digest="0" * 64)
    _alter(path, change, reseal=True)
    result = nbprod("release", cwd=copy)
    assert result.code == 1, result.err


def _edit_module(folder: Path) -> None:
    path = folder / "strong_wine" / "features.py"
    path.write_text(path.read_text() + "\nleak = 1\n")


FILES = {
    "module": (_edit_module, ("train",)),
    "bundle": (lambda f: _flip_byte(_only(f, "runs/*/bundle/model/*")), ("gate",)),
    "state": (lambda f: _flip_byte(_only(f, "runs/*/bundle/state/*")), ("gate",)),
    "held-out rows": (lambda f: _flip_byte(_only(f, "runs/*/data/holdout.parquet")), ("gate",)),
    "added file": (
        lambda f: (_only(f, "runs/*/bundle") / "extra.py").write_text("x = 1\n"),
        ("gate",),
    ),
    "release": (lambda f: _flip_byte(_only(f, "releases/*/model/*")), ("deploy",)),
    "release evidence": (lambda f: _flip_byte(_only(f, "releases/*/evidence/*")), ("verify",)),
    "release record": (lambda f: _flip_byte(_only(f, "releases/*/release.json")), ("deploy",)),
}


@pytest.mark.parametrize("name", FILES)
def test_an_altered_file_is_refused_by_the_next_stage(copy: Path, name: str) -> None:
    """Every file of a module, a candidate and a release is the one that was hashed."""
    alter, verb = FILES[name]
    alter(copy)
    result = nbprod(*verb, cwd=copy)
    assert result.code == 1, result.out + result.err
    if verb != ("verify",):  # a verification that finds something is a result, not an error
        assert "hint:" in result.err


def test_an_altered_deployment_is_refused(copy: Path) -> None:
    """Whoever writes another champion or address into the record moves no traffic with it."""
    store = RecordStore(copy / ".nbprod")
    record = Deployment(
        name="strong-wine",
        url="http://127.0.0.1:9",
        engine_id="gone",
        address="127.0.0.1:9",
        traffic=TrafficState(roles={"champion": 1}),
    )
    _alter(store.save("deployments", record, name=record.name), _set(url="http://127.0.0.1:8"))
    for verb in ("status", "promote", "rollback", "undeploy", "deploy"):
        result = nbprod(verb, cwd=copy)
        assert result.code == 1, f"{verb}: {result.err}"
        assert "strong-wine.json is not the record that was written" in result.err


def test_an_altered_prediction_is_refused(copy: Path) -> None:
    """`why` explains nothing that is not what was answered, and a health report counts it."""
    prediction = Prediction(
        id=new_id(),
        at=utc_now(),
        deployment="strong-wine",
        release="1",
        role="champion",
        request_id="",
        inputs={"alcohol": 13.0},
        features={"alcohol": 0.5},
        output=0.25,
        latency_ms=1.0,
    )
    with LogWriter(copy / ".nbprod" / "logs" / "strong-wine", writer_id="r1") as writer:
        writer.append([prediction])
    assert nbprod("why", prediction.id, cwd=copy).code == 0
    (segment,) = (copy / ".nbprod" / "logs" / "strong-wine" / "predictions").iterdir()
    segment.write_bytes(segment.read_bytes().replace(b'"output":0.25', b'"output":0.75'))
    result = nbprod("why", prediction.id, cwd=copy)
    assert result.code == 1, result.out + result.err
    assert prediction.id in result.err
    assert "hint:" in result.err
    health = nbprod("monitor", "--json", cwd=copy)
    assert health.record["damaged_records"] == 1, health.out


def test_nothing_altered_nothing_refused(copy: Path) -> None:
    """The sabotage of this file is what fails: an untouched copy walks on."""
    assert nbprod("verify", cwd=copy).code == 0
    assert nbprod("gate", cwd=copy).code == 0
    assert nbprod(*APPROVE, cwd=copy).code == 0


def test_an_approval_by_a_stranger_is_refused(copy: Path) -> None:
    """[gate] approvers names who may; the message says who that is."""
    result = nbprod("approve", "--reason", "fine", "--by", "me@example.com", cwd=copy)
    assert result.code == 1
    assert "reviewer@example.com" in result.err


def test_a_rejection_stops_a_release_of_the_same_candidate(copy: Path) -> None:
    """A later no is stronger than an earlier yes."""
    result = nbprod("train", "-p", "regularisation", "0.5", cwd=copy)
    assert result.code == 0, result.err
    assert nbprod("gate", cwd=copy).code == 0
    assert nbprod("release", cwd=copy).code == 1  # not approved yet
    assert nbprod(*APPROVE, cwd=copy).code == 0
    reject = ("reject", "--reason", "too confident", "--by", "reviewer@example.com")
    assert nbprod(*reject, cwd=copy).code == 0
    assert nbprod("release", cwd=copy).code == 1


@pytest.mark.parametrize("name", RECORDS)
@pytest.mark.parametrize("reseal", [False, True], ids=["edited", "edited and resealed"])
def test_verify_finds_a_record_edited_after_the_release(
    copy: Path, name: str, reseal: bool
) -> None:
    """The store's own copy of anything a release rests on, with or without a forged digest."""
    pattern, change, _ = RECORDS[name]
    _alter(_only(copy, pattern), change, reseal=reseal)
    result = nbprod("verify", "--json", cwd=copy)
    assert result.code == 1, result.err
    # A verdict that was edited is out of its chain, too: that is told beside it.
    (found,) = [one for one in result.record["findings"] if one["code"] == "NBS015"]
    record_id = _only(copy, pattern).stem
    assert (record_id if record_id != "record" else _only(copy, pattern).parent.name) in found[
        "message"
    ]


def test_verify_says_how_much_it_looked_at(copy: Path) -> None:
    """Files of the release, and records of the road that this store has."""
    record = nbprod("verify", "--json", cwd=copy).record
    assert record["passed"]
    assert record["files"] > 15
    assert record["records"] == 6  # extraction, contract, run, parity, gate, approval


def test_where_keys_are_trusted_an_unsigned_release_goes_nowhere(copy: Path) -> None:
    """Neither verified nor deployed; a release that is signed with the key is."""
    for command in (
        ["genpkey", "-algorithm", "ed25519", "-out", "key.pem"],
        ["pkey", "-in", "key.pem", "-pubout", "-out", "key.pub"],
    ):
        subprocess.run(["openssl", *command], cwd=copy, check=True)
    settings = copy / "nbprod.toml"
    settings.write_text(settings.read_text() + '\n[store]\ntrusted_keys = ["key.pub"]\n')
    result = nbprod("verify", "--json", cwd=copy)
    assert result.code == 1
    assert ["not signed" in item["message"] for item in result.record["findings"]] == [True]
    deployed = nbprod("deploy", cwd=copy)
    assert deployed.code == 1
    assert "not signed" in deployed.err
    for path in (
        copy / ".nbprod" / "releases" / "1",
        copy / ".nbprod" / "release-records" / "1.json",
    ):
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    signing = {"NBPROD_STORE_SIGNING_KEY": str(copy / "key.pem")}
    assert nbprod("release", cwd=copy, environ=signing).code == 0
    verified = nbprod("verify", "--json", cwd=copy)
    assert verified.code == 0, verified.out
    assert verified.record["signed_with"]
