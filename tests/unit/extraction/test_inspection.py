"""Inspection tells what a notebook holds and what stands in the way, without running it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from nbprod.errors import NotebookError
from nbprod.extraction import inspect_notebook
from nbprod.records import Inspection

from_cells = list[tuple[str, str]]


def inspected(tmp_path: Path, cells: from_cells, counts: list[int] | None = None) -> Inspection:
    content = {
        "cells": [
            {
                "cell_type": "code",
                "id": f"c{number}",
                "metadata": {"tags": [role if role == "parameters" else f"nbprod:{role}"]}
                if role
                else {},
                "execution_count": counts[number - 1] if counts else None,
                "outputs": [],
                "source": source,
            }
            for number, (role, source) in enumerate(cells, start=1)
        ],
        "metadata": {},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path = tmp_path / "notebook.ipynb"
    path.write_text(json.dumps(content))
    return inspect_notebook(path, label="late")


def found(inspection: Inspection, code: str) -> list[tuple[str | None, str]]:
    return [(item.cell_id, item.severity) for item in inspection.findings if item.code == code]


GOOD = [
    ("", "import pandas as pd"),
    ("parameters", "size = 4"),
    ("data", "frame = pd.DataFrame({'x': range(size), 'late': 0})\nframe.head()"),
    ("features", "X = frame[['x']] * 2"),
    ("train", "y = frame['late']\nmodel = X.join(y).mean()"),
    ("predict", "predictions = pd.DataFrame({'late': X['x'] > model['x']}, index=X.index)"),
]


def test_cells_roles_and_flow(tmp_path: Path) -> None:
    """Each cell with its role and names, and where each name that it reads comes from."""
    inspection = inspected(tmp_path, GOOD)
    assert [cell.role for cell in inspection.cells] == [role for role, _ in GOOD]
    assert inspection.cells[4].defines == ("y", "model")
    assert inspection.flow["c5"] == {"X": "c4", "frame": "c3"}
    assert not [item for item in inspection.findings if item.severity == "error"]
    assert found(inspection, "NBX009") == [("c3", "info")]


@pytest.mark.parametrize(
    ("place", "cell", "code", "where", "severity"),
    [
        (3, ("features", "X = frame[['x']] * factor"), "NBX001", "c4", "error"),
        (3, ("", "X = frame[['x']]"), "NBX002", "c5", "error"),
        (
            4,
            ("train", "frame = X.assign(late=0)\nmodel = X.join(frame['late']).mean()"),
            "NBX003",
            "c5",
            "warning",
        ),
        (
            2,
            ("data", "frame = pd.read_csv('/home/me/data.csv').assign(late=0)"),
            "NBX005",
            "c3",
            "warning",
        ),
        (3, ("features", "X = (frame"), "NBX006", "c4", "error"),
        (0, ("", "import pandas as pd\nx = ("), "NBX006", "c1", "warning"),
        (3, ("feature", "X = frame[['x']]"), "NBX007", "c4", "error"),
        (3, ("features", "%time X = frame[['x']]"), "NBX008", "c4", "info"),
        (3, ("features", "X = frame[['x']]\nn = len(X)"), "NBX010", "c4", "info"),
        (0, ("", "import pandas as pd\nPASSWORD = 'correct horse'"), "NBX018", "c1", "warning"),
        (0, ("", "import pandas as pd\nkey = 'ghp_" + "a" * 36 + "'"), "NBX018", "c1", "warning"),
        (3, ("features", "X = frame[['x']].dropna()"), "NBX019", "c4", "warning"),
        (0, ("", "import pandas as pd\nfrom numpy import *"), "NBX022", "c1", "warning"),
        (0, ("", "import pandas as pd\n%run a.ipynb"), "NBX029", "c1", "warning"),
        (3, ("features", "%run a.ipynb\nX = frame[['x']]"), "NBX029", "c4", "error"),
        (
            0,
            ("lib", "import pandas as pd\nTABLE = pd.read_csv('t.csv')"),
            "NBX017",
            "c1",
            "warning",
        ),
    ],
)
def test_findings(
    tmp_path: Path, place: int, cell: tuple[str, str], code: str, where: str, severity: str
) -> None:
    """Each rule finds its fault in the cell that has it."""
    cells = [*GOOD[:place], cell, *GOOD[place + 1 :]]
    assert (where, severity) in found(inspected(tmp_path, cells), code)


def test_secret_is_not_printed(tmp_path: Path) -> None:
    """A finding about a secret does not repeat it."""
    inspection = inspected(tmp_path, [*GOOD, ("", "api_key = 'very-secret-value'")])
    assert "very-secret-value" not in json.dumps([item.to_json() for item in inspection.findings])


def test_run_order(tmp_path: Path) -> None:
    """A cell that ran after one below it is told once, the first such cell."""
    assert not found(inspected(tmp_path, GOOD, [1, 2, 3, 4, 6, 9]), "NBX004")
    inspection = inspected(tmp_path, GOOD, [1, 2, 5, 4, 3, 6])
    assert found(inspection, "NBX004") == [("c4", "warning")]


def test_cell_that_was_not_run(tmp_path: Path) -> None:
    """A tagged cell without a count, above cells that have one, is told."""
    inspection = inspected(tmp_path, GOOD, [1, 2, 3, None, 4, 5])
    assert found(inspection, "NBX004") == [("c4", "warning")]
    assert not found(inspected(tmp_path, GOOD, [1, 2, 3, 4, 5, None]), "NBX004")


def test_hidden_state(tmp_path: Path) -> None:
    """A name that no cell defines, in a cell that ran: its cell is gone; else it is undefined."""
    cells = [*GOOD[:3], ("features", "X = frame[['x']] * factor"), *GOOD[4:]]
    ran = inspected(tmp_path, cells, [1, 2, 3, 4, 5, 6])
    assert found(ran, "NBX027") == [("c4", "error")]
    assert not found(ran, "NBX001")
    assert "number 4" in next(f.message for f in ran.findings if f.code == "NBX027")
    assert found(inspected(tmp_path, cells), "NBX001") == [("c4", "error")]
    path = tmp_path / "notebook.ipynb"
    content = json.loads(path.read_text())
    content["cells"][3] |= {"execution_count": 4, "outputs": [{"output_type": "error"}]}
    path.write_text(json.dumps(content))
    raised = inspect_notebook(path, label="late")
    assert found(raised, "NBX001") == [("c4", "error")]
    assert not found(raised, "NBX027")


def test_name_that_a_cell_below_defines(tmp_path: Path) -> None:
    """The cell to move is named."""
    cells = [*GOOD[:3], GOOD[4], GOOD[3], GOOD[5]]
    item = next(f for f in inspected(tmp_path, cells).findings if f.code == "NBX001")
    assert (item.cell_id, item.line) == ("c4", 2)
    assert "cell c5 below" in item.message


def test_circular_roles(tmp_path: Path) -> None:
    """Features that read the model, which reads features, are told once, with both names."""
    late = ("features", "X['leaf'] = model['x']")
    inspection = inspected(tmp_path, [*GOOD[:5], late, GOOD[5]])
    assert [cell for cell, _ in found(inspection, "NBX028")] == ["c6"]
    message = next(f.message for f in inspection.findings if f.code == "NBX028")
    assert "model of the train cell c5" in message
    assert "c5 reads" in message
    assert not found(inspected(tmp_path, GOOD), "NBX028")
    mixed = [*GOOD[:3], ("fit", "m = frame['x'].mean()"), *GOOD[3:5], ("fit", "n = X['x'].max()")]
    assert not found(inspected(tmp_path, mixed), "NBX028")


@pytest.mark.parametrize(
    ("cell", "told"),
    [
        ("def table():\n    return pd.read_csv('t.csv')\nTABLE = table()", True),
        ("import requests\nanswer = requests.get('https://example.org')", True),
        ("import time\ntime.sleep(3)", True),
        ("import re\nPATTERN = re.compile('a')\nNAMES = frozenset(['a', 'b'])", False),
        ("def double(x):\n    return 2 * x\nFOUR = double(2)", False),
        ("class Scale:\n    def load(self):\n        return pd.read_csv('t.csv')", False),
    ],
)
def test_work_at_import(tmp_path: Path, cell: str, told: bool) -> None:
    """What reaches outside when lib.py is imported, itself or through a function, is told."""
    cells = [("lib", f"import pandas as pd\n{cell}"), *GOOD[1:]]
    assert bool(found(inspected(tmp_path, cells), "NBX017")) is told


def test_same_thing_under_its_own_name(tmp_path: Path) -> None:
    """A frame that goes on under its name, and a loop variable, are no second meaning."""
    cells = [*GOOD[:3], ("features", "frame = frame.assign(z=1)\nX = frame[['x']]"), *GOOD[4:]]
    assert not found(inspected(tmp_path, cells), "NBX003")
    again = ("features", "both = [frame]\nX = frame[['x']]")
    cells = [*GOOD[:2], ("data", GOOD[2][1] + "\nboth = [frame]"), again, *GOOD[4:]]
    assert not found(inspected(tmp_path, cells), "NBX003")


def test_secrets_in_commands_and_text(tmp_path: Path) -> None:
    """A shell line and an environment magic are looked at too, by their line."""
    key = "AKIA" + "IOSFODNN7EXAMPLE"
    cells = [*GOOD, ("", f"x = 1\n%env AWS_KEY={key}"), ("", f"%%bash\nls\nexport K={key}")]
    inspection = inspected(tmp_path, cells)
    lines = [(f.cell_id, f.line) for f in inspection.findings if f.code == "NBX018"]
    assert lines == [("c7", 2), ("c8", 3)]


NO_ALARM = """
import numpy as np
%matplotlib inline
squares = [n * n for n in range(3) if (m := n) > 0]
table = {k: v for k, v in zip("ab", squares)}
pick = lambda row, *rest, **named: (row, rest, named)
class Box:
    size = 3
    sizes = [size for _ in range(3)]
    def area(self):
        return self.size * len(self.sizes)
