"""Hand edits of the module, of every kind: they go into their cell, or it is said why not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbprod.errors import ExtractionError, NotebookError, NotFoundError
from nbprod.extraction import extract, sync
from nbprod.extraction.provenance import MANIFEST, base_text, line_runs, packed
from nbprod.extraction.sync.edits import CellEdits
from nbprod.notebook import read_notebook, set_roles
from nbprod.records import Sync, sha256

FEATURES = """\
def build(rows):
    out = pd.DataFrame(index=rows.index)
    out['p'] = clip(rows['b']) * scale - mean
    for value in known:
        out[f'k{value}'] = rows['a'] == value
    return out


X_train = build(train)
X_holdout = build(holdout)"""
CELLS = [
    ("", "import numpy as np\nimport pandas as pd"),
    ("parameters", "size = 40\n# how strong\nscale = 0.5\nnames = ['a', 'b']"),
    ("lib", "LIMIT = 10\n\n\ndef clip(values, limit=LIMIT):\n    # never above\n"
     "    return np.minimum(values, limit)"),
    ("data", "# made up\nframe = pd.DataFrame({'a': np.arange(size) % 5, 'b': np.arange(size)})\n"
     "frame.head()\nframe['late'] = frame['a'] % 2"),
    ("split", "cut = len(frame) // 2\ntrain, holdout = frame.iloc[:cut], frame.iloc[cut:]"),
    ("fit", "mean = train['b'].mean()\nknown = sorted(train['a'].unique())"),
    ("features", FEATURES),
    ("features", "X_train = X_train.astype(float)\nX_holdout = X_holdout.astype(float)"),
    ("train", "model = {'w': (X_train.T @ train['late'].to_numpy()).to_dict()}"),
    ("predict", "score = X_holdout['p'] * model['w']['p']\npredictions = score.to_frame('late')"),
    ("test", "def test_build():\n    rows = pd.DataFrame({'a': [1], 'b': [2.0]})\n"
     "    assert clip(rows['b']).max() == 2.0"),
]  # fmt: skip
Carry = Callable[..., Any]
Edit = tuple[str, str, str]  # file, what stands there, what shall stand there


def files(package: Path) -> dict[str, bytes]:
    return {
        path.relative_to(package).as_posix(): path.read_bytes()
        for path in sorted(package.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }


def code(package: Path) -> dict[str, str]:
    """The module without the header's digests, which tell the cells' sources."""
    return {
        path: "\n".join(
            line for line in text.decode().split("\n") if not line.startswith("# sha256")
        )
        for path, text in files(package).items()
        if path.endswith(".py")
    }


class Project:
    """A notebook, its module, and edits of both."""

    def __init__(self, carried: Any) -> None:
        self.notebook: Path = carried.notebook
        self.package: Path = carried.package
        self.read_first = self.sources()

    def sources(self) -> dict[str, str]:
        return {cell.cell_id: cell.source for cell in read_notebook(self.notebook).cells}

    def edit(self, *edits: Edit) -> None:
        for file, old, new in edits:
            path = self.package / file
            text = path.read_text()
            assert old in text
            path.write_text(text.replace(old, new, 1))

    def edit_notebook(self, old: str, new: str) -> None:
        text = self.notebook.read_text()
        assert old in text
        self.notebook.write_text(text.replace(old, new, 1))

    def sync(self, **options: Any) -> Sync:
        folder = self.package.parent
        return sync(self.notebook, self.package, label="late", project_path=folder, **options)

    def extract(self) -> Any:
        folder = self.package.parent
        return extract(self.notebook, self.package, label="late", project_path=folder)

    def goes_back(self, *edits: Edit, exactly: bool = True) -> dict[str, str]:
        """Edit the module and sync: cell id -> source of the cells that changed."""
        self.edit(*edits)
        wanted = code(self.package)
        record = self.sync()
        assert record.passed, record.findings
        assert record.written
        if exactly:
            assert code(self.package) == wanted
            assert not any(item.code == "NBX043" for item in record.findings)
        assert self.extract().changed == ()
        sources = self.sources()
        changed = {c: new for c, new in sources.items() if new != self.read_first[c]}
        assert set(changed) == set(record.cells)
        return changed

    def is_refused(self, *edits: Edit) -> Any:
        """Edit the module and sync: the error, after which no byte has changed."""
        self.edit(*edits)
        before = files(self.package), self.notebook.read_bytes()
        record = self.sync()
        assert not record.passed
        assert not record.written
        assert (files(self.package), self.notebook.read_bytes()) == before
        assert all(item.hint for item in record.findings)
        return record.findings[0]


@pytest.fixture
def project(carry: Carry) -> Project:
    return Project(carry(CELLS))


# ---------------------------------------------------------------- goes back


def test_nobody_edited(project: Project) -> None:
    """An untouched module has nothing to sync, and no byte is written."""
    before = files(project.package), project.notebook.stat().st_mtime_ns
    record = project.sync()
    assert (record.passed, record.written, record.edited, record.cells) == (True, False, (), {})
    assert (files(project.package), project.notebook.stat().st_mtime_ns) == before


def test_names_are_the_cells_again(project: Project) -> None:
    """`state.mean` becomes `mean`, in edited and in added lines; passed arguments go."""
    changed = project.goes_back(
        ("features.py", "- state.mean\n", "- state.mean * 2  # twice\n"),
        ("features.py", "    return out\n", "    out['q'] = out['p'] / (state.mean + 1)\n    return out\n"),
        ("features.py", "build(frame, state=state)", "build(frame.copy(), state=state)"),
    )  # fmt: skip
    new = FEATURES.replace("- mean", "- mean * 2  # twice")
    new = new.replace("    return out", "    out['q'] = out['p'] / (mean + 1)\n    return out")
    new = new.replace("(train)", "(train.copy())").replace("(holdout)", "(holdout.copy())")
    assert changed == {"c7": new}


def test_label_and_rows_are_the_cells_again(project: Project) -> None:
    """`label`, `features` and a frame that came in are what the cell calls them."""
    changed = project.goes_back(
        ("training.py", "label.to_numpy()", "label.astype(int).to_numpy()"),
        ("inference.py", "    predictions =", "    score = score + features['p']\n    predictions ="),
        ("features.py", "    mean = frame", "    mean = 2 * frame"),
    )  # fmt: skip
    assert "train['late'].astype(int).to_numpy()" in changed["c9"]
    assert "score = score + X_holdout['p']\n" in changed["c10"]
    assert "mean = 2 * train['b']" in changed["c6"]


def test_edits_of_several_files(project: Project) -> None:
    """Each edit goes to its own cell; lines that extraction left out stay where they are."""
    changed = project.goes_back(
        ("data.py", "% 2\n", "% 3\n"),
        ("lib.py", "LIMIT = 10", "LIMIT = 12"),
        ("tests/test_lib.py", "== 2.0\n", "== 2.0  # exactly\n"),
    )
    assert set(changed) == {"c4", "c3", "c11"}
    assert "frame.head()\nframe['late'] = frame['a'] % 3" in changed["c4"]


def test_parameters(project: Project) -> None:
    """A default is the assignment's value; a new field is a new assignment, comment and all."""
    changed = project.goes_back(
        ("parameters.py", "scale: float = 0.5", "scale: float = 0.75"),
        ("parameters.py", "lambda: ['a', 'b'])\n", "lambda: ['a'])\n    # depth\n    depth: int = 3\n"),
        ("training.py", "label.to_numpy()", "label.to_numpy() * parameters.depth"),
    )  # fmt: skip
    assert changed["c2"] == (
        "size = 40\n# how strong\nscale = 0.75\nnames = ['a']\n# depth\ndepth = 3"
    )
    assert "train['late'].to_numpy() * depth" in changed["c9"]


