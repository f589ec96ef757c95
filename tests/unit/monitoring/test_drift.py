"""Drift: a window against the reference profile, column by column."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from nbprod.data.profile import Profile, ProfileWriter
from nbprod.monitoring import drift
from nbprod.monitoring.drift import assess_drift, window_profile

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

START, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)


def frame(rows: int, *, ua: float = 0.5, seed: int = 0) -> pd.DataFrame:
    source = np.random.default_rng(seed)
    carrier = source.choice(["UA", "AA"], rows, p=[ua, 1 - ua])
    return pd.DataFrame({"carrier": carrier, "distance": source.normal(size=rows)})


def assess(window: Profile, reference: Profile, **changes: Any) -> Any:
    plain: dict[str, Any] = {
        "deployment": "d", "release": "3", "start": START, "end": END, "thresholds": {"*": 0.2},
    }  # fmt: skip
    return assess_drift(window, reference, **plain | changes)


def test_moved_column_is_named() -> None:
    """The column that moved comes first, with the share that moved most; the report fails."""
    reference = Profile.empty().track(frame(5000), part="input")
    report = assess(Profile.empty().track(frame(1000, ua=0.1, seed=1), part="input"), reference)
    assert not report.passed
    assert [column.column for column in report.columns] == ["carrier", "distance"]
    assert [column.drifted for column in report.columns] == [True, False]
    (found,) = report.findings
    assert (found.code, found.severity, found.column) == ("NBM001", "warning", "input.carrier")
    assert "over 0.2" in found.message
    assert (report.rows, report.start) == (1000, "2026-01-01T00:00:00+00:00")


def test_same_rows_pass() -> None:
    """A window like the training data passes without a finding."""
    reference = Profile.empty().track(frame(5000), part="input")
    report = assess(Profile.empty().track(frame(1000, seed=1), part="input"), reference)
    assert report.passed
    assert report.findings == ()


def test_threshold_of_the_column_comes_first() -> None:
    """A column's own threshold is used before that of all, its full name before its short one."""
    reference = Profile.empty().track(frame(5000), part="input")
    window = Profile.empty().track(frame(5000, ua=0.65, seed=1), part="input")

    def carrier(**thresholds: float) -> tuple[float, bool]:
        report = assess(window, reference, thresholds=thresholds)
        column = next(item for item in report.columns if item.column == "carrier")
        return column.threshold, column.drifted

    assert carrier(**{"*": 0.2}) == (0.2, False)
    assert carrier(**{"*": 0.2, "carrier": 0.05}) == (0.05, True)
    assert carrier(**{"*": 0.2, "carrier": 0.05, "input.carrier": 0.5}) == (0.5, False)
    assert carrier() == (0.2, False)


def test_ignored_columns_are_not_compared() -> None:
    """Keys and times are left out by their short or full name."""
    reference = Profile.empty().track(frame(500), part="input")
    report = assess(reference, reference, ignore={"carrier", "input.distance"})
    assert report.columns == ()


def test_few_rows_and_missing_columns_are_told() -> None:
    """Too few rows are no verdict, and a column that is not served any more is named."""
    reference = Profile.empty().track(frame(500), part="input")
    few = assess(Profile.empty().track(frame(10, ua=0), part="input"), reference)
    assert few.passed
    assert [item.code for item in few.findings] == ["NBM008"]
    assert few.unjudged == "too few rows: 10 of 100 needed"
    assert few.unjudged.partition(": ")[2] in few.findings[0].message
    of_few = assess(reference, Profile.empty().track(frame(20), part="input"))
    assert of_few.unjudged == "too few rows: 20 of 100 needed"
    assert "training data" in of_few.findings[0].message
    assert assess(reference, reference).unjudged == ""
    partial = assess(Profile.empty().track(frame(500)[["distance"]], part="input"), reference)
    assert [(item.code, item.column) for item in partial.findings] == [("NBM011", "input.carrier")]


def test_window_is_made_of_the_log(tmp_path: Path) -> None:
    """Logged rows become a profile with the reference's names, the scalar answer's too."""
    logged = pd.DataFrame(
        {"id": "x", "inputs.carrier": ["UA", "AA"], "features.hour": [7, 8], "output": [0.1, 0.2]}
    )
    reference = Profile.empty().track(pd.DataFrame({"late": [0.1]}), part="output")
    window = window_profile(logged, reference, folder=tmp_path, release="3", start=START, end=END)
    assert window.columns() == ("features.hour", "input.carrier", "output.late")
    assert window.rows == 2


def test_large_window_is_read_from_the_profiles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beyond the rows that are profiled at once, the replicas' profiles are merged."""
    monkeypatch.setattr(drift, "EXACT_ROWS", 1)
    with ProfileWriter(tmp_path, release="3", writer_id="r0") as writer:
        writer.add([{"input.carrier": "DL"}] * 7)
    logged = pd.DataFrame({"inputs.carrier": ["UA", "AA"]})
    now = datetime.now(UTC)

    def rows(start: datetime) -> int:
        return window_profile(
            logged,
            Profile.empty(),
            folder=tmp_path,
            release="3",
            start=start,
            end=start + timedelta(hours=1),
        ).rows

    assert rows(now - timedelta(seconds=1)) == 7
    assert rows(START) == 2  # no profile of then: the log is read after all
