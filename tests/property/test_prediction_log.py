"""Laws of the prediction log."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from nbprod.data.prediction_log import LogWriter, counts, find, outcomes, post_outcomes, query
from nbprod.data.prediction_log.segments import Segment, read_lines, seal, segments
from nbprod.records import Outcome, Prediction, canonical_json, new_id, utc_now

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