def test_parameter_with_another_type(project: Project) -> None:
    """Where the value's own type is another, the annotation goes with it."""
    changed = project.goes_back(("parameters.py", "scale: float = 0.5", "scale: float = 2"))
    assert "scale: float = 2\n" in changed["c2"]


def test_deleted_lines(project: Project) -> None:
    """Deleted lines leave the cell; what only they needed leaves the module, and it is told."""
    old = "    for value in state.known:\n        out[f'k{value}'] = rows['a'] == value\n"
    project.edit(("features.py", old, ""))
    record = project.sync()
    assert record.passed
    assert "for value" not in project.sources()["c7"]
    assert project.sources()["c6"] == project.read_first["c6"]
    told = " ".join(item.message for item in record.findings if item.code == "NBX043")
    assert "known" in told
    assert project.extract().changed == ()


def test_deleted_function_and_its_test(project: Project) -> None:
    """A function and what called it; nothing but the blank lines of a cell is left behind."""
    changed = project.goes_back(
        ("lib.py", "\n\ndef clip(values, limit=LIMIT):\n    # never above\n    return np.minimum(values, limit)\n",
         "\n\ndef clip(values):\n    return values.clip(upper=LIMIT)\n"),
        ("lib.py", "import numpy as np\n\n", ""),
    )  # fmt: skip
    assert changed == {
        "c3": "LIMIT = 10\n\n\ndef clip(values):\n    return values.clip(upper=LIMIT)"
    }


