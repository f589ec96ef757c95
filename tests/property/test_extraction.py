"""Laws of extraction: same notebook, same bytes; a second time changes nothing; cells = module."""

from __future__ import annotations

import functools
import importlib
import itertools
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from made_notebooks import Cells, content, notebooks, written

from nbprod.extraction import extract, module, pieces, rewriting
from nbprod.notebook import read_notebook, reading

NUMBER = itertools.count()
UNCHECKED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # a busy machine is slow
ROOMS = ("nbprod.extraction", "nbprod.notebook")
# Extracts in a process of its own; what the notebook imports may be missing there.
ELSEWHERE = """
import os, sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("numpy", "pandas", "sklearn"):
            raise ModuleNotFoundError(name)

if "NOTHING_INSTALLED" in os.environ:
    import importlib.metadata
    importlib.metadata.packages_distributions = dict
    sys.meta_path.insert(0, Missing())
from nbprod.extraction import extract
extract(sys.argv[1], sys.argv[2], label="late", project_path=sys.argv[3])
"""
CELLS: Cells = (
    ("", "import numpy as np\nimport pandas as pd"),
    ("parameters", "n = 30\nscale = 2"),
    ("lib", "class Known:\n    values = {'größe', 'y', 'z'}"),
    ("data", "frame = pd.DataFrame({'a': np.arange(n) % 5, 'late': np.arange(n) % 2})"),
    ("split", "train, holdout = frame[:20], frame[20:]"),
    ("fit", "mean = train['a'].mean()\nspread = train['a'].std()\nknown = Known()"),
    ("features", "X_train = pd.DataFrame({'p': train['a'] - mean, 'q': train['a'] / spread})\n"
     "X_train['r'] = len(known.values)"),
    ("train", "model = {'w': X_train['p'].sum(), 'y': train['late'].sum(), 'scale': scale}"),
    ("predict", "predictions = pd.DataFrame({'late': X_train['p'] * model['w']})"),
)  # fmt: skip


@pytest.mark.filterwarnings("ignore:The inplace keyword")  # as many a notebook still has it
@settings(max_examples=40, deadline=None, suppress_health_check=UNCHECKED)
@given(cells=notebooks())
def test_extraction_is_deterministic_idempotent_and_true(
    cells: Cells, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Same bytes each time, no change the second time, and the module computes what cells do."""
    number = next(NUMBER)
    folder, name = tmp_path / str(number), f"law_{os.getpid()}_{number}"
    path = written(folder, cells)
    digest = read_notebook(path).digest
    record = extract(path, folder / name, label="late", project_path=folder)
    again = extract(path, folder / name, label="late", project_path=folder)
    other = extract(path, folder / "other" / name, label="late", project_path=folder)
    assert again.changed == ()
    assert record.version == again.version == other.version
    assert content(folder / name) == content(folder / "other" / name)
    assert read_notebook(path).digest == digest

    namespace: dict[str, Any] = {}
    for _, source in cells:
        exec(compile(source, "<cell>", "exec", dont_inherit=True), namespace)
    monkeypatch.syspath_prepend(str(folder))
    load = {f: importlib.import_module(f"{name}.{f}") for f in
            ("parameters", "data", "features", "training", "inference")}  # fmt: skip
    parameters = load["parameters"].Parameters()
    train, holdout = load["data"].split(load["data"].load(parameters), parameters)
    state = load["features"].fit(train, parameters)
    features = load["features"].transform(train, state)
    raw = holdout.drop(columns=["late"])
    held_out = load["features"].transform(raw, state)
    model = load["training"].train(features, train["late"], parameters)
    predictions = load["inference"].predict(model, held_out, state)
    pd.testing.assert_frame_equal(features, namespace["X_train"])
    pd.testing.assert_frame_equal(held_out, namespace["X_holdout"])
    pd.testing.assert_frame_equal(predictions, namespace["predictions"])
    assert model == namespace["model"]


@settings(max_examples=15, deadline=None, suppress_health_check=UNCHECKED)
@given(before=notebooks(), after=notebooks(), edited=st.integers(0, 30), line=st.booleans())
def test_an_edited_notebook_becomes_what_it_would_have_become_at_once(
    before: Cells, after: Cells, edited: int, line: bool, tmp_path: Path
) -> None:
    """What is remembered of cells and statements, of this and of other notebooks, changes no byte."""
    folder = tmp_path / str(next(NUMBER))
    package = folder / "package"
    role, source = after[edited % len(after)]
    new = f"edited = {edited}\n{source}" if line else f"# told of {edited}\n\n{source}"
    changed = [*after[: edited % len(after)], (role, new), *after[edited % len(after) + 1 :]]
    for cells in (before, after, changed):
        path = written(folder, tuple(cells))
        warm = extract(path, package, label="late", project_path=folder)
    forget()
    cold = extract(path, folder / "cold" / "package", label="late", project_path=folder)
    assert content(package) == content(folder / "cold" / "package")
    assert warm.findings == cold.findings


def forget() -> None:
    """All that nbprod remembers of notebooks in this process, gone."""
    modules = [module for name, module in sys.modules.items() if name.startswith(ROOMS)]
    classes = [item for one in modules for item in vars(one).values() if isinstance(item, type)]
    for holder in (*modules, *classes):
        for item in vars(holder).values():
            if isinstance(item, functools._lru_cache_wrapper):
                item.cache_clear()
    assert pieces.pieces_of.cache_info().currsize == 0
    for remembered in (module._MADE, reading._READERS, rewriting._REWRITTEN):
        remembered.clear()


@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONHASHSEED": "1"},
        {"PYTHONHASHSEED": "2"},
        {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"TZ": "Asia/Tokyo", "PYTHONOPTIMIZE": "2"},
        {"NOTHING_INSTALLED": "1"},
    ],
    ids=",".join,
)
def test_where_it_is_extracted_does_not_matter(tmp_path: Path, environ: dict[str, str]) -> None:
    """Another hash seed, locale, time zone, folder, or no library at all: the same bytes."""
    path = written(tmp_path, CELLS)
    here, there = tmp_path / "here" / "package", tmp_path / "there" / "package"
    command = [sys.executable, "-c", ELSEWHERE, str(path), str(there), str(tmp_path)]
    subprocess.run(command, check=True, env={**os.environ, **environ}, cwd="/")
    extract(path, here, label="late", project_path=tmp_path)
    assert content(here) == content(there)
    assert len(content(here)) > 5
