"""Runs, versions and aliases in a real MLflow on SQLite, without a word on stdout."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from datetime import UTC, datetime

import pytest

from nbprod import tracking
from nbprod.errors import StoreError


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """A tracking URI and a folder of artifacts."""
    folder = tmp_path_factory.mktemp("tracking")
    (folder / "made" / "bundle").mkdir(parents=True)
    (folder / "made" / "bundle" / "bundle.json").write_text("{}")
    return f"sqlite:///{folder}/store/mlflow.db", folder


def _log(uri, folder, **more):
    values = {
        "parameters": {"trees": 8, "name": "x", "none": None, "long": "y" * 7000},
        "metrics": {"auc": 0.75},
        "tags": {"nbprod.digest": "d"},
        "artifacts": folder / "made",
        "started_at": datetime(2026, 1, 1, tzinfo=UTC),
    }
    return tracking.log_run(uri, "trips", **{**values, **more})


def test_a_run_is_logged_whole(store):
    """Parameters, metrics, tags, times and files are what MLflow gives back."""
    from mlflow import MlflowClient

    uri, folder = store
    run_id = _log(uri, folder)
    run = MlflowClient(uri).get_run(run_id)
    assert tuple(run.data.params[k] for k in ("trees", "name", "none")) == ("8", "x", "null")
    assert run.data.metrics == {"auc": 0.75}
    assert (run.data.tags["nbprod.digest"], run.info.status) == ("d", "FINISHED")
    assert datetime(2026, 1, 1, tzinfo=UTC).timestamp() * 1000 == run.info.start_time
    assert run.info.artifact_uri.startswith((folder / "store" / "mlartifacts").as_uri())
    files = MlflowClient(uri).list_artifacts(run_id, "bundle")
    assert [file.path for file in files] == ["bundle/bundle.json"]


def test_versions_count_up_and_aliases_move(store):
    """Each registered run is the next version; an alias points at one of them."""
    uri, folder = store
    assert tracking.aliases(uri, "model") == {}
    assert tracking.alias(uri, "model", "champion") is None
    run_id = _log(uri, folder)
    assert [tracking.register(uri, "model", run_id) for _ in range(2)] == [1, 2]
    tracking.set_alias(uri, "model", "candidate", 1)
    tracking.set_alias(uri, "model", "candidate", 2)
    tracking.set_alias(uri, "model", "champion", 1)
    assert tracking.aliases(uri, "model") == {"candidate": 2, "champion": 1}
    tracking.delete_alias(uri, "model", "champion")
    assert tracking.alias(uri, "model", "champion") is None


def test_a_version_that_was_deleted_or_made_anew_is_another(store):
    """A candidate is in the registry as long as its own run's version is."""
    from mlflow import MlflowClient

    uri, folder = store
    run_id, other = _log(uri, folder), _log(uri, folder)
    assert tracking.register(uri, "gone", run_id) == 1
    assert tracking.is_registered(uri, "gone", 1, run_id)
    MlflowClient(uri).delete_model_version("gone", "1")
    assert not tracking.is_registered(uri, "gone", 1, run_id)
    MlflowClient(uri).delete_registered_model("gone")
    assert not tracking.is_registered(uri, "gone", 1, run_id)
    assert tracking.register(uri, "gone", other) == 1
    assert not tracking.is_registered(uri, "gone", 1, run_id)


def test_what_mlflow_raises_is_a_store_error(store):
    """A missing version and an unreachable server have a hint."""
    uri, _ = store
    with pytest.raises(StoreError) as caught:
        tracking.set_alias(uri, "nothing", "champion", 9)
    assert caught.value.hint
    with pytest.raises(StoreError):
        tracking.aliases("sqlite:////proc/none/mlflow.db", "model")
    with pytest.raises(StoreError) as caught:
        tracking.aliases("http://me:hidden@127.0.0.1:9", "model")
    assert "hidden" not in str(caught.value)


def test_a_new_store_is_set_up_in_silence(tmp_path):
    """Database set-up writes nothing to stdout, where records are printed; no telemetry is on."""
    code = (
        "import os\nfrom nbprod import tracking\n"
        f"tracking.aliases('sqlite:///{tmp_path}/new/mlflow.db', 'm')\n"
        "assert os.environ['MLFLOW_DISABLE_TELEMETRY'] == 'true'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


def test_two_who_make_a_store_at_once_make_one(tmp_path):
    """Neither fails, and the store they leave behind can be used: its tables were made once."""
    uri = f"sqlite:///{tmp_path}/store/mlflow.db"
    look = f"from nbprod import tracking; print(tracking.aliases({uri!r}, 'm'))"
    ask = [sys.executable, "-c", look]
    both = [subprocess.Popen(ask, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [process.communicate(timeout=120)[0] for process in both]
    assert told == ["{}\n", "{}\n"]
    assert tracking.aliases(uri, "m") == {}


def test_evidence_lies_with_the_run_and_the_verdict_with_the_version(store):
    """A folder goes under its place in the run's artifacts; tags go to the model version."""
    from mlflow import MlflowClient

    uri, folder = store
    run_id = _log(uri, folder)
    number = tracking.register(uri, "judged", run_id)
    (folder / "evidence").mkdir(exist_ok=True)
    (folder / "evidence" / "report.md").write_text("passed")
    tags = {"nbprod.gate": "passed"}
    evidence = {"folder": folder / "evidence", "place": "gate/1", "tags": tags}
    tracking.log_evidence(uri, "judged", number, run_id, **evidence)
    client = MlflowClient(uri)
    assert [file.path for file in client.list_artifacts(run_id, "gate/1")] == ["gate/1/report.md"]
    assert client.get_model_version("judged", str(number)).tags == tags
    with pytest.raises(StoreError):
        tracking.log_evidence(uri, "nobody", 7, run_id, **evidence)


def test_a_locked_database_is_told(tmp_path):
    """Another program holds the SQLite file: one error with what to do, and nothing was changed."""
    uri = f"sqlite:///{tmp_path}/store/mlflow.db"
    assert tracking.aliases(uri, "model") == {}
    other = sqlite3.connect(tmp_path / "store" / "mlflow.db")
    other.execute("begin exclusive")
    try:
        with pytest.raises(StoreError, match="locked") as caught:
            _log(uri, tmp_path)
        assert "another program" in caught.value.hint
    finally:
        other.rollback()
        other.close()
    assert tracking.aliases(uri, "model") == {}
