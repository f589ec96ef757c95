"""A run done again: the same to the bit, or what differs first; changed data is refused by name."""

from __future__ import annotations

import dataclasses

import pandas as pd
import pytest

from nbprod.errors import DataError, NbprodError
from nbprod.masking import MASKED
from nbprod.training import reproduce, train
from nbprod.training.reproduce import settings_of, worst


@pytest.fixture
def trained(project, trips, tmp_path):
    """A run of the trips, and how to do it again."""
    run = train(project, contract=trips.contract, out=tmp_path / "run", parameters={}, seed=7)

    def again(run=run, settings=project, kept=tmp_path / "run" / "data", **more):
        return reproduce(settings, run, release=tmp_path / "run" / "bundle", kept=kept, **more)

    return run, again


def _steps(done):
    return {step.name: step.verdict for step in done.steps}


def test_the_same_run_is_bit_equal_at_every_step(trained):
    """Data, rows held out, state, features, model, predictions and metrics."""
    run, again = trained
    done = again()
    assert set(_steps(done).values()) == {"bit-equal"}
    assert list(_steps(done)) == [
        "data",
        "holdout",
        "state",
        "features",
        "model",
        "predictions",
        "metrics",
    ]
    assert worst(done.steps) == "bit-equal"
    assert done.metrics == run.metrics


def test_the_released_code_is_what_runs(trained, tmp_path):
    """The module edited since does not matter: the bundle has its own."""
    (tmp_path / "trips" / "training.py").write_text("raise RuntimeError('edited')\n")
    _, again = trained
    assert worst(again().steps) == "bit-equal"


def test_settings_of_the_run_win_over_those_of_today(trained, trip_settings, tmp_path):
    """Another holdout in nbprod.toml today does not change what the run held out."""
    _, again = trained
    today = trip_settings(tmp_path, holdout={"fraction": 0.5})
    assert worst(again(settings=today).steps) == "bit-equal"


def test_without_the_runs_own_rows_the_released_model_answers(trained):
    """On another machine predictions are compared with the released model's; it is said so."""
    _, again = trained
    done = again(kept=None)
    assert _steps(done) == {
        "data": "bit-equal",
        "holdout": "not compared",
        "state": "bit-equal",
        "features": "not compared",
        "model": "bit-equal",
        "predictions": "bit-equal",
        "metrics": "bit-equal",
    }
    assert worst(done.steps) == "bit-equal"
    assert "computed here" in {step.name: step.reason for step in done.steps}["predictions"]


CHANGES = [
    (lambda f: f.assign(minutes=f["minutes"].where(f.index != 3, 9.75)), "values differ"),
    (lambda f: f.iloc[:-1], "399 rows, it had 400"),
    (lambda f: f.drop(columns="at"), "no column 'at'"),
    (lambda f: f.assign(more=1), "new column 'more'"),
    (lambda f: f.assign(km=f["km"].astype("float64")), "'km' is float64, it was int64"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES, ids=[said for _, said in CHANGES])
def test_changed_rows_are_refused_by_name(trained, trips, tmp_path, change, said):
    """Rows that are not the snapshot's: the reference and the first difference are named."""
    change(trips.frame()).to_parquet(tmp_path / "trips.parquet")
    run, again = trained
    moved = dataclasses.replace(run.snapshot, sources={})  # found by the rows, not by the file
    with pytest.raises(DataError, match="not the data that the release was trained on") as caught:
        again(run=dataclasses.replace(run, snapshot=moved))
    assert "trips.parquet" in caught.value.message
    assert said in caught.value.message
    with pytest.raises(DataError, match=r"trips\.parquet"):
        again()


def test_the_layout_of_the_file_does_not_matter(trained, trips, tmp_path):
    """Other row groups and compression: other bytes, the same rows."""
    trips.frame().to_parquet(tmp_path / "trips.parquet", row_group_size=7, compression="gzip")
    _, again = trained
    assert worst(again().steps) == "bit-equal"


def test_a_copied_snapshot_outlives_its_reference(project, trips, tmp_path, trip_settings):
    """With `snapshot = "copy"` the rows come from the run, changed or gone as the file may be."""
    settings = trip_settings(tmp_path, snapshot="copy")
    out = tmp_path / "run"
    run = train(settings, contract=trips.contract, out=out, parameters={})
    for change in (lambda p: trips.frame(50).to_parquet(p), lambda p: p.unlink()):
        change(tmp_path / "trips.parquet")
        done = reproduce(settings, run, release=out / "bundle", kept=out / "data")
        assert worst(done.steps) == "bit-equal"
        assert "own copy" in done.steps[0].reason
        with pytest.raises(NbprodError):
            reproduce(settings, run, release=out / "bundle", kept=None)


def test_a_file_that_only_the_state_reads_is_looked_at_too(project, trips, tmp_path):
    """A second table named by a parameter is part of what the run read."""
    (tmp_path / "extra.csv").write_text("city,extra\nBern,1\n")
    run = train(
        project,
        contract=trips.contract,
        out=tmp_path / "run",
        parameters={"name": "extra.csv"},
    )
    assert set(run.snapshot.sources) == {"trips.parquet", "extra.csv"}
    (tmp_path / "extra.csv").write_text("city,extra\nBern,2\n")
    with pytest.raises(DataError, match=r"extra\.csv has other content"):
        reproduce(project, run, release=tmp_path / "run" / "bundle", kept=None)


def test_a_training_that_varies_is_different_and_says_where(project, trips, tmp_path):
    """Model and predictions differ, data and features do not; the first difference is told."""
    path = tmp_path / "trips" / "training.py"
    path.write_text(
        "import time\n"
        + path.read_text()
        .replace("fit(features, label)", "fit(features, label)")
        .replace("max_iter=500", "max_iter=500, C=time.time_ns() % 1000 / 1e5 + 1e-4")
    )
    out = tmp_path / "run"
    run = train(project, contract=trips.contract, out=out, parameters={})
    done = reproduce(project, run, release=out / "bundle", kept=out / "data")
    verdicts = _steps(done)
    assert (verdicts["features"], verdicts["predictions"]) == ("bit-equal", "different")
    assert worst(done.steps) == "different"
    reasons = {step.name: step.reason for step in done.steps}
    assert reasons["predictions"].startswith("column late, row ")
    assert "judged by the predictions" in reasons["model"]


def test_a_small_distance_is_within_tolerance(trained, tmp_path):
    """What is not the same to the bit but near enough is called so, with its distance."""
    kept = tmp_path / "run" / "data" / "predictions.parquet"
    predictions = pd.read_parquet(kept)
    (predictions * (1 + 1e-9)).to_parquet(kept)
    _, again = trained
    done = again()
    assert _steps(done)["predictions"] == "within tolerance"
    assert worst(done.steps) == "within tolerance"
    assert 0 < done.steps[5].distance < 1e-8
    assert worst(again(tolerance="exact").steps) == "different"


def test_a_masked_value_is_taken_from_the_project_of_today(trained, trip_settings, tmp_path):
    """A password was never kept: the URL is today's, where it is the same URL but for that."""
    run, _ = trained
    kept = f"postgresql://me:{MASKED}@host/db"
    told = {**run.settings, "data": {**run.settings["data"], "train": kept}}
    masked = dataclasses.replace(run, settings=told)
    today = trip_settings(tmp_path, train="postgresql://me:hunter42@host/db")
    assert settings_of(today, masked).data.train == "postgresql://me:hunter42@host/db"
    other = trip_settings(tmp_path, train="postgresql://me:hunter42@elsewhere/db")
    assert settings_of(other, masked).data.train == kept