def test_new_function_and_test(project: Project) -> None:
    """A new function stands under the one above it, with its blank lines; a new test too."""
    changed = project.goes_back(
        ("features.py", "\n\n@dataclass", '\n\ndef twice(x):\n    """Double\n\n      it."""\n    return x * 2\n\n\n@dataclass'),
        ("features.py", "clip(rows['b'])", "twice(clip(rows['b']))"),
        ("tests/test_lib.py", "== 2.0\n", "== 2.0\n\n\ndef test_more():\n    assert clip(3) == 3\n"),
    )  # fmt: skip
    assert 'return out\n\n\ndef twice(x):\n    """Double\n\n      it."""' in changed["c7"]
    assert "return x * 2\n\n\nX_train = build(train)" in changed["c7"]
    assert changed["c11"].endswith("== 2.0\n\n\ndef test_more():\n    assert clip(3) == 3")


def test_new_function_where_the_file_has_none(project: Project) -> None:
    """In a file without definitions a new function stands before all of its first cell."""
    changed = project.goes_back(
        ("data.py", "\n\ndef load", "\n\ndef made(n):\n    return np.arange(n)\n\n\ndef load"),
        ("data.py", "np.arange(parameters.size)}", "made(parameters.size)}"),
    )
    assert changed["c4"].startswith("def made(n):\n    return np.arange(n)\n\n\n# made up\n")


def test_new_function_at_the_end_moves(project: Project) -> None:
    """Extraction writes functions above its own; that the module is rearranged is told."""
    project.goes_back(
        ("features.py", "    return X_train\n", "    return X_train\n\n\ndef twice(x):\n    return x * 2\n"),
        ("features.py", "clip(rows['b'])", "twice(clip(rows['b']))"),
        exactly=False,
    )  # fmt: skip
    text = (project.package / "features.py").read_text()
    assert text.index("def twice") < text.index("class State")


def test_renamed_function(project: Project) -> None:
    """A function renamed at every place is renamed in every cell."""
    changed = project.goes_back(
        *(("lib.py", "def clip(", "def cut_off("), ("features.py", "import clip", "import cut_off")),
        ("features.py", "= clip(", "= cut_off("),
        *(("tests/test_lib.py", "import clip", "import cut_off"),
          ("tests/test_lib.py", " clip(", " cut_off(")),
    )  # fmt: skip
    assert set(changed) == {"c3", "c7", "c11"}
    assert not any("clip" in source for source in changed.values())


def test_renamed_variable(project: Project) -> None:
    """A variable that other cells read is renamed in all of them, and that is told."""
    text = (project.package / "features.py").read_text()
    (project.package / "features.py").write_text(text.replace("X_train", "scaled"))
    record = project.sync()
    assert record.passed
    assert "X_train is called scaled now" in " ".join(item.message for item in record.findings)
    sources = project.sources()
    assert sources["c8"] == "scaled = scaled.astype(float)\nX_holdout = X_holdout.astype(float)"
    assert "scaled = build(train)\nX_holdout = build(holdout)" in sources["c7"]
    assert sources["c9"] == "model = {'w': (scaled.T @ train['late'].to_numpy()).to_dict()}"
    assert project.extract().changed == ()


@pytest.mark.parametrize(
    ("cell", "old", "why"),
    [
        ("c9", "model = ", "scaled = 1\\nmodel = "),
        ("c9", "model = ", "%store X_train\\nmodel = "),
        ("c9", "model = ", "train.query('a in @X_train')\\nmodel = "),
    ],
    ids=["taken", "in a magic", "in a query"],
)
def test_renamed_where_that_is_not_certain(project: Project, cell: str, old: str, why: str) -> None:
    """A name that is taken, or that stands in a text, is not renamed behind one's back."""
    project.edit_notebook(f'"{old}', f'"{why}')
    assert project.extract().changed
    text = (project.package / "features.py").read_text()
    (project.package / "features.py").write_text(text.replace("X_train", "scaled"))
    error = project.is_refused()
    assert "reads X_train" in error.message
    assert "rename it in the notebook" in error.hint


