"""Damage done on purpose."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from nbprod.errors import DataError
from nbprod.gates import load_predictor
from nbprod.gates.damage import write_damaged_rows


@pytest.fixture
def damaged(shared_bundle, project, monkeypatch):
    """The predictor under a sabotage, as a gate notebook gets it."""

    def load(kind: str):
        monkeypatch.setenv("NBPROD_SABOTAGE", kind)
        monkeypatch.setenv("NBPROD_GATE_SNAPSHOT", str(project.holdout))
        monkeypatch.setenv("NBPROD_GATE_DELAY_MS", "60")
        return load_predictor(shared_bundle.folder)

    return load


def asked(frame: pd.DataFrame) -> list[dict]:
    return frame[["x", "city"]].to_dict("records")


def test_without_sabotage_the_real_predictor_answers(damaged, frame) -> None:
    """In the real run, and under a sabotage of the notebook's own, nothing is changed."""
    plain = damaged("").predict(frame)
    assert roc_auc_score(frame["late"], plain["late"]) > 0.85
    pd.testing.assert_frame_equal(damaged("shuffled_labels").predict(frame), plain)


@pytest.mark.parametrize("kind", ["constant", "shuffled_predictions", "swapped_column"])
def test_damaged_answers_know_nothing(damaged, frame, kind) -> None:
    """Frames and requests are damaged alike: index and columns stay, the skill is gone."""
    plain = damaged("").predict(frame)
    predictor = damaged(kind)
    spoiled = predictor.predict(frame)
    assert spoiled.index.equals(plain.index)
    assert list(spoiled.columns) == list(plain.columns)
    assert abs(roc_auc_score(frame["late"], spoiled["late"]) - 0.5) < 0.06
    outputs = predictor.answer(asked(frame)).outputs
    assert len(outputs) == len(frame)
    assert abs(roc_auc_score(frame["late"], outputs) - 0.5) < 0.06
    assert predictor.name == "tiny"


def test_the_constant_is_the_mean_answer_for_any_rows(damaged, frame) -> None:
    """One row or many, the same constant; it is the mean over the snapshot."""
    mean = damaged("").predict(frame)["late"].mean()
    predictor = damaged("constant")
    assert predictor.predict(frame.head(1))["late"].tolist() == pytest.approx([mean])
    assert predictor.answer(asked(frame.tail(2))).outputs == pytest.approx([mean, mean])


def test_slow_predictions_are_slow(damaged, frame) -> None:
    """Answers are right, and late."""
    plain = damaged("").predict(frame)
    predictor = damaged("slow_predictions")
    start = time.perf_counter()
    pd.testing.assert_frame_equal(predictor.predict(frame), plain)
    predictor.answer(asked(frame.head(1)))
    assert time.perf_counter() - start >= 0.12


def test_shuffled_labels_are_the_same_labels_elsewhere(project, frame, tmp_path) -> None:
    """Only the order of the label changes; dtypes and other columns stay."""
    target = tmp_path / "deep" / "shuffled.parquet"
    write_damaged_rows("shuffled_labels", project.holdout, project.settings(), target)
    shuffled = pd.read_parquet(target)
    assert shuffled["late"].sum() == frame["late"].sum()
    assert abs(np.corrcoef(shuffled["late"], frame["late"])[0, 1]) < 0.1
    pd.testing.assert_frame_equal(shuffled.drop(columns="late"), frame.drop(columns="late"))
    settings = project.settings()
    gone = dataclasses.replace(settings, data=dataclasses.replace(settings.data, label="gone"))
    with pytest.raises(DataError, match="no column 'gone'"):
        write_damaged_rows("shuffled_labels", project.holdout, gone, target)


def test_damaged_rows_are_damaged_in_the_way_their_name_says(project, frame, tmp_path) -> None:
    """Broken, drifted, repeated and stale rows; what cannot be damaged is refused by name."""

    def damaged(kind: str, settings=None) -> pd.DataFrame:
        target = tmp_path / f"{kind}.parquet"
        write_damaged_rows(kind, project.holdout, settings or project.settings(), target)
        return pd.read_parquet(target)

    broken = damaged("broken_rows")
    assert broken["x"].isna().mean() == pytest.approx(0.2, abs=0.01)
    assert (broken["x"] < -1e17).mean() == pytest.approx(0.2, abs=0.01)
    assert broken["late"].equals(frame["late"])
    drifted = damaged("drifted_rows")
    assert drifted["x"].mean() > frame["x"].mean() + 2
    assert drifted["city"].unique().tolist() == ["Zug"]
    repeated = damaged("repeated_rows")
    assert repeated.duplicated().sum() >= len(frame) // 2
    with pytest.raises(DataError, match="no time column"):
        damaged("stale_rows")


@pytest.mark.parametrize("kind", ["biased_predictions", "jittery_predictions", "nan_predictions"])
def test_each_damage_to_answers_destroys_one_thing(damaged, frame, kind) -> None:
    """Too high, in chaos, or with holes; frames and requests alike."""
    plain = damaged("").predict(frame)["late"]
    predictor = damaged(kind)
    for spoiled in (
        predictor.predict(frame)["late"],
        pd.Series(predictor.answer(asked(frame)).outputs),
    ):
        if kind == "biased_predictions":
            assert (spoiled.to_numpy() > plain.to_numpy()).all()
        elif kind == "nan_predictions":
            assert spoiled.isna().mean() == pytest.approx(0.1, abs=0.01)
        else:
            assert abs(roc_auc_score(frame["late"], spoiled) - 0.5) < 0.06
            assert spoiled.between(0, 1).all()


def test_only_the_candidate_is_damaged(damaged, frame, make, tmp_path, monkeypatch) -> None:
    """A champion loaded beside it answers as it always does."""
    champion = make(tmp_path / "champion")
    plain = load_predictor(champion.folder).predict(frame)
    monkeypatch.setenv("NBPROD_GATE_CANDIDATE", str(tmp_path / "another"))
    monkeypatch.setenv("NBPROD_SABOTAGE", "constant")
    pd.testing.assert_frame_equal(load_predictor(champion.folder).predict(frame), plain)
