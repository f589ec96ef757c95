"""What a person wrote in schemas.py holds for the rows that a predictor answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from nbprod.data.contract import load_contract
from nbprod.predictor.accepting import checked_features
from nbprod.predictor.modules import load_package
from nbprod.predictor.predict import Predictor

SCHEMAS = """
import pandas as pd
import pandera.pandas as pa
from pandera.typing import Series

from .lib import ratio


class Input(pa.DataFrameModel):
    km: Series[int] = pa.Field(ge=0)
    minutes: Series[float] = pa.Field(ge=0.1)
    city: Series[str] = pa.Field(isin=["Bern", "Basel", "Zug"])
    at: Series[pa.DateTime] = pa.Field(metadata={"freshness": "1h"})

    @pa.dataframe_check(name="speed")
    def speed(cls, frame):
        return ratio(frame["km"], frame["minutes"]) < 5

    class Config:
        strict = True


class Output(pa.DataFrameModel):
    late: Series[float] = pa.Field(ge=0, le=1)

    @pa.check("late", name="unsure")
    def unsure(cls, values):
        return values != 0.25
"""
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW = {"km": 10, "minutes": 20.0, "city": "Bern", "at": "2026-03-01T11:30:00"}


@pytest.fixture
def predictor(tmp_path, trips) -> Predictor:
    package = trips.write(tmp_path / "trips", {**trips.sources, "schemas.py": SCHEMAS})
    contract = load_contract(package / "schemas.py", package="trips")
    bundle = trips.bundle(tmp_path / "run" / "bundle", package, contract=contract)
    return Predictor.load(bundle.folder)


def broken(answer) -> list[tuple[int, str, str]]:
    return [(v.row, v.column, v.rule) for v in answer.violations]


def test_a_hand_written_check_refuses_a_served_row(predictor):
    """A batch is answered but for the rows that the check, or their age, forbids."""
    rows = [ROW, {**ROW, "km": 200}, {**ROW, "at": "2026-03-01T09:00:00"}, ROW, ROW]

    answer = predictor.answer(rows, partial=True, as_of=NOW)

    assert broken(answer) == [(1, "", "check"), (2, "at", "freshness")]
    assert answer.good == [0, 3, 4]
    assert len(answer.outputs) == 3
    refused = predictor.answer(rows, as_of=NOW)
    assert (refused.outputs, broken(refused)) == ([], broken(answer))


def test_the_past_is_answered_whatever_its_age(predictor):
    """Golden requests and gates ask about rows of the past."""
    assert len(predictor.answer([{**ROW, "at": "2020-01-01T00:00:00"}]).outputs) == 1


def test_features_before_there_is_a_bundle_ask_the_same(predictor, tmp_path):
    """Parity of a module judges rows by the same checks."""
    module = load_package(tmp_path / "trips", "cd" * 32)

    with pytest.raises(Exception, match="speed"):
        checked_features(module, predictor.state, predictor.contract, [{**ROW, "km": 200}])


def test_a_hand_written_check_withholds_an_answer(predictor, monkeypatch):
    """An output that the Output model's own check forbids is never answered."""
    kept = Predictor.predict_features

    def poor(self, features):
        return kept(self, features).assign(late=[0.25, *[0.5] * (len(features) - 1)])

    monkeypatch.setattr(Predictor, "predict_features", poor)

    answer = predictor.answer([ROW, ROW], partial=True)

    assert answer.outputs == [0.5]
    assert [(v.row, v.column, v.rule) for v in answer.failed] == [(0, "late", "check")]
