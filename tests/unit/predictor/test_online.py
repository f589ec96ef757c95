"""A module with serving code of its own: served by it, record by record, and compared by parity."""

from __future__ import annotations

import pytest

from nbprod.errors import ExecutionError
from nbprod.parity import check_parity
from nbprod.predictor import Predictor

ROWS = [
    {"km": 10, "minutes": 20.5, "city": "Bern"},
    {"km": 3, "minutes": 6.0, "city": "Zug"},
]
SAME = """

def transform_online(record, state):
    return {
        "km": float(record["km"]),
        "speed": record["km"] / record["minutes"],
        "city_mean": state.means[record["city"]],
        "slow": int(record["minutes"] > state.slow),
    }
"""


@pytest.fixture
def online(tmp_path, trips):
    """A function: the predictor of the trips with this text behind their transform."""

    def made(text: str) -> Predictor:
        sources = {**trips.sources, "features.py": trips.sources["features.py"] + text}
        package = trips.write(tmp_path / "trips", sources)
        return Predictor.load(trips.bundle(tmp_path / "run" / "bundle", package).folder)

    return made


def examined(predictor: Predictor, trips):
    rows = trips.frame(40).drop(columns=["at", "arrived", "late"])
    transform = predictor.module.features.transform
    return check_parity(
        transform,
        predictor.features,
        rows=rows,
        state=predictor.state,
        contract=predictor.contract,
        rerun=lambda frame, environ: transform(frame, predictor.state),
    )


def test_requests_are_answered_by_the_online_transform(online):
    """What answers a request is transform_online(); frames of a batch go through transform()."""
    predictor = online(SAME.replace('float(record["km"])', '100.0 + record["km"]'))
    assert [row["km"] for row in predictor.answer(ROWS).features] == [110.0, 103.0]
    assert predictor.features(ROWS)["km"].tolist() == [110.0, 103.0]


def test_parity_passes_where_both_agree(online, trips):
    """Record by record and frame by frame, the same features: no finding."""
    report = examined(online(SAME), trips)
    assert report.passed, report.findings
    assert next(r for r in report.relations if r.name == "value").rows == 40


def test_parity_compares_the_two(online, trips):
    """Serving code that rounds is NBP001, with the column it rounds."""
    text = SAME.replace(
        'record["km"] / record["minutes"]', 'round(record["km"] / record["minutes"], 2)'
    )
    report = examined(online(text), trips)
    assert [(f.code, f.column) for f in report.findings] == [("NBP001", "speed")]


def test_what_is_no_mapping_is_an_error(online):
    """An online transform that gives no dict says so, and answers nothing."""
    predictor = online("\n\ndef transform_online(record, state):\n    return 3\n")
    with pytest.raises(ExecutionError, match="not a dict"):
        predictor.answer(ROWS)
