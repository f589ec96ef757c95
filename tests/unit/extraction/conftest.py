"""Notebooks written cell by cell, extracted, and run both ways: as cells and as a module."""

from __future__ import annotations

import importlib
import itertools
import json
import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from nbprod.extraction import extract
from nbprod.records import Extraction

_NUMBER = itertools.count()


def flights(rows: int = 60) -> pd.DataFrame:
    """A small frame with a label, numbers, a category, nulls and a date."""
    random = np.random.default_rng(7)
    frame = pd.DataFrame(
        {
            "flight_id": range(rows),
            "day": pd.date_range("2013-01-01", periods=rows, freq="D"),
            "carrier": random.choice(["AA", "UA", "DL"], rows),
            "distance": random.integers(100, 3000, rows).astype(float),
            "dep_delay": random.normal(10, 20, rows).round(1),
        }
    )
    frame.loc[::7, "dep_delay"] = np.nan
    frame["late"] = (random.random(rows) < 0.4).astype(int)
    return frame


def write_notebook(path: Path, cells: list[tuple[str, str]]) -> Path:
    """A notebook of (role, source) cells with the ids c1, c2, ..."""
    content = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {"tags": [_tag(role)]} if role else {},
                "execution_count": None,
                "outputs": [],
                "source": source.strip("\n").splitlines(keepends=True),
            }
            for number, (role, source) in enumerate(cells, start=1)
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def _tag(role: str) -> str:
    return role if role == "parameters" else f"nbprod:{role}"


@dataclass
class Carried:
    """A notebook, its module on disk, and the record of the extraction."""

    record: Extraction
    notebook: Path
    package: Path
    cells: list[tuple[str, str]]

    def text(self, file: str) -> str:
        return (self.package / file).read_text(encoding="utf-8")

    def load(self) -> Any:
        return importlib.import_module(self.package.name)

    def module(self, file: str) -> Any:
        return importlib.import_module(f"{self.package.name}.{file}")

    def codes(self) -> list[str]:
        return [item.code for item in self.record.findings]

    def run_cells(self) -> dict[str, Any]:
        """Every cell, in order, in one namespace."""
        namespace: dict[str, Any] = {"__name__": "__notebook__", "display": lambda *_: None}
        for number, (_, source) in enumerate(self.cells, start=1):
            code = compile(source, f"<cell {number}>", "exec", dont_inherit=True)
            exec(code, namespace)
        return namespace

    def run_module(self, label: str = "late") -> dict[str, Any]:
        """The road as nbprod walks it: load, split, fit, transform, train, predict."""
        parameters = self.module("parameters").Parameters()
        features, result = self.module("features"), {}
        frame = self.module("data").load(parameters)
        train = holdout = frame
        if hasattr(self.module("data"), "split"):
            train, holdout = self.module("data").split(frame, parameters)
        state = features.fit(train.copy(), parameters)
        given = train.copy()
        made = features.transform(given, state)
        pd.testing.assert_frame_equal(given, train)  # the input is left alone
        result |= {"frame": frame, "train": train, "holdout": holdout, "state": state}
        result |= {"features": made, "parameters": parameters}
        raw = holdout.drop(columns=[label], errors="ignore")  # a request has no label
        result["holdout_features"] = features.transform(raw, state)
        if (self.package / "training.py").exists():
            model = self.module("training").train(made, train[label], parameters)
            result["model"] = model
            if (self.package / "inference.py").exists():
                predict = self.module("inference").predict
                result["predictions"] = predict(model, result["holdout_features"], state)
        return result

    def proves(self, **pairs: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Run both ways and compare: what the module calls ``key``, the cells call ``value``."""
        cells, module = self.run_cells(), self.run_module()
        for key, name in pairs.items():
            left, right = module[key], cells[name]
            if isinstance(left, pd.DataFrame):
                pd.testing.assert_frame_equal(left, right)
            elif isinstance(left, pd.Series):
                pd.testing.assert_series_equal(left, right)
            else:
                assert left == right, key
        return cells, module


@pytest.fixture
def data_uri(tmp_path: Path) -> str:
    """A parquet file of small flights."""
    path = tmp_path / "flights.parquet"
    flights().to_parquet(path)
    return str(path)


@pytest.fixture
def carry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Carried]]:
    """``carry(cells, label="late")`` writes a notebook of (role, source) cells and extracts it."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    made: list[str] = []

    def make(cells: list[tuple[str, str]], label: str = "late", **options: Any) -> Carried:
        name = options.pop("package", f"module_{os.getpid()}_{next(_NUMBER)}")
        made.append(name)
        notebook = write_notebook(tmp_path / "notebooks" / "train.ipynb", cells)
        package = tmp_path / name
        record = extract(notebook, package, label=label, project_path=tmp_path, **options)
        importlib.invalidate_caches()
        return Carried(record, notebook, package, cells)

    yield make
    for name in made:
        for loaded in [n for n in sys.modules if n == name or n.startswith(f"{name}.")]:
            del sys.modules[loaded]
