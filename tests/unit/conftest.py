"""A small generated package about made-up trips, written by hand; rooms share it as `trips`."""

from __future__ import annotations

import hashlib
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from nbprod.predictor import Bundle, load_package, write_bundle
from nbprod.records import ColumnRule, DataContract, Snapshot

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = {
    "__init__.py": '"""Generated."""\n',
    "parameters.py": """\
from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    data: str = "trips.parquet"
    slow: float = 12.0
    trees: int = 8
    name: str = "base"
    verbose: bool = False
""",
    "lib.py": """\
def ratio(a, b):
    return a / b
""",
    "features.py": """\
from dataclasses import dataclass
from typing import Any

from .lib import ratio


@dataclass(frozen=True)
class State:
    means: dict[str, float]
    slow: float


def fit(frame, parameters):
    means = frame.groupby("city")["minutes"].mean().to_dict()
    return State(means=means, slow=parameters.slow)


def transform(frame, state):
    if "late" in frame or "arrived" in frame:
        raise RuntimeError("transform saw what is known only afterwards")
    out = frame[["km"]].astype("float64")
    out["speed"] = ratio(frame["km"], frame["minutes"])
    out["city_mean"] = frame["city"].map(state.means).astype("float64")
    out["slow"] = (frame["minutes"] > state.slow).astype("int64")
    return out
""",
    "inference.py": """\
import pandas as pd


def predict(model, features, state=None):
    return pd.DataFrame({"late": model.predict_proba(features)[:, 1]}, index=features.index)
""",
    "training.py": """\
from sklearn.linear_model import LogisticRegression


def train(features, label, parameters):
    return LogisticRegression(max_iter=500).fit(features, label)
""",
    "data.py": """\
import pandas as pd


def load(parameters):
    return pd.read_parquet(parameters.data)
""",
}


def write_package(folder: Path, sources: dict[str, str] | None = None, **more: str) -> Path:
    """The package's files and a manifest as extraction writes it."""
    files = {**(sources or SOURCES), **{f"{name}.py": text for name, text in more.items()}}
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    hashes = {n: hashlib.sha256(t.encode()).hexdigest() for n, t in files.items()}
    manifest = {
        "format": 1,
        "notebook": "notebooks/train.ipynb",
        "package": folder.name,
        "version": hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest(),
        "files": hashes,
        "cells": {},
        "entry_points": [],
    }
    (folder / "nbprod.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def trip_rows(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Made-up trips whose lateness follows from their minutes."""
    rng = np.random.default_rng(seed)
    minutes = rng.uniform(5, 30, rows)
    return pd.DataFrame(
        {
            "km": rng.integers(1, 40, rows),
            "minutes": minutes,
            "city": rng.choice(["Bern", "Basel", "Zug"], rows),
            "at": pd.date_range("2026-01-01", periods=rows, freq="h"),
            "arrived": minutes + 1,
            "late": (minutes + rng.normal(0, 3, rows) > 15).astype("int64"),
        }
    )


CONTRACT = DataContract(
    package="trips",
    source_digest="0" * 64,
    input=(
        ColumnRule(name="km", dtype="int", minimum=0),
        ColumnRule(name="minutes", dtype="float", minimum=0.1),
        ColumnRule(name="city", dtype="str", categories=("Bern", "Basel", "Zug")),
    ),
    output=(ColumnRule(name="late", dtype="float", minimum=0.0, maximum=1.0),),
)
SNAPSHOT = Snapshot(uri="trips.parquet", digest="1" * 64, rows=400, columns=("km",))


def make_bundle(folder: Path, package: Path, model: Any = None, **changes: Any) -> Bundle:
    """A bundle of the package with a state and a model fitted on the trips."""
    from sklearn.linear_model import LogisticRegression

    module = load_package(package, "ab" * 32)
    frame = trip_rows()
    parameters = module.parameters.Parameters()
    state = module.features.fit(frame, parameters)
    features = module.features.transform(frame.drop(columns=["late", "arrived"]), state)
    if model is None:
        model = LogisticRegression(max_iter=500).fit(features, frame["late"])
    values = {
        "name": "trip-delay",
        "package_path": package,
        "module_version": "ab" * 32,
        "contract": CONTRACT,
        "state": state,
        "model": model,
        "parameters": {"slow": 12.0},
        "snapshot": SNAPSHOT,
        "lock_text": "numpy==2\n",
        "call": lambda m: module.inference.predict(m, features.head(4), state),
    }
    return write_bundle(folder, **{**values, **changes})


@pytest.fixture
def trips() -> SimpleNamespace:
    """The package's sources and writers: `write`, `frame`, `bundle`, `contract`."""
    return SimpleNamespace(
        sources=dict(SOURCES),
        write=write_package,
        frame=trip_rows,
        bundle=make_bundle,
        contract=CONTRACT,
        snapshot=SNAPSHOT,
    )
