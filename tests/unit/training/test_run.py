"""A run goes from module and data to a registered candidate, whole or not at all."""

from __future__ import annotations

import dataclasses
import json
import platform
import subprocess
from pathlib import Path

import pandas as pd
import pytest

from nbprod import tracking
from nbprod.data.profile import Profile
from nbprod.errors import ConfigError, DataError, ExecutionError, StoreError
from nbprod.predictor import Predictor, read_bundle, replay_golden, verify_bundle
from nbprod.predictor.bundle import hash_file
from nbprod.records import sha256
from nbprod.training import train


def _train(settings, trips, out, **more):
    return train(settings, contract=trips.contract, out=out, **{"parameters": {}, **more})


def test_a_run_leaves_a_whole_registered_candidate(project, trips, tmp_path):
    """Bundle, rows, metrics, profile, MLflow version and alias all tell of the same run."""
    out = tmp_path / "runs" / "1"
    told = []
    run = _train(
        project,
        trips,
        out,
        parameters={"slow": "9.5"},
        seed=3,
        progress=lambda message, fraction: told.append((message, fraction)),
    )
    assert (run.train_rows, run.holdout_rows) == (300, 100)
    assert run.parameters["slow"] == 9.5
    assert {"auc", "brier", "log_loss", "accuracy"} == set(run.metrics)
    assert run.metrics["auc"] > 0.9
    bundle = read_bundle(out / "bundle")
    assert verify_bundle(out / "bundle") == []
    assert bundle.digest == run.candidate.digest
    assert trips.contract.digest == run.candidate.contract_digest
    assert {"code": 0} | {path: hash_file(out / path) for path in run.artifacts} == {
        "code": 0
    } | run.artifacts
    assert {
        "data/holdout.parquet",
        "data/predictions.parquet",
        "data/sample.parquet",
        "data/sample_features.parquet",
        "data/golden.json",
    } == set(run.artifacts)
    assert run.snapshot.rows == 400
    assert sha256((out / "bundle" / "lock.txt").read_text()) == run.lock_digest
    assert run.candidate.number == 1
    assert tracking.aliases(project.tracking_uri, "trips") == {"candidate": 1}
    assert sorted(path.name for path in out.iterdir()) == ["bundle", "data"]
    assert told[-1][1] == 1.0
    columns = Profile.load(out / "bundle" / "profile.bin").columns()
    assert {"input.km", "features.speed", "output.late"} <= set(columns)
    assert "input.late" not in columns


def test_the_registered_version_is_a_model_mlflow_can_load(project, trips, tmp_path):
    """`models:/trips@candidate` loads as a pyfunc and answers as the predictor does."""
    import mlflow

    _train(project, trips, tmp_path / "run")
    mlflow.set_tracking_uri(project.tracking_uri)
    try:
        model = mlflow.pyfunc.load_model("models:/trips@candidate")
    finally:
        mlflow.set_tracking_uri(None)
    frame = trips.frame(20)
    expected = Predictor.load(tmp_path / "run" / "bundle").predict(frame)
    pd.testing.assert_frame_equal(expected, model.predict(frame))


def test_the_sample_is_what_the_model_was_fed(project, trips, tmp_path):
    """The kept features are the predictor's own for the kept raw rows, exactly."""
    _train(project, trips, tmp_path / "run")
    predictor = Predictor.load(tmp_path / "run" / "bundle")
    sample = pd.read_parquet(tmp_path / "run" / "data" / "sample.parquet")
    fed = pd.read_parquet(tmp_path / "run" / "data" / "sample_features.parquet")
    pd.testing.assert_frame_equal(fed, predictor.transform(sample), check_exact=True)
    assert "late" in sample


def test_golden_requests_are_answered_the_same(project, trips, tmp_path):
    """Replaying finds nothing in the same bundle, and something in another model."""
    _train(project, trips, tmp_path / "run")
    predictor = Predictor.load(tmp_path / "run" / "bundle")
    golden = tmp_path / "run" / "data" / "golden.json"
    assert len(json.loads(golden.read_text())) == 20
    assert replay_golden(predictor, golden) == []
    predictor.model.coef_ = predictor.model.coef_ * 2
    assert replay_golden(predictor, golden)[0].code == "NBS014"


def test_the_same_run_twice_gives_the_same_bundle(project, trips, tmp_path):
    """Same module, data, parameters and seed: the same bytes, so the same digest."""
    first = _train(project, trips, tmp_path / "a", seed=1)
    second = _train(project, trips, tmp_path / "b", seed=1)
    files = [read_bundle(tmp_path / name / "bundle").files for name in "ab"]
    differing = {path for path in files[0] if files[0][path] != files[1].get(path)}
    assert differing <= {"profile.bin", "bundle.json"}
    assert (first.candidate.number, second.candidate.number) == (1, 2)
    assert tracking.alias(project.tracking_uri, "trips", "candidate") == 2


