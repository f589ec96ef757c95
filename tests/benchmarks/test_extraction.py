"""Inspection and extraction of a large notebook, beside nbdev's export and jupytext's reading.

The peers copy cells; extraction also follows every name, makes functions of statements, and
proves that each file compiles. Figures are medians in one process, in one run.
"""

from __future__ import annotations

import copy
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import pytest

from nbprod.extraction import extract, extract_many, inspect_many, inspect_notebook
from nbprod.records import Extraction, Inspection

CELLS = 200
ROUNDS = 15
MANY = 1000
FIT = "# what is learned of distance, number {n}\nmean_{n} = train['distance'].mean() + {n}\n"
FIT += "spread_{n} = train['distance'].std()"
FEATURE = "# distance, scaled\nX_{n} = (train['distance'] - mean_{n}) / spread_{n}  # number {n}\n"
FEATURE += "X_{n} = X_{n}.clip(-3, 3).fillna(0.0)"
PLOT = "fig, ax = plt.subplots()\nflights['distance'].hist(bins={n}, ax=ax)\nplt.show()"
LOOK = "train.groupby('carrier')['late'].agg(['mean', 'count'])\ndisplay(train.describe())"
HELPER = """def scale_{n}(values, centre, spread=1.0):
    \"\"\"Values around a centre, in units of spread.\"\"\"
    shifted = values - centre
    # a spread of zero would give infinities
    if spread == 0:
        return shifted
    return shifted / spread"""


