"""Laws of the prediction log."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbprod.data.prediction_log import (
    Follower,
    LogWriter,
    counts,
    find,
    keep_up,
    outcomes,
    post_outcomes,
    query,
)
from nbprod.data.prediction_log.segments import Segment, read_lines, seal, segments
from nbprod.data.prediction_log.sheets import sheet
from nbprod.errors import TamperedRecordError
from nbprod.records import (
    REDACTED,
    Outcome,
    Prediction,
    canonical_json,
    new_id,
    new_ids,
    utc_now,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.none() | st.booleans() | NUMBERS | TEXT
ROWS = st.dictionaries(TEXT, VALUES, max_size=4)


@st.composite
def predictions(draw: Any) -> Prediction:
    return Prediction(
        id=new_id(), at=utc_now(), deployment=draw(TEXT), release=draw(TEXT), role=draw(TEXT),
        request_id=draw(TEXT), inputs=draw(ROWS), features=draw(ROWS),
        output=draw(VALUES | ROWS | st.lists(VALUES, max_size=3)),
        latency_ms=draw(st.floats(0, 1e6)), degraded=draw(st.booleans()), key=draw(ROWS),
    )  # fmt: skip


@given(records=st.lists(predictions(), min_size=1, max_size=8))
@settings(max_examples=40, deadline=None)
def test_what_is_written_is_read(records: list[Prediction]) -> None:
    """Any records, whatever text and numbers they hold, come back the same by both readers."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LogWriter(folder, writer_id="r0", segment_bytes=600) as writer:
            for record in records:
                writer.append([record])
        assert {r.id: canonical_json(r.to_json()) for r in query(folder)} == {
            r.id: canonical_json(r.to_json()) for r in records
        }
        assert len(query(folder, where="inputs is null or true")) == len(records)
        assert all(find(folder, record.id) == record for record in records)


NAMES = st.lists(TEXT, min_size=1, max_size=4, unique=True)


@st.composite
def sheets(draw: Any) -> tuple[Any, list[Prediction]]:
    """A sheet, and the predictions it holds."""
    count = draw(st.integers(2, 4))

    def alike() -> list[dict[str, Any]]:
        row = st.fixed_dictionaries(dict.fromkeys(draw(NAMES), VALUES))
        return draw(st.lists(row, min_size=count, max_size=count))

    rows = alike()
    fed = alike() if draw(st.booleans()) else [{}] * count
    outputs = draw(st.lists(VALUES | ROWS, min_size=count, max_size=count))
    key, ids = draw(NAMES), new_ids(count)
    shadows = new_ids(count) if draw(st.booleans()) else ()
    common = {
        "at": utc_now(), "deployment": draw(TEXT), "release": draw(TEXT), "role": draw(TEXT),
        "request_id": draw(TEXT), "latency_ms": 1.5, "degraded": draw(st.booleans()),
        "module_version": "m", "routing_key": draw(TEXT),
    }  # fmt: skip
    made = sheet(ids, rows, fed, outputs, key=key, shadows=shadows, **common)
    assert made is not None
    return made, [
        Prediction(
            id=ids[n], inputs=rows[n], features=fed[n], output=outputs[n],
            key={name: rows[n].get(name) for name in key},
            shadow_of=shadows[n] if shadows else "", **common,
        )
        for n in range(count)
    ]  # fmt: skip


@given(written=st.lists(sheets(), min_size=1, max_size=3), alone=predictions())
@settings(max_examples=25, deadline=None)
def test_a_sheet_is_read_as_its_predictions(
    written: list[tuple[Any, list[Prediction]]], alone: Prediction
) -> None:
    """By every reader, beside predictions of one line, and after it became a part."""
    made = [record for _, held in written for record in held] + [alone]
    as_text = {record.id: canonical_json(record.to_json()) for record in made}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LogWriter(folder, writer_id="r0") as writer:
            for whole, _ in written:
                writer.submit([whole]).result()
            writer.append([alone])
            assert writer.counts.written == len(made)
        followed = Follower(folder, "predictions", None).new()
        assert {one["id"]: canonical_json(one) for one in followed} == as_text
        for kept_up in (False, True):
            if kept_up:
                assert keep_up(folder)["compacted"] == 1
            found = query(folder, where="inputs is null or true")
            assert {one.id: canonical_json(one.to_json()) for one in found} == as_text
            assert all(find(folder, record.id) == record for record in made)
            told = counts(folder, None, None)
            assert (told["predictions"], told["damaged"], told["torn"]) == (len(made), 0, 0)
        posted = [Outcome(outcome=1, name="late", prediction_id=record.id) for record in made]
        assert post_outcomes(folder, posted).accepted == len(made)


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@settings(max_examples=50, deadline=None)
def test_an_altered_sheet_is_damage_and_none_of_it_is_given(place: float, flip: int) -> None:
    """Whichever byte changes: its seal holds all of its rows, and `find` says so of each one."""
    ids = new_ids(3)
    common = dict.fromkeys(("deployment", "release", "role", "module_version"), "d")
    common |= {"at": utc_now(), "latency_ms": 1.0, "degraded": False}
    common |= {"request_id": "r", "routing_key": ""}
    whole = sheet(ids, [{"x": n} for n in range(3)], [{}] * 3, [1, 2, 3], key=(), **common)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with LogWriter(folder, writer_id="r0") as writer:
            writer.submit([whole, whole]).result()
        (segment,) = segments(folder, "predictions")
        content = bytearray(segment.path.read_bytes())
        half = len(content) // 2
        content[int(place * (half - 1))] ^= flip
        segment.path.write_bytes(bytes(content))
        found = query(folder)
        assert [record.id for record in found] == sorted(ids, reverse=True)
        assert counts(folder, None, None)["damaged"] >= 1
        segment.path.write_bytes(bytes(content[:half]))
        assert query(folder) == []
        for one in ids:
            if f'"{one}"'.encode() in content[:half].rpartition(b"\n")[0]:
                with pytest.raises(TamperedRecordError):
                    find(folder, one)