def test_what_train_does_to_its_features_is_kept(project, trips, tmp_path):
    """A train cell that changes a feature in place has fed the changed one: the sample says so."""
    (tmp_path / "trips" / "training.py").write_text(
        trips.sources["training.py"].replace(
            "    return LogisticRegression(max_iter=500).fit(features, label)",
            "    features['speed'] *= 2\n"
            "    model = LogisticRegression(max_iter=500).fit(features, label)\n"
            "    features['note'] = 1\n"
            "    return model",
        )
    )
    _train(project, trips, tmp_path / "run")
    sample = pd.read_parquet(tmp_path / "run" / "data" / "sample.parquet")
    fed = pd.read_parquet(tmp_path / "run" / "data" / "sample_features.parquet")
    served = Predictor.load(tmp_path / "run" / "bundle").transform(sample)
    assert list(served.columns) == list(fed.columns)
    assert (fed["speed"] == 2 * served["speed"]).all()


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("training.py", "    return", "    raise ValueError('no luck')\n    return", "no luck"),
        (
            "training.py",
            "    return",
            "    model = object()\n    return model\n    return",
            "object",
        ),
        ("data.py", "    return", "    1 / 0\n    return", "data.load"),
        (
            "features.py",
            "parameters.slow",
            "type('F', (float,), {})(parameters.slow)",
            "State.slow",
        ),
        ("inference.py", "index=features.index", "index=features.index[::-1]", "another index"),
    ],
)
def test_a_failure_leaves_nothing(project, trips, tmp_path, file, old, new, message):
    """When the user's code fails the run's folder stays empty and no alias moves."""
    path = tmp_path / "trips" / file
    path.write_text(path.read_text().replace(old, new, 1))
    out = tmp_path / "run"
    out.mkdir()
    with pytest.raises(ExecutionError, match=message) as caught:
        _train(project, trips, out)
    assert caught.value.hint
    assert list(out.iterdir()) == []
    assert tracking.aliases(project.tracking_uri, "trips") == {}


def test_an_error_names_its_place(project, trips, tmp_path):
    """The module's file and line stand in the error."""
    path = tmp_path / "trips" / "training.py"
    path.write_text(path.read_text().replace("    return", "    raise ValueError('x')\n    return"))
    with pytest.raises(ExecutionError, match=r"trips/training.py, line 5") as caught:
        _train(project, trips, tmp_path / "run")
    assert (caught.value.details["file"], caught.value.details["file_line"]) == ("training.py", 5)
    assert caught.value.notebook == "notebooks/train.ipynb"


def test_parameters_are_checked_first(project, trips, tmp_path):
    """An unknown name and a wrong type are refused before any data is read."""
    (tmp_path / "trips.parquet").unlink()
    with pytest.raises(ConfigError, match="no parameter 'slwo'") as caught:
        _train(project, trips, tmp_path / "run", parameters={"slwo": 1})
    assert caught.value.hint == "did you mean 'slow'?"
    with pytest.raises(ConfigError, match="'trees' is 'many'"):
        _train(project, trips, tmp_path / "run", parameters={"trees": "many"})


@pytest.mark.parametrize(
    ("data", "kind", "message"),
    [
        ({"label": "lte"}, DataError, "no label column 'lte'"),
        ({"label": ""}, ConfigError, "which column is the label"),
        ({"holdout": {"last": "900d"}}, DataError, "0 rows to train on"),
    ],
)
def test_wrong_data_settings_are_refused(
    project, trips, tmp_path, trip_settings, data, kind, message
):
    """A missing label and an empty split are errors with a hint."""
    with pytest.raises(kind, match=message) as caught:
        _train(trip_settings(tmp_path, **data), trips, tmp_path / "run")
    assert caught.value.hint


def test_missing_labels_are_refused(project, trips, tmp_path):
    """Rows without a label are counted in an error, never dropped in silence."""
    frame = trips.frame()
    frame["late"] = frame["late"].astype("float64").mask(frame.index < 7)
    frame.to_parquet(tmp_path / "trips.parquet")
    with pytest.raises(DataError, match="7 of 300 training rows have no 'late'"):
        _train(project, trips, tmp_path / "run")


def test_the_modules_own_split_wins(project, trips, tmp_path):
    """`split` in data.py decides which rows are held out."""
    path = tmp_path / "trips" / "data.py"
    path.write_text(
        path.read_text() + "\n\ndef split(frame, parameters):\n"
        "    return frame[frame.km > 5], frame[frame.km <= 5]\n"
    )
    run = _train(project, trips, tmp_path / "run")
    held = pd.read_parquet(tmp_path / "run" / "data" / "holdout.parquet")
    assert run.holdout_rows == len(held)
    assert (held["km"] <= 5).all()