def notebook(cells: int) -> dict[str, Any]:
    """A notebook of loose statements: of every five cells one is learned, one a feature."""
    start = "import matplotlib.pyplot as plt\nimport pandas as pd\n"
    start += "from sklearn.linear_model import LogisticRegression\n\n%matplotlib inline"
    told = [
        ("", start),
        ("parameters", "seed = 7\ncutoff = 0.8\nregularisation = 1.0"),
        (
            "data",
            "edited = 0\nflights = pd.read_parquet('flights.parquet').sort_values('day')\nflights.head()",
        ),
        (
            "split",
            "cut = int(len(flights) * cutoff)\ntrain, holdout = flights[:cut], flights[cut:]",
        ),
    ]
    names = []
    for n in range((cells - 7) // 5):
        names.append(f"X_{n}")
        pairs = (("fit", FIT), ("features", FEATURE), ("", PLOT), ("", LOOK), ("lib", HELPER))
        told += [(role, source.replace("{n}", str(n))) for role, source in pairs]
    columns = ", ".join(f"'{name.lower()}': {name}" for name in names)
    told += [
        ("features", f"X = pd.DataFrame({{{columns}}})"),
        (
            "train",
            "y = train['late']\nmodel = LogisticRegression(C=regularisation)\nmodel.fit(X, y)",
        ),
        ("predict", "predictions = pd.DataFrame({'late': model.predict(X)}, index=X.index)"),
    ]
    told += [("", "predictions.describe()")] * (cells - len(told))
    return {
        "cells": [_cell(number, role, source) for number, (role, source) in enumerate(told)],
        "metadata": {"kernelspec": {"display_name": "Python 3", "name": "python3"}},
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def _cell(number: int, role: str, source: str) -> dict[str, Any]:
    tag = role if role == "parameters" else f"nbprod:{role}"
    return {
        "cell_type": "code",
        "id": f"c{number}",
        "metadata": {"tags": [tag]} if role else {},
        "execution_count": None,
        "outputs": [],
        "source": source.splitlines(keepends=True),
    }


def exported(content: dict[str, Any]) -> dict[str, Any]:
    """The same notebook for nbdev: every cell with a role is exported."""
    told = copy.deepcopy(content)
    for cell in told["cells"]:
        if cell["metadata"]:
            cell["source"].insert(0, "#| export\n")
    told["cells"].insert(0, _cell(-1, "", "#| default_exp core"))
    return told


def _one_ms(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time and processor time of one call."""
    start, used = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - start) * 1000, (time.process_time() - used) * 1000


def test_a_large_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cell of a 200-cell notebook is edited and saved; each tool then does its work, in turn."""
    from nbdev.export import nb_export

    monkeypatch.chdir(tmp_path)
    content, path, core = notebook(CELLS), Path("train.ipynb"), Path("core.ipynb")

    def extracted() -> None:
        extract(path, tmp_path / "package", label="late", force=True, project_path=tmp_path)

    works: dict[str, Callable[[], object]] = {
        "nbdev nb_export": lambda: nb_export(str(core), lib_path="lib"),
        "jupytext ipynb -> percent": lambda: jupytext.writes(
            nbformat.read(path, 4), fmt="py:percent"
        ),
        "nbprod inspect": lambda: inspect_notebook(path, label="late"),
        "nbprod extract, edited": extracted,
        "nbprod extract, unchanged": extracted,
    }
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in works}
    for number in range(ROUNDS + 1):
        content["cells"][2]["source"][0] = f"edited = {number}\n"
        path.write_text(json.dumps(content, indent=1))
        core.write_text(json.dumps(exported(content), indent=1))
        for name, work in works.items():
            times[name].append(_one_ms(work))
    rows = {}
    for name, told in times.items():  # the first round warmed up
        wall, busy = zip(*told[1:], strict=True)
        rows[name] = statistics.median(wall), statistics.median(busy)
    peer = rows["nbdev nb_export"]
    for name, (wall, busy) in rows.items():
        ratios = f"x{wall / peer[0]:6.2f} (x{busy / peer[1]:6.2f}) of nbdev"
        print(f"{name:28} {wall:8.1f} ms ({busy:8.1f} ms of processor)   {ratios}")
    assert rows["nbprod extract, unchanged"] < peer


# Each in a process of its own, as on the command line: start, imports and all.
FRESH = {
    "nbdev nb_export": "from nbdev.export import nb_export; nb_export('core.ipynb', lib_path='lib')",
    "nbprod extract, unchanged": "from pathlib import Path; from nbprod.extraction import extract;"
    " extract('train.ipynb', 'package', label='late', project_path='.',"
    " cache_path=Path('cache'))",
}


def test_an_unchanged_notebook_in_a_fresh_process(tmp_path: Path) -> None:
    """What a command costs that has nothing to do, beside a peer's that exports the same cells."""
    content = notebook(CELLS)
    (tmp_path / "train.ipynb").write_text(json.dumps(content, indent=1))
    (tmp_path / "core.ipynb").write_text(json.dumps(exported(content), indent=1))
    told: dict[str, float] = {}
    for name, code in FRESH.items():
        busy = []
        for _ in range(4):
            before = resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
            after = resource.getrusage(resource.RUSAGE_CHILDREN)
            busy.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
        told[name] = statistics.median(busy[1:])
        print(f"{name:28} {told[name] * 1000:8.0f} ms of processor, in a process of its own")
    assert told["nbprod extract, unchanged"] < told["nbdev nb_export"]


def _busy_s() -> float:
    """Processor time of this process and of those it has waited for."""
    told = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in told)


def test_a_thousand_notebooks(tmp_path: Path) -> None:
    """One call uses the cores there are."""
    pairs = []
    content = notebook(22)
    for number in range(MANY):
        content["cells"][2]["source"][0] = f"edited = {number}\n"
        path = tmp_path / f"n{number}.ipynb"
        path.write_text(json.dumps(content))
        pairs.append((path, tmp_path / f"p{number}"))
    paths = [path for path, _ in pairs]
    told: dict[int, list[float]] = {}
    for workers in dict.fromkeys((1, os.cpu_count() or 1)):
        start, used = time.perf_counter(), _busy_s()
        seen = inspect_many(paths, label="late", workers=workers)
        middle, half = time.perf_counter(), _busy_s()
        made = extract_many(pairs, project_path=tmp_path, label="late", workers=workers)
        end, whole = time.perf_counter(), _busy_s()
        assert all(isinstance(item, Inspection) for item in seen)
        assert all(isinstance(item, Extraction) for item in made)
        told[workers] = [middle - start, half - used, end - middle, whole - half]
        wall, busy, wall_2, busy_2 = told[workers]
        print(
            f"{MANY} notebooks of 22 cells, {workers} workers:"
            f" inspect {wall:6.1f} s ({busy:6.1f} s of processor),"
            f" extract {wall_2:6.1f} s ({busy_2:6.1f} s of processor)"
        )


# A process of its own, whose peak of memory is its own too.
MEASURED = """
import time
{start}

def peak_mb():
    with open("/proc/self/status") as told:
        return next(int(line.split()[1]) for line in told if line.startswith("VmHWM")) / 1024

before, start = peak_mb(), time.process_time()
{work}
print(time.process_time() - start, peak_mb() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")
def test_a_hundred_megabytes_of_outputs(tmp_path: Path) -> None:
    """Outputs cost what reading their bytes costs, in time and in memory; nbformat's own reading beside."""
    content = notebook(CELLS)
    picture = {"image/png": "iVBORw0KGgo" * 47_500}
    output = {"output_type": "display_data", "data": picture, "metadata": {}}
    for cell in content["cells"]:
        cell["outputs"] = [output]
    path = tmp_path / "large.ipynb"
    path.write_text(json.dumps(content, indent=1))
    size = path.stat().st_size / 2**20
    assert size > 95
    reads = {
        "nbformat.read": ("import nbformat", f"nbformat.read({str(path)!r}, 4)"),
        "nbprod inspect": (
            "from nbprod.extraction import inspect_notebook",
            f"inspect_notebook({str(path)!r}, label='late')",
        ),
    }
    for name, (start, work) in reads.items():
        code = MEASURED.format(start=start, work=work)
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True
        )
        busy, memory = map(float, done.stdout.split())
        print(f"{size:.0f} MB of outputs, {name:16} {busy:6.2f} s of processor, {memory:6.0f} MB")