def outer():
    seen = set()
    def inner(x):
        nonlocal seen
        seen = seen | {x}
        return later(x)
    return inner
def later(x):
    return x + np.pi + __name__.count("_")
try:
    import fast
except ImportError as error:
    fast = None
    print(error)
with open(__file__) as handle:
    text = handle.read()
match squares:
    case [first, *others]:
        print(first, others)
for i, (a, b) in enumerate([(1, 2)]):
    pass
del a
print(i, b, m, text, _, __, In, Out, get_ipython(), display, pick, Box, outer, table)
"""


ROOT = Path(__file__).parents[3]
OURS = [*ROOT.glob("recipes/*/notebooks/*.ipynb"), *ROOT.glob("notebooks/gate_templates/*.ipynb")]


@pytest.mark.parametrize("path", OURS, ids=lambda path: path.stem)
def test_our_own_notebooks_are_clean(path: Path) -> None:
    """Recipes raise no finding that asks for work, but for roles where there are none yet."""
    told = {item.code for item in inspect_notebook(path).findings if item.severity != "info"}
    assert told <= {"NBX016"}


def test_no_false_alarm(tmp_path: Path) -> None:
    """Scopes, builtins, IPython's names, conditional imports: nothing is called undefined."""
    inspection = inspected(tmp_path, [("", NO_ALARM), *GOOD], [1, 2, 3, 4, 5, 6, 7])
    assert [f for f in inspection.findings if f.severity != "info"] == []


def test_untagged_notebook(tmp_path: Path) -> None:
    """A notebook without roles is inspected all the same, and told how to get them."""
    inspection = inspected(tmp_path, [("", source) for _, source in GOOD])
    item = next(item for item in inspection.findings if item.code == "NBX016")
    assert "nbprod tag" in item.hint
    assert inspection.flow["c5"] == {"X": "c4", "frame": "c3"}


def test_not_a_notebook(tmp_path: Path) -> None:
    """What cannot be read at all is an error, not a finding."""
    with pytest.raises(NotebookError, match="no notebook"):
        inspect_notebook(tmp_path / "missing.ipynb")


def test_a_missing_name_is_told_at_the_line_that_reads_it(tmp_path: Path) -> None:
    """Not at the head of the function or statement around it."""
    features = "def made(rows):\n    kept = rows[['x']]\n    return kept * factor\nX = made(frame)"
    for giver in (("", "factor = frame['x'].max()"), ("", "n = 3")):
        cells = [*GOOD[:3], giver, ("features", features), *GOOD[4:]]
        told = [item for item in inspected(tmp_path, cells).findings if item.severity == "error"]
        assert [(item.cell_id, item.line) for item in told] == [("c5", 3)]
