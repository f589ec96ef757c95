"""A tiny real project for gates: a bundle, held-out rows, notebooks and settings."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING, Any

import nbformat
import numpy as np
import pandas as pd

from nbprod.config import Data, Envelope, Gate, Model, Notebooks, Settings
from nbprod.data.profile import Profile
from nbprod.gates import evaluate_gate
from nbprod.predictor import Bundle, load_package, write_bundle
from nbprod.records import (
    Candidate,
    ColumnRule,
    DataContract,
    GateResult,
    ParityReport,
    RelationResult,
    Snapshot,
    TrainingRun,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

SOURCES = {
    "__init__.py": '"""Generated."""\n',
    "features.py": """\
from dataclasses import dataclass


@dataclass(frozen=True)
class State:
    shift: float


def transform(frame, state):
    return (frame[["x"]] - state.shift).astype("float64")
""",
    "inference.py": """\
import pandas as pd


def predict(model, features, state=None):
    return pd.DataFrame({"late": model.predict_proba(features)[:, 1]}, index=features.index)
""",
}
CONTRACT = DataContract(
    package="tiny",
    source_digest="0" * 64,
    input=(
        ColumnRule(name="x", dtype="float", minimum=-50.0, maximum=50.0),
        ColumnRule(name="city", dtype="str"),
    ),
    output=(ColumnRule(name="late", dtype="float"),),
)
PREAMBLE = (
    "import pandas as pd\n"
    "from nbprod import gates\n"
    "rows = pd.read_parquet(snapshot)\n"
    "p = gates.load_predictor(candidate).predict(rows)['late']\n"
    "auc = gates.auc_interval(rows['late'], p)\n"
)


def rows(count: int = 1500, seed: int = 1) -> pd.DataFrame:
    """Rows whose label follows x, with noise; AUC of a good model is about 0.9."""
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, count)
    return pd.DataFrame(
        {
            "x": x,
            "city": rng.choice(["Bern", "Basel", "Zug"], count, p=[0.5, 0.45, 0.05]),
            "late": (x + rng.normal(0, 0.6, count) > 0.5).astype("int64"),
        }
    )


def graded(count: int = 1500, seed: int = 1) -> pd.DataFrame:
    """Rows whose label is a number that follows x, in lists of ten: for regression and ranking."""
    frame = rows(count, seed)
    noise = np.random.default_rng(seed + 1).normal(0, 0.6, count)
    grades = (2 * frame["x"] + noise + 5).clip(0, 10).round()
    return frame.assign(late=grades, list=np.arange(count) // 10)


def sorted_into(kinds: Sequence[Any], count: int = 1500, seed: int = 1) -> pd.DataFrame:
    """Rows whose label is one of three kinds that follow x, for a classifier that names one."""
    frame = graded(count, seed)
    return frame.assign(late=np.array(kinds)[np.digitize(frame["late"], [4, 7])])


def make_bundle(
    folder: Path,
    *,
    noise: float = 0.0,
    numbers: bool = False,
    gaps: bool = False,
    kinds: Sequence[Any] = (),
) -> Bundle:
    """A real bundle; noise spoils the labels its model is fitted on; numbers: it predicts grades.

    gaps: it predicts no number where x is large. kinds: it names one of these three.
    """
    from sklearn.linear_model import LinearRegression, LogisticRegression

    plain = not (numbers or kinds)
    package = folder.parent / ("tiny_gaps" if gaps else "tiny" if plain else "tiny_numbers")
    sources = dict(SOURCES)
    if gaps:
        sources["inference.py"] += (
            "\n\nwhole = predict\n\n\ndef predict(model, features, state=None):\n"
        )
        sources["inference.py"] += "    return whole(model, features).where(features['x'] < 1)\n"
    if not plain:
        sources["inference.py"] = sources["inference.py"].replace(
            "model.predict_proba(features)[:, 1]", "model.predict(features)"
        )
    if not package.exists():
        package.mkdir(parents=True)
        for name, text in sources.items():
            (package / name).write_text(text)
        hashes = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in sources.items()}
        manifest = {
            "format": 1,
            "notebook": "train.ipynb",
            "package": package.name,
            "version": hashlib.sha256(json.dumps(hashes).encode()).hexdigest(),
            "files": hashes,
            "cells": {},
            "entry_points": [],
        }
        (package / "nbprod.json").write_text(json.dumps(manifest))
    module = load_package(package, "ab" * 32)
    frame = graded(600, seed=7) if numbers else rows(600, seed=7)
    frame = sorted_into(kinds, 600, seed=7) if kinds else frame
    state = module.entry_point("features.State")(shift=0.25)
    features = module.features.transform(frame, state)
    rng = np.random.default_rng(3)
    other = frame["late"].sample(frac=1, random_state=3).to_numpy()
    other = other if kinds else frame["late"].max() - frame["late"]
    label = np.where(rng.random(len(frame)) < noise, other, frame["late"])
    output = (ColumnRule(name="late", dtype="str"),) if isinstance(label[0], str) else ()
    return write_bundle(
        folder,
        name="tiny",
        package_path=package,
        module_version="ab" * 32,
        contract=dataclasses.replace(
            CONTRACT, package=package.name, output=output or CONTRACT.output
        ),
        state=state,
        model=(LinearRegression if numbers else LogisticRegression)().fit(features, label),
        parameters={},
        snapshot=Snapshot(uri="rows.parquet", digest="1" * 64, rows=600, columns=("x",)),
        lock_text="numpy==2\n",
        profile=Profile.empty().track(frame[["x", "city"]], part="input"),
    )


def notebook(path: Path, *cells: str, parameters: str = "") -> Path:
    """Write a gate notebook; it takes the four parameters unless others are given."""
    node = nbformat.v4.new_notebook()
    first = parameters or "candidate = ''\nbaseline = ''\nsnapshot = ''\nthresholds = {}"
    node.cells.append(nbformat.v4.new_code_cell(first, id="parameters"))
    node.cells[0].metadata["tags"] = ["parameters"]
    node.cells += [nbformat.v4.new_code_cell(c, id=f"c{n}") for n, c in enumerate(cells)]
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(node, path)
    return path


def parity(digest: str, **changes: Any) -> ParityReport:
    """A passed parity report for a candidate."""
    values: dict[str, Any] = {
        "passed": True,
        "scope": "candidate",
        "subject": digest,
        "rows": 100,
        "relations": (RelationResult(name="batch", passed=True, rows=100),),
    }
    return ParityReport(**{**values, **changes})


@dataclasses.dataclass
class TinyProject:
    """A project folder with everything a gate is given."""

    folder: Path
    bundle: Bundle
    holdout: Path
    made: int = 0
    preamble: str = PREAMBLE

    def notebook(self, name: str, *cells: str, **options: Any) -> Path:
        return notebook(self.folder / "gates" / f"{name}.ipynb", *cells, **options)

    def parity(self) -> ParityReport:
        return parity(self.bundle.digest)

    def settings(self, **gate: Any) -> Settings:
        return Settings(
            project_path=str(self.folder),
            model=Model(name="tiny", owner="me@example.com"),
            notebooks=Notebooks(train="train.ipynb", gates=gate.pop("gates", ("gates/*.ipynb",))),
            data=Data(label="late"),
            envelope=Envelope(p99_ms=50),
            gate=Gate(**{"min_slice": 0, "baseline": gate.pop("baseline_rule", {}), **gate}),
        )

    def run(self) -> TrainingRun:
        return TrainingRun(
            mlflow_run_id="r",
            candidate=Candidate(
                name="tiny",
                number=1,
                digest=self.bundle.digest,
                module_version="ab" * 32,
                contract_digest="c" * 64,
            ),
            snapshot=Snapshot(uri="rows.parquet", digest="1" * 64, rows=600, columns=("x",)),
        )

    def gate(
        self,
        *,
        run: TrainingRun | None = None,
        baseline: Path | None = None,
        parity_report: ParityReport | str | None = "good",
        cache: Path | None = None,
        progress: Callable[[str, float | None], None] | None = None,
        **gate: Any,
    ) -> GateResult:
        """Evaluate the gate of this project, its output in ``out``."""
        self.made += 1
        report = parity(self.bundle.digest) if parity_report == "good" else parity_report
        return evaluate_gate(
            self.settings(**gate),
            run or self.run(),
            bundle=self.bundle.folder,
            holdout=self.holdout,
            baseline=baseline,
            parity=report,
            out=self.out,
            cache=cache,
            progress=progress,
        )

    @property
    def out(self) -> Path:
        return self.folder / f"out{self.made}"
