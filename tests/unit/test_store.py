"""The record store: whole files, checked digests, one lock."""

from __future__ import annotations

import json
import resource
import threading
import time
from typing import TYPE_CHECKING

import pytest

from nbprod.errors import StoreError, TamperedRecordError
from nbprod.records import Approval, Deployment, Health, TrafficState, new_id, sha256
from nbprod.store import RecordStore, check_inputs

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> RecordStore:
    return RecordStore(tmp_path / ".nbprod")


def approval(**changes: object) -> Approval:
    plain = {"candidate_digest": "d", "approved": True, "by": "ada", "reason": "flüge"}
    return Approval(**{**plain, **changes})  # type: ignore[arg-type]


def test_record_comes_back_the_same(store: RecordStore) -> None:
    """A saved record is the same when it is loaded, resolved, listed or the latest."""
    first, second = approval(), approval(reason="again")
    assert store.save("approvals", first) == store.root / "approvals" / f"{first.id}.json"
    store.save("approvals", second, as_folder=True)

    assert store.load(Approval, "approvals", first.id) == first
    assert store.load(Approval, "approvals", second.id) == second
    assert store.latest(Approval, "approvals") == max(first, second, key=lambda r: r.id)
    assert [r.id for r in store.list(Approval, "approvals")] == sorted([first.id, second.id])
    assert store.resolve(Approval, "approvals", first.id[:-1]) == first
    assert (store.folder_of("approvals", second.id) / "record.json").is_file()


def test_file_carries_digest_and_type(store: RecordStore) -> None:
    """The file is strict JSON that names the record's type and digest."""
    record = approval()
    content = json.loads(store.save("approvals", record).read_text(encoding="utf-8"))
    assert content["digest"] == record.digest
    assert content["type"] == "Approval"
    assert content["record"] == record.to_json()


def test_nan_survives(store: RecordStore) -> None:
    """A metric that is not a number comes back as one that is not, with the same digest."""
    record = Health(
        deployment="d", start="a", end="b", requests=0, errors=0, passed=True,
        quality={"auc": float("nan"), "loss": float("inf")}, latency_p50_ms=float("nan"),
    )  # fmt: skip
    store.save("health", record)
    loaded = store.load(Health, "health", record.id)
    assert loaded.quality["auc"] != loaded.quality["auc"]
    assert loaded.quality["loss"] == float("inf")
    assert loaded.digest == record.digest


def test_altered_record_is_refused(store: RecordStore) -> None:
    """One changed character makes a record unreadable, with a hint naming what to run again."""
    record = approval(approved=False)
    path = store.save("approvals", record)
    path.write_text(path.read_text().replace('"approved": false', '"approved": true'))
    with pytest.raises(TamperedRecordError, match="digest differs") as caught:
        store.load(Approval, "approvals", record.id)
    assert "nbprod approve" in caught.value.hint
    with pytest.raises(TamperedRecordError):
        store.digest_of(record.id)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"record": {}}', b"\xff\xfe"])
def test_unreadable_file_is_a_tampered_record(store: RecordStore, content: bytes) -> None:
    """A file that is no record at all is refused like an altered one."""
    record = approval()
    store.save("approvals", record).write_bytes(content)
    with pytest.raises(TamperedRecordError):
        store.load(Approval, "approvals", record.id)


def test_record_is_never_replaced(store: RecordStore) -> None:
    """The same record may be saved twice; another one under its id is refused."""
    record = approval()
    store.save("approvals", record)
    store.save("approvals", record)
    with pytest.raises(StoreError, match="already holds another record"):
        store.save("approvals", approval(id=record.id, reason="changed my mind"))
    assert store.load(Approval, "approvals", record.id) == record


def test_named_record_is_replaced(store: RecordStore) -> None:
    """A deployment is stored by its name, and each save replaces the one before."""
    first = Deployment(name="flight-delay", url="u", engine_id="e", address="local")
    second = Deployment(
        name="flight-delay", url="u", engine_id="e", address="local",
        traffic=TrafficState(revision=1),
    )  # fmt: skip
    for record in (first, second):
        store.save("deployments", record, name="flight-delay")
    assert store.ids("deployments") == ("flight-delay",)
    assert store.load(Deployment, "deployments", "flight-delay") == second