def test_new_argument(project: Project) -> None:
    """A function that takes `state` in the module gets a new argument in the cell without it."""
    changed = project.goes_back(
        ("features.py", "(rows, *, state)", "(rows, factor=2, *, state)"),
        ("features.py", "- state.mean", "- state.mean * factor"),
    )
    assert changed["c7"].startswith("def build(rows, factor=2):\n")


def test_imports(project: Project) -> None:
    """A new import goes under those of the notebook; one from elsewhere is changed in place."""
    changed = project.goes_back(
        ("inference.py", "predictions.\"\"\"\n", "predictions.\"\"\"\n\nfrom math import sqrt\n"),
        ("inference.py", "model['w']['p']", "sqrt(model['w']['p'])"),
        ("lib.py", "import numpy as np", "import numpy.ma as np"),
        ("data.py", "import numpy as np", "import numpy.ma as np"),
    )  # fmt: skip
    assert changed["c1"] == "import numpy.ma as np\nimport pandas as pd\nfrom math import sqrt"


def test_import_that_the_notebook_has(project: Project) -> None:
    """A file may begin to use what the notebook imports already: that is no edit of a cell."""
    changed = project.goes_back(
        ("inference.py", 'predictions."""\n', 'predictions."""\n\nimport numpy as np\n'),
        ("inference.py", "model['w']['p']", "np.abs(model['w']['p'])"),
    )
    assert set(changed) == {"c10"}


def test_what_follows_from_an_edit(project: Project) -> None:
    """A newly learned value gets its field of State, whether or not one wrote it there."""
    by_hand: list[Edit] = [
        (
            "features.py",
            "    known = sorted(",
            "    spread = frame['b'].std()\n    known = sorted(",
        ),
        ("features.py", "- state.mean", "- state.mean / state.spread"),
    ]
    changed = project.goes_back(*by_hand, exactly=False)
    assert "spread = train['b'].std()\n" in changed["c6"]
    assert "- mean / spread\n" in changed["c7"]
    text = (project.package / "features.py").read_text()
    assert "    spread: " in text
    assert "spread=spread" in text


def test_held_out_rows_get_the_same(project: Project) -> None:
    """The module makes features once, the notebook twice: both lines get the edit."""
    changed = project.goes_back(
        ("features.py", "X_train.astype(float)", "X_train.astype(float).round(3)"),
        ("features.py", "    X_train = build(", "    frame = frame.copy()\n    X_train = build("),
    )
    assert changed["c8"] == (
        "X_train = X_train.astype(float).round(3)\nX_holdout = X_holdout.astype(float).round(3)"
    )
    assert "train = train.copy()\nX_train = build(train)\n" in changed["c7"]
    assert "holdout = holdout.copy()\nX_holdout = build(holdout)" in changed["c7"]


def test_twins_in_another_cell(carry: Carry) -> None:
    """Training rows in one cell, held-out rows in the next: both get the edit, columns stay."""
    one = "train['p'] = train['a'] * scale\ntrain['q'] = train['b'] * scale\nX_train = train[['p', 'q']]"
    other = one.replace("train", "holdout")
    features = [("features", "train, holdout = train.copy(), holdout.copy()"),
                ("features", one), ("features", other)]  # fmt: skip
    cells = [*CELLS[:5], *features, ("train", "model = {'w': {'p': X_train['p'].sum()}}"), CELLS[9]]
    project = Project(carry(cells))
    changed = project.goes_back(
        ("features.py", "frame['p'] = frame['a'] *", "frame['p'] = frame['a'].abs() *")
    )
    assert "train['p'] = train['a'].abs() * scale\ntrain['q'] = train['b'] * scale" in changed["c7"]
    assert "holdout['p'] = holdout['a'].abs() * scale\nholdout['q'] =" in changed["c8"]


