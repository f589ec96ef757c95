"""The rows a reviewer looks at."""

from __future__ import annotations

import pandas as pd
import pytest

from nbprod.errors import DataError
from nbprod.gates import load_predictor
from nbprod.gates.review import review_evidence


def evidence(bundle, frame, **options):
    return review_evidence(
        load_predictor(bundle.folder), frame, **{"label": "late", "rows": 20, **options}
    )


def shown(bundle, frame, **options):
    return evidence(bundle, frame, **options)["surprising"]


def test_the_most_surprising_come_first(shared_bundle, frame) -> None:
    """Each with inputs, prediction and what was observed; the distance falls."""
    rows = shown(shared_bundle, frame)
    assert list(rows[0]) == ["predicted late", "observed late", "x", "city"]
    distances = [abs(row["predicted late"] - row["observed late"]) for row in rows]
    assert len(rows) == 20
    assert distances[0] > 0.9
    assert distances == sorted(distances, reverse=True)


def test_an_index_with_repeats_gives_each_row_once(shared_bundle, frame) -> None:
    """Rows are told by their place, not by a label they share."""
    assert len(shown(shared_bundle, frame.set_axis([0] * len(frame)))) == 20


def test_rows_without_a_label_come_last_and_redacted_columns_are_hidden(
    shared_bundle, frame
) -> None:
    """Nothing is known of them, so nothing surprises; what is redacted is nowhere shown."""
    few = frame.head(30).assign(late=frame["late"].head(30).where(frame.index[:30] < 10))
    rows = shown(shared_bundle, few, rows=30, redact=("city", "late"))
    assert {row["city"] for row in rows} == {"[redacted]"}
    assert {row["observed late"] for row in rows} == {"[redacted]"}
    hidden = evidence(shared_bundle, few, redact=("city", "late"))
    assert hidden["answers"] == {}
    assert {row["city"] for row in hidden["ordinary"]} == {"[redacted]"}
    known = shown(shared_bundle, few, rows=30)
    assert [row["observed late"] is None for row in known] == [False] * 10 + [True] * 20


def test_words_surprise_where_they_differ(shared_bundle, frame) -> None:
    """A label that is text is compared as text; without any label the order is the frame's."""
    words = frame.head(40).assign(late=["yes", "no"] * 20)
    assert len(shown(shared_bundle, words)) == 20
    unlabelled = frame.head(40).drop(columns="late")
    assert [row["x"] for row in shown(shared_bundle, unlabelled)] == [
        round(x, 4) for x in unlabelled["x"].head(20)
    ]
    with pytest.raises(DataError, match="held out no row"):
        shown(shared_bundle, pd.DataFrame({"x": [], "city": []}))


def test_where_the_surprises_are_and_how_the_classes_are_told_apart(shared_bundle, frame) -> None:
    """A city whose labels are wrong stands out; late rows have the higher answers."""
    wrong = frame.assign(late=frame["late"].where(frame["city"] != "Zug", 1 - frame["late"]))
    found = evidence(shared_bundle, wrong)
    assert (found["where"][0]["column"], found["where"][0]["value"]) == ("city", "Zug")
    assert found["where"][0]["share"] > 4 * found["where"][0]["usual"]
    early, late = found["answers"]["observed 0"], found["answers"]["observed 1"]
    assert list(early) == list(late)
    assert sum(late.values()) == pytest.approx(1.0, abs=0.001)
    assert list(late.values())[-1] > list(early.values())[-1]
    assert len(found["ordinary"]) == 8
    assert evidence(shared_bundle, frame)["where"] != found["where"]
    assert not [
        one
        for one in evidence(shared_bundle, wrong, redact=("city",))["where"]
        if one["column"] == "city"
    ]


def test_numbers_are_shown_beside_what_was_observed(frame, make, tmp_path) -> None:
    """Neither two classes nor words: two distributions over one set of bins."""
    many = frame.assign(late=frame["x"] * 2)
    found = evidence(make(tmp_path / "bundle", numbers=True), many)
    assert set(found["answers"]) == {"observed", "predicted"}
