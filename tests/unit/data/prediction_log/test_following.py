"""A log is followed: each time what came since, whatever became of its files meanwhile."""

from __future__ import annotations

from pathlib import Path

from nbprod.data.prediction_log import Follower, LogWriter, keep_up
from nbprod.records import Prediction

AT = "2026-01-02T10:00:00.000+00:00"


def predictions(*numbers: int, at: str = AT) -> list[Prediction]:
    return [
        Prediction(
            id=f"{number:024x}",
            at=at,
            deployment="d",
            release="1",
            role="champion",
            request_id="r",
            inputs={},
            features={},
            output=0.5,
            latency_ms=1.0,
        )
        for number in numbers
    ]


def ids(follower: Follower) -> list[int]:
    return [int(plain["id"], 16) for plain in follower.new()]


def test_each_time_what_came_since(tmp_path: Path) -> None:
    """Of several writers, and of those that begin later; earlier moments are left out."""
    follower = Follower(tmp_path, "predictions", "2026-01-02T00:00:00+00:00")
    assert ids(follower) == []
    with LogWriter(tmp_path, writer_id="a") as one, LogWriter(tmp_path, writer_id="b") as other:
        one.append(predictions(1, 2))
        one.append(predictions(9, at="2026-01-01T10:00:00.000+00:00"))
        assert ids(follower) == [1, 2]
        other.append(predictions(3))
        one.append(predictions(4))
        assert sorted(ids(follower)) == [3, 4]
        assert ids(follower) == []


def test_a_line_that_is_being_written_is_given_when_it_is_whole(tmp_path: Path) -> None:
    """And one that was altered never is."""
    with LogWriter(tmp_path, writer_id="a") as writer:
        writer.append(predictions(1, 2))
        (segment,) = (tmp_path / "predictions").iterdir()
        whole = segment.read_bytes()
        segment.write_bytes(whole[:-20])
        follower = Follower(tmp_path, "predictions", None)
        assert ids(follower) == [1]
        segment.write_bytes(whole)
        assert ids(follower) == [2]
        segment.write_bytes(whole + whole.splitlines(keepends=True)[0].replace(b"0.5", b"0.6"))
        assert ids(follower) == []


def test_a_file_that_was_cut_back_is_read_again(tmp_path: Path) -> None:
    """A write that failed was taken back, and another one came: nothing is missed."""
    with LogWriter(tmp_path, writer_id="a") as writer:
        writer.append(predictions(1, 2))
        (segment,) = (tmp_path / "predictions").iterdir()
        lines = segment.read_bytes().splitlines(keepends=True)
        follower = Follower(tmp_path, "predictions", None)
        assert ids(follower) == [1, 2]
        segment.write_bytes(lines[0])
        assert ids(follower) == [1]
        writer.append(predictions(3))
        assert 3 in ids(follower)


def test_what_became_parts_is_not_missed(tmp_path: Path) -> None:
    """Lines that were written after the last look, in a segment that is compacted since."""
    with LogWriter(tmp_path, writer_id="a") as writer:
        writer.append(predictions(1))
        follower = Follower(tmp_path, "predictions", None)
        assert ids(follower) == [1]
        writer.append(predictions(2))
    keep_up(tmp_path)
    assert not list((tmp_path / "predictions").iterdir())
    assert 2 in ids(follower)
    assert ids(follower) == []