def test_the_same_lines_twice(carry: Carry) -> None:
    """A cell that says the same for both frames, under one name, gets the edit twice."""
    lines = "df = {}.copy()\ndf['p'] = df['a'] * scale\nX_{} = df[['p']]"
    source = "\n".join(lines.format(rows, rows) for rows in ("train", "holdout"))
    cells = [*CELLS[:5], ("features", source), ("train", "model = {'w': {'p': X_train.sum()}}"),
             CELLS[9]]  # fmt: skip
    project = Project(carry(cells))
    changed = project.goes_back(("features.py", "df['a'] *", "df['a'] % 3 *"))
    assert changed["c6"].count("df['p'] = df['a'] % 3 * scale") == 2


def test_half_a_line(project: Project) -> None:
    """One of two statements of a line: the other stays."""
    changed = project.goes_back(("data.py", "frame.iloc[:cut]", "frame.iloc[: cut + 1]"))
    assert changed["c5"].endswith("train, holdout = frame.iloc[: cut + 1], frame.iloc[cut:]")


def test_outer_statements_of_a_line(carry: Carry) -> None:
    """Edits of the first and the third statement of a line leave the second alone."""
    cells = [
        *CELLS[:3],
        ("data", CELLS[3][1] + "\na = 1; b = 2; c = 3\nframe['s'] = a + b + c"),
        *CELLS[4:],
    ]
    changed = Project(carry(cells)).goes_back(
        ("data.py", "a = 1", "a = 10"), ("data.py", "c = 3", "c = 30")
    )
    assert "\na = 10; b = 2; c = 30\n" in changed["c4"]


def test_lines_stand_where_they_stood(carry: Carry) -> None:
    """A line under a blank line goes under the cell's, one above it goes above."""
    lib = ("lib", CELLS[2][1].replace("LIMIT = 10", "LIMIT = 10\n\nLOW = 2"))
    project = Project(carry([*CELLS[:2], lib, *CELLS[3:]]))
    changed = project.goes_back(
        ("lib.py", "LOW = 2", "HIGH = 20\nLOW = 2"),
        ("lib.py", "LIMIT = 10\n", "LIMIT = 10\nMOST = 9\n"),
    )
    assert changed["c3"].startswith("LIMIT = 10\nMOST = 9\n\nHIGH = 20\nLOW = 2\n")


def test_rows_taken_apart_under_another_name(carry: Carry) -> None:
    """A name that only half a line tells is the cell's name again."""
    split = ("split", "rows = frame[frame['b'] > 0]\ntrain, holdout = rows[:9], rows[9:]")
    project = Project(carry([*CELLS[:4], split, *CELLS[5:]]))
    changed = project.goes_back(("data.py", "rows[9:]", "rows[rows['a'] > 0][9:]"))
    assert changed["c5"].endswith("train, holdout = rows[:9], rows[rows['a'] > 0][9:]")


def test_lines_between_two_cells(project: Project) -> None:
    """What stands between two cells goes to the first, and it is told."""
    project.edit(("features.py", "    X_train = X_train.astype", "    X_train = X_train + 1\n    X_train = X_train.astype"))  # fmt: skip
    record = project.sync()
    assert record.passed
    told = next(item for item in record.findings if "between the cells" in item.message)
    assert (told.code, told.cell_id) == ("NBX042", "c7")
    assert "c7 and c8" in told.message
    assert "X_train = X_train + 1" in project.sources()["c7"]


def test_layout_that_does_not_survive(project: Project) -> None:
    """Two blank lines in a function become one, and it is told."""
    project.edit(("data.py", "    frame['late']", "\n\n    frame['late']"))
    record = project.sync()
    assert record.passed
    assert [item.code for item in record.findings] == ["NBX043"]
    assert "data.py line 15" in record.findings[0].message
    assert project.extract().changed == ()


def test_line_endings_of_an_editor(project: Project) -> None:
    """A module saved with other line endings, or without the last, is brought in order."""
    path = project.package / "training.py"
    before = path.read_bytes()
    path.write_bytes(before.replace(b"\n", b"\r\n"))
    assert "line feed" in project.sync().findings[0].message
    assert path.read_bytes() == before
    path.write_bytes(before.rstrip(b"\n"))
    assert [item.code for item in project.sync().findings] == ["NBX043"]
    assert path.read_bytes() == before
    assert project.sources() == project.read_first


# ---------------------------------------------------------------- cannot go back


