"""A project of the trips, ready for a run."""

from __future__ import annotations

import shutil

import pytest

from nbprod import tracking
from nbprod.config import Settings


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory):
    """An MLflow database that is set up already: setting up takes seconds."""
    folder = tmp_path_factory.mktemp("mlflow")
    tracking.aliases(f"sqlite:///{folder}/mlflow.db", "none")
    return folder / "mlflow.db"


@pytest.fixture
def project(tmp_path, trips, monkeypatch, empty_store):
    """A project of the trips: package, data, settings; its folder is the working directory."""
    (tmp_path / ".nbprod").mkdir()
    shutil.copy(empty_store, tmp_path / ".nbprod" / "mlflow.db")
    trips.write(tmp_path / "trips")
    trips.frame().to_parquet(tmp_path / "trips.parquet")
    monkeypatch.chdir(tmp_path)
    return _settings(tmp_path)


def _settings(folder, **data):
    plain = Settings(project_path=str(folder)).to_json()
    plain["model"] |= {"name": "trips", "owner": "me@example.com"}
    plain["data"] |= {
        "train": "trips.parquet",
        "label": "late",
        "time": "at",
        "known_after": ["arrived"],
        "holdout": {"fraction": 0.25},
        **data,
    }
    return Settings.from_json(plain)


@pytest.fixture
def trip_settings():
    """Settings of a trips project in a folder, with other values in [data]."""
    return _settings
