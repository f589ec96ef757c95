"""A bank of notebooks, each with one hard thing, beside the module that it must become.

``bank/<name>.py`` is a notebook in the percent format; its first cell names the label, its last
one, ``expected``, the values that the module must compute too. ``bank/<name>/`` is the module, and
``bank/<name>.txt`` the refusal of a notebook that cannot become one. ``whole/`` holds whole
notebooks in the same form. ``NBPROD_WRITE_BANK=1 pytest …/test_bank.py`` writes what comes out;
read the difference before committing it.
"""

from __future__ import annotations
import __future__

import ast
import importlib
import os
import re
import shutil
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from pyflakes import checker
from tqdm import tqdm

from nbprod.errors import ExtractionError
from nbprod.extraction import extract
from nbprod.notebook import read_notebook
from nbprod.records import Extraction

HERE = Path(__file__).parent
NOTEBOOKS = sorted(path for folder in ("bank", "whole") for path in (HERE / folder).glob("*.py"))
CARRIED = [path for path in NOTEBOOKS if not path.with_suffix(".txt").exists()]
REFUSED = [path for path in NOTEBOOKS if path.with_suffix(".txt").exists()]
WRITES = bool(os.environ.get("NBPROD_WRITE_BANK"))


def label_of(notebook: Path) -> str:
    """The label that a notebook's first cell names: ``label: survived``."""
    found = re.search(r"^# label: (\w+)", notebook.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else ""


def carry(notebook: Path, folder: Path) -> Extraction:
    """Extract a notebook of the bank to ``folder``/<its name>."""
    return extract(notebook, folder / notebook.stem, label=label_of(notebook), project_path=HERE)


def texts(package: Path) -> dict[str, str]:
    """The files that make up a module, without the manifest."""
    return {
        path.relative_to(package).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(package.rglob("*.py"))
    }


def warned(record: Extraction) -> str:
    """What extraction warns of, a line each."""
    return "".join(
        f"# {item.code} {item.cell_id} line {item.line}: {item.message}\n"
        for item in record.findings
        if item.severity != "info"
    )


class Shell:
    """What IPython's lines are handed to: magics that run Python run it, the rest does nothing."""

    def __init__(self, namespace: dict[str, Any]) -> None:
        self.namespace = namespace

    def run_cell_magic(self, name: str, line: str, body: str) -> None:
        if name in ("time", "capture"):
            exec(TransformerManager().transform_cell(body), self.namespace)

    def run_line_magic(self, name: str, line: str) -> None:
        if name == "time":
            exec(line, self.namespace)

    def system(self, line: str) -> None: ...


def run_cells(notebook: Path) -> dict[str, Any]:
    """Every code cell in order in one namespace; what its last cell expects."""
    namespace: dict[str, Any] = {"__name__": "__main__", "display": lambda *_: None}
    namespace["get_ipython"] = lambda: Shell(namespace)
    flags = 0
    for cell in read_notebook(notebook).code_cells:
        plain = TransformerManager().transform_cell(cell.source)
        code = compile(plain, f"<{cell.cell_id}>", "exec", flags, dont_inherit=True)
        flags |= (
            code.co_flags & __future__.annotations.compiler_flag
        )  # as IPython keeps what is imported from the future
        exec(code, namespace)
    return dict(namespace["expected"])


def run_module(package: str, label: str, rows: Any = None) -> dict[str, Any]:
    """The road as nbprod walks it: load, split, fit, transform, train, predict.

    rows: what to predict, where that is not what the module holds out.
    """
    made = {name: importlib.import_module(f"{package}.{name}") for name in
            ("parameters", "data", "features", "training", "inference")}  # fmt: skip
    parameters = made["parameters"].Parameters()
    frame = made["data"].load(parameters)
    whole = frame.copy()
    split = getattr(made["data"], "split", lambda frame, _: (frame, frame))
    train, holdout = split(frame, parameters)
    state = made["features"].fit(train.copy(), parameters)
    given = train.copy()
    features = made["features"].transform(given, state)
    pd.testing.assert_frame_equal(given, train)  # the input is left alone
    raw = (holdout if rows is None else rows).drop(columns=[label], errors="ignore")  # no label
    held_out = made["features"].transform(raw, state)
    model = made["training"].train(features, train[label], parameters)
    predictions = made["inference"].predict(model, held_out, state)
    return {
        "frame": whole, "train": train, "holdout": holdout, "state": vars(state) if state else {},
        "features": features, "holdout_features": held_out, "model": model,
        "predictions": predictions,
    }  # fmt: skip


def assert_same(one: Any, other: Any, where: str) -> None:
    """Both are the same value, but for the last digits of a sum made in another order."""
    if isinstance(one, dict):
        assert isinstance(other, dict), where
        for key, value in one.items():
            assert_same(value, other[key], f"{where}[{key!r}]")
    elif isinstance(one, pd.DataFrame):
        pd.testing.assert_frame_equal(one, other, rtol=1e-12, obj=where)
    elif isinstance(one, pd.Series):
        pd.testing.assert_series_equal(one, other, rtol=1e-12, obj=where)
    elif isinstance(one, np.ndarray):
        np.testing.assert_allclose(one, np.asarray(other), rtol=1e-12, err_msg=where)
    else:
        assert one == other, where


@pytest.fixture
def imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder to import modules from, that are forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("tqdm.notebook.tqdm", tqdm)  # the notebook's bar wants widgets to draw it
    before = set(sys.modules)
    yield tmp_path
    for name in [n for n in sys.modules if n not in before and n.partition(".")[0] in
                 {path.name for path in tmp_path.iterdir()}]:  # fmt: skip
        del sys.modules[name]


@pytest.mark.parametrize("notebook", CARRIED, ids=[path.stem for path in CARRIED])
def test_a_notebook_becomes_this_module_and_computes_the_same(
    notebook: Path, imported: Path
) -> None:
    """Byte for byte the module that stands beside it; and what its cells compute, it computes."""
    record = carry(notebook, imported)
    made = texts(imported / notebook.stem) | {"warnings.txt": warned(record)}
    beside = notebook.with_suffix("")
    if WRITES:
        shutil.rmtree(beside, ignore_errors=True)
        for path, text in made.items():
            if text:
                (beside / path).parent.mkdir(parents=True, exist_ok=True)
                (beside / path).write_text(text, encoding="utf-8")
    told = beside / "warnings.txt"
    kept = texts(beside) | {"warnings.txt": told.read_text() if told.exists() else ""}
    assert made == kept
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = run_cells(notebook)
        rows = wanted.pop("rows", None)
        computed = run_module(notebook.stem, label_of(notebook), rows)
    assert wanted.keys() & {"frame", "features", "predictions", "holdout_features"}
    for key, value in wanted.items():
        assert_same(value, computed[key], key)


@pytest.mark.parametrize("notebook", REFUSED, ids=[path.stem for path in REFUSED])
def test_a_notebook_that_cannot_become_a_module_is_refused(notebook: Path, tmp_path: Path) -> None:
    """With the cell, the line and what to do; nothing is written."""
    with pytest.raises(ExtractionError) as caught:
        carry(notebook, tmp_path)
    error = caught.value
    told = f"{error.details['code']} {error.cell_id} line {error.line}\n{error}\n"
    if WRITES:
        notebook.with_suffix(".txt").write_text(told, encoding="utf-8")
    assert told == notebook.with_suffix(".txt").read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == []


def test_linters_find_nothing_in_any_module() -> None:
    """Ruff and pyflakes are silent about every module of the bank.

    Of style a module says itself that it is the notebook's own; what extraction answers for, names
    and imports, is looked at all the same.
    """
    folders = [str(path.with_suffix("")) for path in CARRIED]
    ruff = [sys.executable, "-m", "ruff", "check", "--isolated", "--no-cache", "-q"]
    own = ["--select", "E,F,I,W", "--line-length", "100"]  # a header names the notebook's path
    for rules in (own, [], ["--ignore-noqa", "--select", "E9,F,I,W291,W293"]):
        done = subprocess.run(
            [*ruff, *rules, *folders], capture_output=True, text=True, check=False
        )
        assert done.stdout == ""
        assert done.returncode == 0
    files = [path for folder in folders for path in sorted(Path(folder).rglob("*.py"))]
    assert len(files) > len(folders)
    found = [
        f"{path.relative_to(HERE)}: {message}"
        for path in files
        for message in checker.Checker(ast.parse(path.read_text()), str(path)).messages
    ]
    assert found == []