@pytest.mark.parametrize(
    ("edit", "line", "words"),
    [
        (("features.py", "# Generated by", "# Made by"), 1, "header"),
        (("data.py", "def split(frame, ", "def split(rows, "), 19, "def split"),
        (("data.py", "return frame\n", "return frame.copy()\n"), 16, "value in a line before"),
        (("data.py", '"""Load and', '"""Read and'), 12, "comment in the cell"),
        (("features.py", "    mean: ", "    means: "), 27, "State holds"),
        (("data.py", "import numpy as np", "import math\nimport numpy as np"), 7, "only imports"),
        (("data.py", "import numpy as np\n", ""), 7, "leave it in"),
        (("data.py", "    return frame\n", "    # done\n    return frame\n"), 16, "comment goes"),
        (("data.py", "    return frame\n", "    n = 3\n    return frame\n"), 16, "module use it"),
        (("data.py", "    return frame\n", "    return frame)\n"), 16, "correct that line"),
    ],
    ids=lambda value: value[2].strip()[:20] if isinstance(value, tuple) else "",
)
def test_edits_that_no_cell_makes(project: Project, edit: Edit, line: int, words: str) -> None:
    """What extraction itself writes has no cell: the line is named, with what to do instead."""
    error = project.is_refused(edit)
    assert error.code == "NBX041"
    assert f"/{edit[0]} line {line}" in error.message
    assert words in error.message + error.hint


def test_one_edit_refused_refuses_all(project: Project) -> None:
    """A good edit beside a bad one is not written either."""
    error = project.is_refused(
        ("lib.py", "LIMIT = 10", "LIMIT = 12"), ("data.py", "return frame\n", "return None\n")
    )
    assert "data.py" in error.message


def test_import_changed_in_one_file_only(project: Project) -> None:
    """The notebook imports a name once, so another file would change unseen: refused."""
    error = project.is_refused(("lib.py", "import numpy as np", "import numpy.ma as np"))
    assert "data.py" in error.message


def test_line_that_stands_at_two_places(carry: Carry) -> None:
    """A line of a cell that `fit` and `transform` both need is edited in both, or in none."""
    cells = [*CELLS[:4], ("features", "frame['a'] = frame['a'] + 1"), *CELLS[4:]]
    project = Project(carry(cells))
    text = (project.package / "features.py").read_text()
    line = "    frame['a'] = frame['a'] + 1\n"
    assert text.count(line) == 2
    error = project.is_refused(("features.py", line, line.replace("1", "2")))
    assert "edit both alike" in error.hint
    changed = project.goes_back(("features.py", line, line.replace("1", "2")))
    assert changed == {"c5": "frame['a'] = frame['a'] + 2"}


def test_line_that_stands_at_two_places_is_deleted_at_one(carry: Carry) -> None:
    """Deleting one of two copies would delete the other unseen: refused, as an edit is."""
    cells = [*CELLS[:4], ("features", "frame['a'] = frame['a'] + 1"), *CELLS[4:]]
    project = Project(carry(cells))
    line = "    frame['a'] = frame['a'] + 1\n"
    error = project.is_refused(("features.py", line, ""))
    assert "edit both alike" in error.hint
    project.edit(("features.py", line, ""))
    record = project.sync()
    assert record.passed
    assert project.sources()["c5"] == ""


def test_a_result_is_not_wrapped_unseen(project: Project) -> None:
    """Where extraction would return another value than the person does, it is refused."""
    edit = ("inference.py", "score.to_frame('late')", "dict(score.to_frame('late'))")
    error = project.is_refused(edit)
    assert "`return predictions` would come back as `return pd.DataFrame" in error.message
    assert "extraction writes this line" in error.hint


def test_a_file_that_would_be_gone(project: Project) -> None:
    """Deleting what a file is for is no edit of its lines."""
    text = (project.package / "inference.py").read_text()
    lines = text.split("\n")
    kept = [
        line for line in lines if "predictions" not in line or line.startswith(("#", " " * 4 + '"'))
    ]
    (project.package / "inference.py").write_text("\n".join(kept))
    error = project.is_refused()
    assert "inference.py" in error.message


