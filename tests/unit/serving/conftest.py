"""A tiny bundle of a hand-written package, and the application that answers with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from nbprod.predictor import load_package, write_bundle
from nbprod.records import ColumnRule, DataContract, Snapshot
from nbprod.serving import LocalService, ServiceOptions

FEATURES = """\
from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    scale: float


def fit(frame, parameters):
    return State(scale=parameters.scale)


def transform(frame, state):
    if (frame["minutes"] == 13).any():
        raise ValueError("thirteen")
    return (frame[["km", "minutes"]].astype("float64")) * state.scale
"""
INFERENCE = """\
import pandas as pd


def predict(model, features, state=None):
    late = features["minutes"] / 100.0 + model.predict([[0.0]])[0]
    return pd.DataFrame({"late": late}, index=features.index)
"""
PARAMETERS = """\
from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    scale: float = 1.0
"""
CONTRACT = DataContract(
    package="trips",
    source_digest="0" * 64,
    input=(
        ColumnRule(name="trip", dtype="str"),
        ColumnRule(name="km", dtype="int", minimum=0),
        ColumnRule(name="minutes", dtype="float", minimum=0.0, nullable=True),
        ColumnRule(name="city", dtype="str", categories=("Bern", "Zug")),
    ),
    output=(ColumnRule(name="late", dtype="float", minimum=-1000.0, maximum=1000.0),),
    key=("trip",),
)


def write_trips(
    folder: Path, *, bias: float = 0.0, broken: bool = False, features: str = FEATURES
) -> Path:
    """A bundle whose prediction is ``minutes / 100 + bias``; 13 minutes raise.

    broken: its module cannot be imported. features: another features.py.
    """
    from sklearn.linear_model import LinearRegression

    package = folder / "trips"
    package.mkdir(parents=True)
    sources = {
        "__init__.py": "",
        "parameters.py": PARAMETERS,
        "features.py": features,
        "inference.py": "raise ImportError('no such thing')\n" if broken else INFERENCE,
    }
    for name, text in sources.items():
        (package / name).write_text(text, encoding="utf-8")
    hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sources.items()}
    version = hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()
    manifest = {
        "format": 1,
        "notebook": "notebooks/train.ipynb",
        "package": "trips",
        "version": version,
        "files": hashes,
        "cells": {},
        "lines": {"features.py": [[14, "make-features", 2, 3]]},
        "entry_points": [],
    }
    (package / "nbprod.json").write_text(json.dumps(manifest), encoding="utf-8")
    module = load_package(package, version)
    write_bundle(
        folder / "bundle",
        name="trip-delay",
        package_path=package,
        module_version=version,
        contract=CONTRACT,
        state=module.features.State(scale=1.0),
        model=LinearRegression().fit([[0.0], [1.0]], [bias, bias]),
        parameters={"scale": 1.0},
        snapshot=Snapshot(uri="trips.parquet", digest="1" * 64, rows=2, columns=("km",)),
        lock_text="",
    )
    return folder / "bundle"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_trips(tmp_path_factory.mktemp("bundle"))


@pytest.fixture
def options(tmp_path: Path) -> ServiceOptions:
    return ServiceOptions(
        deployment="trips",
        release="3",
        log_folder=tmp_path / "logs",
        profile_folder=tmp_path / "profiles",
        model_name="trip-delay",
        label="late",
        timeout_s=10.0,
        batch_unproven=True,
    )


@pytest.fixture
def local(bundle: Path, options: ServiceOptions) -> Iterator[LocalService]:
    with LocalService(bundle, options) as service:
        yield service