def test_the_repository_is_written_down(project, trips, tmp_path):
    """Commit and dirty diff are in the record; the diff lies beside the bundle."""
    for command in (["init", "-q"], ["add", "trips"], ["commit", "-qm", "start"]):
        identity = ["-c", "user.name=me", "-c", "user.email=me@example.com"]
        subprocess.run(["git", *identity, *command], cwd=tmp_path, check=True)
    (tmp_path / "trips" / "lib.py").write_text("def ratio(a, b):\n    return a / b  # edited\n")
    run = _train(project, trips, tmp_path / "run")
    assert len(run.git_commit) == 40
    assert run.git_dirty
    assert "# edited" in (tmp_path / "run" / "code.diff").read_text()
    assert "code.diff" in run.artifacts


def test_a_run_is_never_written_over(project, trips, tmp_path):
    """A folder that holds a run is refused."""
    _train(project, trips, tmp_path / "run")
    with pytest.raises(StoreError, match="holds a run already"):
        _train(project, trips, tmp_path / "run")


def test_rows_the_contract_forbids_do_not_train(project, trips, tmp_path):
    """Training rows that serving would refuse are counted in an error."""
    frame = trips.frame()
    frame.loc[:4, "city"] = "Genf"
    frame.to_parquet(tmp_path / "trips.parquet")
    with pytest.raises(DataError, match=r"city: category \(5 rows\)"):
        _train(project, trips, tmp_path / "run")


def test_outputs_outside_the_contract_are_warnings(project, trips, tmp_path):
    """What the contract says of outputs and does not hold on the holdout stands in the record."""
    narrow = dataclasses.replace(trips.contract.output[0], maximum=0.5)
    contract = dataclasses.replace(trips.contract, output=(narrow,))
    run = train(project, contract=contract, out=tmp_path / "run", parameters={})
    assert [finding.severity for finding in run.findings] == ["warning"]
    assert run.findings[0].column == "late"


def test_mlflow_carries_what_decided_the_run(project, trips, tmp_path, monkeypatch):
    """Code, data, parameters, libraries, machine, times, a page to look at; and no secret."""
    from mlflow import MlflowClient

    monkeypatch.setenv("DB_PASSWORD", "opensesame42")
    run = _train(
        project, trips, tmp_path / "run", seed=5, parameters={"name": "told opensesame42 to it"}
    )
    client = MlflowClient(project.tracking_uri)
    logged = client.get_run(run.mlflow_run_id)
    tags = logged.data.tags
    assert tags["nbprod.module_version"] == run.candidate.module_version
    assert tags["nbprod.snapshot"] == run.snapshot.digest
    assert tags["nbprod.snapshot_rows"] == "400"
    assert tags["nbprod.snapshot_time"].startswith("2026-01-01")
    assert tags["nbprod.notebook"] == "notebooks/train.ipynb"
    assert tags["nbprod.lock_sha256"] == run.lock_digest
    assert tags["nbprod.python"] == platform.python_version()
    assert "cores" in tags["nbprod.processor"]
    assert logged.data.params["nbprod.seed"] == "5"
    assert logged.data.params["name"] == "told [masked] to it"
    assert {"seconds.load", "seconds.transform", "seconds.train", "seconds.inference"} <= set(
        logged.data.metrics
    )
    (data,) = logged.inputs.dataset_inputs
    assert run.snapshot.digest.startswith(data.dataset.digest)
    assert json.loads(data.dataset.profile)["digest"] == run.snapshot.digest
    assert json.loads(data.dataset.schema)["minutes"] == "float64"
    files = Path(client.download_artifacts(run.mlflow_run_id, ""))
    told = json.loads((files / "run.json").read_text())
    assert told["snapshot"]["dtypes"]["km"] == "int64"
    assert told["settings"]["data"]["label"] == "late"
    assert "<svg" in (files / "plots" / "run.html").read_text()
    assert (files / "bundle" / "lock.txt").is_file()
    kept = [path for folder in (files, tmp_path / "run") for path in folder.rglob("*")]
    assert not [path for path in kept if path.is_file() and b"opensesame42" in path.read_bytes()]


def test_a_run_that_cannot_be_logged_whole_is_marked_as_failed(
    project, trips, tmp_path, monkeypatch
):
    """The disk is full while files are logged: FAILED in MLflow, no candidate, an empty folder."""
    from mlflow import MlflowClient

    def full(self, run_id, folder):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(MlflowClient, "log_artifacts", full)
    with pytest.raises(StoreError, match="No space left") as caught:
        _train(project, trips, tmp_path / "run")
    assert "room" in caught.value.hint
    client = MlflowClient(project.tracking_uri)
    experiment = client.get_experiment_by_name("trips")
    (left,) = client.search_runs([experiment.experiment_id])
    assert left.info.status == "FAILED"
    assert tracking.aliases(project.tracking_uri, "trips") == {}
    assert list((tmp_path / "run").iterdir()) == []