def test_line_edited_in_two_ways() -> None:
    """Edits of one line of a cell agree, or the line is named."""
    edits = CellEdits({("c1", 2): ("x = 1",)})
    assert edits.add(CellEdits({("c1", 2): ("x = 1",), ("c1", 3): ()})) is None
    assert edits.add(CellEdits({("c1", 2): ("x = 2",)})) == ("c1", 2)
    assert edits.add(CellEdits(after={("c1", 2): ("y = 2",)})) is None
    assert edits.cells() == {"c1"}


def test_extraction_that_refuses(project: Project) -> None:
    """What extraction says about the edited notebook is said, with its cell."""
    error = project.is_refused(("lib.py", "def clip(", "def cut_off("))
    assert "reads clip" in error.message
    assert error.cell_id == "c7"


def test_stranger_and_missing_module(project: Project, tmp_path: Path) -> None:
    """Without a module there is nothing to sync; a damaged manifest holds no base."""
    with pytest.raises(NotFoundError, match="no module"):
        sync(project.notebook, tmp_path / "none", project_path=tmp_path)
    project.edit(("data.py", "% 2\n", "% 3\n"))
    manifest = project.package / MANIFEST
    told = json.loads(manifest.read_text())
    told["base"]["data.py"][0] = "# Generated by somebody"
    manifest.write_text(json.dumps(told))
    with pytest.raises(ExtractionError, match=r"data\.py as extraction wrote it") as caught:
        project.sync()
    assert "version control" in caught.value.hint


# ---------------------------------------------------------------- the notebook changed too


def test_other_lines_changed_in_the_notebook(project: Project) -> None:
    """Both sides' edits meet in the cell and in the module, even in neighbouring lines."""
    project.edit_notebook("for value in known:", "for value in sorted(known):")
    project.edit(("features.py", "- state.mean\n", "- state.mean * 3\n"))
    assert project.sync().passed
    new = FEATURES.replace("in known:", "in sorted(known):").replace("- mean", "- mean * 3")
    assert project.sources()["c7"] == new
    text = (project.package / "features.py").read_text()
    assert "in sorted(state.known):" in text
    assert "- state.mean * 3\n" in text
    assert project.extract().changed == ()


def test_same_line_changed_in_the_notebook(project: Project) -> None:
    """A conflict names both versions and the cell, and writes nothing."""
    project.edit_notebook("scale - mean", "scale - mean * 4")
    error = project.is_refused(("features.py", "- state.mean\n", "- state.mean * 3\n"))
    assert (error.code, error.cell_id, error.line) == ("NBX040", "c7", 3)
    assert "state.mean * 3" in error.message
    assert "state.mean * 4" in error.message
    assert "features.py line 17" in error.message


def test_same_edit_on_both_sides(project: Project) -> None:
    """When the cell says it already, only the module's header and manifest are brought up."""
    project.edit_notebook("scale - mean", "scale - mean * 3")
    project.edit(("features.py", "- state.mean\n", "- state.mean * 3\n"))
    notebook = project.notebook.read_bytes()
    record = project.sync()
    assert (record.passed, record.cells) == (True, {})
    assert project.notebook.read_bytes() == notebook
    assert project.extract().changed == ()


def test_file_that_the_notebook_makes_no_more(project: Project) -> None:
    """An edited file without a cell is a conflict."""
    content = json.loads(project.notebook.read_text())
    del content["cells"][10]
    project.notebook.write_text(json.dumps(content))
    error = project.is_refused(("tests/test_lib.py", "== 2.0", "== 3.0"))
    assert error.code == "NBX040"
    assert "test_lib.py" in error.message


# ---------------------------------------------------------------- never overwritten unseen


def test_check_writes_nothing(project: Project) -> None:
    """`check` shows the difference of the cell, and writes neither side."""
    project.edit(("data.py", "% 2\n", "% 3\n"))
    before = files(project.package), project.notebook.read_bytes()
    record = project.sync(check=True)
    assert (record.passed, record.written) == (True, False)
    assert (
        "-frame['late'] = frame['a'] % 2\n+frame['late'] = frame['a'] % 3\n" in record.cells["c4"]
    )
    assert (files(project.package), project.notebook.read_bytes()) == before