@pytest.mark.parametrize("rows", [[{"a": 1}, {"b": 1}], [{"a": 1}, {"a": 1, "b": 2}], []])
def test_rows_of_different_names_are_no_sheet(rows: list[dict[str, Any]]) -> None:
    """They are written one by one."""
    assert sheet(new_ids(len(rows)), rows, rows, [0] * len(rows), key=()) is None


def test_what_is_hidden_is_hidden_in_a_sheet(tmp_path: Path) -> None:
    """In inputs, features and key of every row; the caller's rows stay as they are."""
    rows = [{"who": f"SECRET{n}", "x": n} for n in range(3)]
    common = dict.fromkeys(("deployment", "release", "role", "module_version"), "d")
    common |= {"at": utc_now(), "latency_ms": 1.0, "degraded": False}
    common |= {"request_id": "r", "routing_key": ""}
    whole = sheet(new_ids(3), rows, rows, [1, 2, 3], key=("who",), **common)
    with LogWriter(tmp_path, writer_id="r0", redact=["who"]) as writer:
        writer.submit([whole]).result()
    for record in query(tmp_path):
        assert record.key == {"who": REDACTED}
        assert record.inputs["who"] == record.features["who"] == REDACTED
    assert sorted(record.inputs["x"] for record in query(tmp_path)) == [0, 1, 2]
    (segment,) = segments(tmp_path, "predictions")
    assert b"SECRET" not in segment.path.read_bytes()
    assert whole["inputs"]["who"] == ["SECRET0", "SECRET1", "SECRET2"]


@given(
    lines=st.lists(st.dictionaries(TEXT, VALUES, min_size=1), min_size=1, max_size=6),
    cut=st.integers(0, 10_000),
)
@settings(max_examples=100, deadline=None)
def test_a_cut_file_keeps_its_whole_lines(lines: list[dict[str, Any]], cut: int) -> None:
    """Wherever a kill cuts the file, the lines before are good and at most one is torn."""
    sealed = [seal(canonical_json(line).encode()) for line in lines]
    whole = b"".join(sealed)
    content = whole[: cut % (len(whole) + 1)]
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "000000000001-r0.jsonl")
        path.write_bytes(content)
        found = read_lines(Segment(path))
    kept = 0
    while len(b"".join(sealed[: kept + 1])) <= len(content) and kept < len(sealed):
        kept += 1
    assert len(found.good) == kept
    assert found.damaged == 0
    assert found.torn == int(len(b"".join(sealed[:kept])) < len(content))


@given(place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_one_changed_byte_hides_no_other_record(place: float, flip: int) -> None:
    """Whichever byte of a segment changes, at most two lines are lost, and none comes altered."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = [
            Prediction(
                id=new_id(), at=utc_now(), deployment="d", release="1", role="champion",
                request_id="r", inputs={"x": number}, features={}, output=number, latency_ms=1.0,
            )
            for number in range(4)
        ]  # fmt: skip
        with LogWriter(folder, writer_id="r0") as writer:
            writer.append(records)
        (segment,) = segments(folder, "predictions")
        content = bytearray(segment.path.read_bytes())
        content[int(place * len(content))] ^= flip
        segment.path.write_bytes(bytes(content))
        found = query(folder)
        assert all(record in records for record in found)
        assert len(found) >= 2
        told = counts(folder, None, None)
        assert told["damaged"] + told["torn"] >= 1


@given(
    posts=st.lists(
        st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2)), max_size=5), max_size=5
    )
)
@settings(max_examples=30, deadline=None)
def test_posting_again_changes_nothing(posts: list[list[tuple[int, int]]]) -> None:
    """After any posts each prediction has its last value; posting those again is all duplicates."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        records = [
            Prediction(
                id=new_id(), at=utc_now(), deployment="d", release="1", role="champion",
                request_id="r", inputs={}, features={}, output=0, latency_ms=1.0,
                key={"flight": number},
            )
            for number in range(3)
        ]  # fmt: skip
        last: dict[str, int] = {}
        with LogWriter(folder, writer_id="r0") as writer:
            writer.append(records)
            for post in posts:
                posted = [_outcome(records, number, value) for number, value in post]
                receipt = post_outcomes(folder, posted, writer=writer)
                assert receipt.accepted + receipt.duplicates + len(receipt.unknown) == len(post)
                last |= {records[n].id: value for n, value in post if n < len(records)}
            again = [Outcome(outcome=v, name="late", prediction_id=i) for i, v in last.items()]
            assert post_outcomes(folder, again, writer=writer).duplicates == len(last)
        assert {i: outcome.outcome for i, outcome in outcomes(folder).items()} == last


def _outcome(records: list[Prediction], number: int, value: int) -> Outcome:
    """By id for even numbers, by key for odd ones; number 3 is nobody's."""
    if number % 2 or number >= len(records):
        return Outcome(outcome=value, name="late", key={"flight": number})
    return Outcome(outcome=value, name="late", prediction_id=records[number].id)