def test_missing_and_ambiguous_ids(store: RecordStore) -> None:
    """What names no record, or several, is an error with the ids to choose from."""
    with pytest.raises(StoreError, match="there is no Approval"):
        store.load(Approval, "approvals", "nothing")
    with pytest.raises(StoreError, match="begins with"):
        store.resolve(Approval, "approvals", "a")
    assert store.latest(Approval, "approvals") is None
    for end in "12":
        store.save("approvals", approval(id=f"0000000000000000000000a{end}"))
    with pytest.raises(StoreError, match="begins 2 ids") as caught:
        store.resolve(Approval, "approvals", "0000")
    assert "0000000000000000000000a2" in caught.value.hint
    with pytest.raises(StoreError, match="begins with ''"):
        store.resolve(Approval, "approvals", "")


def test_record_of_another_kind_is_refused(store: RecordStore) -> None:
    """A record is only read as the type that was written."""
    record = approval()
    store.save("approvals", record)
    with pytest.raises(StoreError, match="holds a Approval"):
        store.load(Deployment, "approvals", record.id)


@pytest.mark.parametrize("name", ["", "../x", "a/b", ".hidden", "-x"])
def test_names_stay_in_their_folder(store: RecordStore, name: str) -> None:
    """A name that would leave the store's folder is refused."""
    with pytest.raises(StoreError, match="cannot be the name"):
        store.folder_of("runs", name)


def test_inputs_are_checked(store: RecordStore) -> None:
    """A record whose input was changed or is gone is found out."""
    parent = approval()
    store.save("approvals", parent)
    child = approval(inputs={parent.id: parent.digest})
    check_inputs(child, store.digest_of)
    with pytest.raises(TamperedRecordError, match="no longer the same"):
        check_inputs(approval(inputs={parent.id: sha256("other")}), store.digest_of)
    with pytest.raises(StoreError, match="which is gone"):
        check_inputs(approval(inputs={new_id(): parent.digest}), store.digest_of)


def test_full_disk_leaves_nothing_behind(store: RecordStore) -> None:
    """A record that does not fit on the disk is a StoreError, and no part of it stays."""
    store.save("approvals", approval())
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (512, hard))
    try:
        with pytest.raises(StoreError, match="cannot be written") as caught:
            store.save("approvals", approval(reason="x" * 5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert "disk" in caught.value.hint
    assert len(list((store.root / "approvals").iterdir())) == 1


def test_lock_lets_one_in(store: RecordStore) -> None:
    """Two operators who act at once follow one another; one who waited too long is told."""
    inside, order = threading.Event(), []

    def second() -> None:
        inside.wait(10)
        with store.locked("flight-delay", wait_s=10):
            order.append("second")

    thread = threading.Thread(target=second)
    thread.start()
    with store.locked("flight-delay"):
        inside.set()
        with (
            pytest.raises(StoreError, match="holds the lock"),
            store.locked("flight-delay", wait_s=0.2),
        ):
            pass
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]


def test_a_clock_that_went_back_is_told(tmp_path, monkeypatch):
    """After a record of the future the newest one could not be told: nothing more is saved."""
    store = RecordStore(tmp_path)
    monkeypatch.setattr(time, "time_ns", lambda: 4_000_000_000 * 10**9)
    ahead = Approval(candidate_digest="a", approved=True, by="me", reason="x")
    monkeypatch.undo()
    store.save("approvals", ahead)
    no = Approval(candidate_digest="a", approved=False, by="me", reason="y")
    with pytest.raises(StoreError, match="the clock was wrong then") as caught:
        store.save("approvals", no)
    assert ahead.id in caught.value.message
    assert "moved away" in caught.value.hint
    assert store.ids("approvals") == (ahead.id,)
    store.save("runs", no)  # another folder has an order of its own
    store.save("approvals", no, name="kept")  # and a name has none