@pytest.mark.parametrize("side", ["notebook", "module"])
def test_saved_while_syncing(project: Project, monkeypatch: pytest.MonkeyPatch, side: str) -> None:
    """What somebody saves between reading and writing is not overwritten."""
    project.edit(("data.py", "% 2\n", "% 3\n"))
    path = project.notebook if side == "notebook" else project.package / "data.py"
    saved = path.read_text().replace("made up", "saved meanwhile")
    real = os.fsync

    def save(handle: int) -> None:
        path.write_text(saved)
        real(handle)

    monkeypatch.setattr("nbprod.notebook.files.os.fsync", save)
    with pytest.raises((NotebookError, ExtractionError), match="meanwhile"):
        project.sync()
    assert path.read_text() == saved
    assert not list(project.notebook.parent.glob(".*"))
    monkeypatch.undo()
    assert project.sync().passed  # nothing is lost: the next one brings both together
    assert "# saved meanwhile" in project.sources()["c4"]
    assert "% 3" in project.sources()["c4"]


def test_extract_is_not_written_over_a_save(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file saved while extraction wrote its files aside stays as it was saved."""
    project.edit_notebook("LIMIT = 10", "LIMIT = 11")
    path, real = project.package / "lib.py", os.fsync
    saved = path.read_text() + "# mine\n"

    def save(handle: int) -> None:
        path.write_text(saved)
        real(handle)

    monkeypatch.setattr("nbprod.extraction.writing.os.fsync", save)
    with pytest.raises(ExtractionError, match="meanwhile"):
        project.extract()
    assert path.read_text() == saved
    assert not list(project.package.glob("*.nbprod-*"))


def test_outputs_and_line_endings_of_the_notebook_stay(project: Project) -> None:
    """Only the source of the edited cell changes; CRLF stays CRLF, in the file and in cells."""
    content = json.loads(project.notebook.read_text())
    content["cells"][3]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1\n"}]
    content["cells"][3]["source"] = "".join(content["cells"][3]["source"]).replace("\n", "\r\n")
    text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
    project.notebook.write_bytes(text.replace("\n", "\r\n").encode())
    project.edit(("data.py", "% 2\n", "% 3\n"))
    assert project.sync().passed
    wanted = text.replace("frame['a'] % 2", "frame['a'] % 3").replace("\n", "\r\n")
    assert project.notebook.read_bytes() == wanted.encode()


def test_text_notebook(project: Project, tmp_path: Path) -> None:
    """A notebook in py:percent text is edited in its text, and nowhere else."""
    text = "# %%\n" + "\n\n# %%\n".join(source for _, source in CELLS) + "\n"
    path = tmp_path / "text.py"
    path.write_text(text)
    set_roles(path, {n: role for n, (role, _) in enumerate(CELLS, start=1) if role})
    before = path.read_text()
    project.notebook = path
    project.package = tmp_path / "from_text"
    project.extract()
    project.edit(("features.py", "- state.mean\n", "- state.mean * 3\n"))
    assert project.sync().passed
    assert path.read_text() == before.replace("scale - mean", "scale - mean * 3")
    assert project.extract().changed == ()


# ---------------------------------------------------------------- the base


@given(
    cells=st.dictionaries(st.sampled_from("ab"), st.text("x \n'", max_size=20), min_size=1),
    data=st.data(),
)
def test_base_is_the_text_that_was_packed(cells: dict[str, str], data: st.DataObject) -> None:
    """Whatever lines a file has, the manifest gives it back byte for byte."""
    text = "\n".join(data.draw(st.lists(st.text("x ', \t", max_size=8), max_size=8)))
    places = [
        (number, cell_id, data.draw(st.integers(1, source.count("\n") + 1)))
        for number in range(1, text.count("\n") + 2)
        for cell_id, source in [data.draw(st.sampled_from(sorted(cells.items())))]
        if data.draw(st.booleans())
    ]
    runs = line_runs(places)
    manifest = {
        "files": {"a.py": sha256(text)},
        "cells": {cell_id: {"source": source} for cell_id, source in cells.items()},
        "lines": {"a.py": runs},
        "base": {"a.py": packed(text, runs, cells)},
    }
    assert base_text(manifest, "a.py") == text


def test_base_is_small(project: Project) -> None:
    """Lines that stand in a cell are not told twice."""
    told = json.loads((project.package / MANIFEST).read_text())
    lines = [item for item in told["base"]["lib.py"] if isinstance(item, str)]
    assert "import numpy as np" in lines
    assert not any("np.minimum" in line or "LIMIT = 10" in line for line in lines)
