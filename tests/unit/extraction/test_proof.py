"""A module proved against its notebook's cells: what is the same, and each seeded difference."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import functools
import operator
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse
import scipy.spatial
import torch
from sklearn.linear_model import LinearRegression

from nbprod.errors import ExecutionError
from nbprod.extraction.proof import Encoder, Plan, Walk, compare_runs, run_cells
from nbprod.extraction.proof.comparing import Gap, Side
from nbprod.extraction.proof.judging import _is_rounding
from nbprod.extraction.proof.planning import plan_of
from nbprod.notebook.document import read_notebook
from nbprod.predictor.modules import load_package, read_manifest, unload_package
from nbprod.records import ComparedValue, Finding
from nbprod.training.environment import set_seeds

Proved = tuple[dict[str, ComparedValue], tuple[Finding, ...]]


def prove(
    carried: Any, folder: Path, label: str = "late", tolerance: dict[str, str] | None = None
) -> Proved:
    """Run cells and module in this process: the verdict on each value by name, and findings."""
    folder = folder / "values"
    folder.mkdir(exist_ok=True)
    document = read_notebook(carried.notebook)
    plan = plan_of(document, label)
    cells = run_cells(
        document,
        plan,
        Encoder(folder),
        notebook="train.ipynb",
        seeded=lambda: set_seeds(0),
        progress=lambda *_: None,
    )
    version = str(read_manifest(carried.package)["version"])
    package = load_package(carried.package, version)
    try:
        walk = Walk(
            package,
            plan,
            Encoder(folder, ("__main__", package.name)),
            label=label,
            hidden={label},
            load=lambda: None,
        )
        told = walk.run(seeded=lambda: set_seeds(0), progress=lambda *_: None)
    finally:
        unload_package(package)
    values, findings = compare_runs(
        plan, cells, told, folder=folder, tolerance=tolerance or {"*": "exact"}, hidden={label}
    )
    return {value.name: value for value in values}, findings


def tamper(carried: Any, file: str, old: str, new: str) -> None:
    """Change a line of the module, as a fault of extraction would."""
    path = carried.package / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


@pytest.fixture
def statements(carry: Callable[..., Any], data_uri: str) -> Any:
    """A notebook of loose statements, with plots, magics and untagged cells between."""
    cells = [
        ("parameters", f'uri = "{data_uri}"\nshare = 0.75\nalpha = 1.0'),
        ("", "import numpy as np\nimport pandas as pd\nfrom sklearn.linear_model import Ridge"),
        ("lib", "SCALE = 100.0"),
        ("data", "%matplotlib inline\nflights = pd.read_parquet(uri)\nflights.head()"),
        ("", "raise RuntimeError('an untagged cell does not run')"),
        ("split", "cut = int(len(flights) * share)\ntrain = flights[:cut]\ntest = flights[cut:]"),
        ("fit", "delays = train['dep_delay']\nmean_delay = delays.mean()\ncodes = {'AA': 1}"),
        (
            "features",
            "def make(rows):\n"
            "    return pd.DataFrame({\n"
            "        'far': rows['distance'] / SCALE,\n"
            "        'delay': rows['dep_delay'].fillna(mean_delay),\n"
            "        'code': rows['carrier'].map(codes).fillna(0),\n"
            "    })\n"
            "X_train = make(train)\nX_test = make(test)",
        ),
        ("train", "y = train['late']\nmodel = Ridge(alpha=alpha)\nmodel.fit(X_train, y)"),
        ("predict", "predictions = pd.DataFrame({'late': model.predict(X_test)})"),
    ]
    return carry(cells)


def test_every_value_of_the_road_is_compared_and_the_same(statements: Any, tmp_path: Path) -> None:
    """A clean module: parameters, constants, frames, state, features, model and predictions."""
    values, findings = prove(statements, tmp_path)
    assert findings == ()
    assert {value.verdict for value in values.values()} == {"same"}
    roles = {name: value.role for name, value in values.items()}
    assert roles == {
        "uri": "parameter",
        "share": "parameter",
        "alpha": "parameter",
        "SCALE": "constant",
        "flights": "frame",
        "cut": "split step",
        "train": "train",
        "test": "holdout",
        "delays": "fit step",
        "mean_delay": "state",
        "codes": "state",
        "X_train": "features",
        "y": "train step",
        "model": "model",
        "X_test": "features",
        "predictions": "predictions",
    }
    assert values["X_train"].kind == "frame 45 × 3"
    assert values["model"].kind == "Ridge"


FAULTS = [
    # file, a line of the module, what a fault makes of it; the value, its role, cell and line
    ("parameters.py", "alpha: float = 1.0", "alpha: float = 1.5", "alpha", "parameter", "c1", 3),
    ("lib.py", "SCALE = 100.0", "SCALE = 10.0", "SCALE", "constant", "c3", 1),
    ("data.py", "frame[:cut]", "frame[:cut].iloc[1:]", "train", "train", "c6", 2),
    ("data.py", "frame[cut:]", "frame[cut:].iloc[::-1]", "test", "holdout", "c6", 3),
    ("features.py", "delays.mean()", "delays.median()", "mean_delay", "state", "c7", 2),
    ("features.py", "{'AA': 1}", "{'AA': 1, 'UA': 2}", "codes", "state", "c7", 3),
    ("features.py", ".fillna(0)", ".fillna(-1)", "X_train", "features", "c8", 7),
    ("training.py", "alpha=parameters.alpha", "alpha=9.0", "model", "model", "c9", 3),
    (
        "inference.py",
        ".predict(features)",
        ".predict(features) + 1e-6",
        "predictions",
        "predictions",
        "c10",
        1,
    ),
]


@pytest.mark.parametrize(("file", "old", "new", "name", "role", "cell", "line"), FAULTS)
def test_a_seeded_difference_is_named(
    statements: Any,
    tmp_path: Path,
    file: str,
    old: str,
    new: str,
    name: str,
    role: str,
    cell: str,
    line: int,
) -> None:
    """A changed line of the module: the first value on the road that differs, with its cell."""
    tamper(statements, file, old, new)
    values, findings = prove(statements, tmp_path)
    found = [item for item in findings if item.code == "NBX030"]
    assert len(found) == 1
    assert (found[0].details["value"], found[0].details["role"]) == (name, role)
    assert (found[0].cell_id, found[0].severity) == (cell, "error")
    assert found[0].line is not None
    assert abs(found[0].line - line) <= 1
    assert values[name].verdict == "different"


def test_a_difference_tells_row_column_both_values_and_distance(
    statements: Any, tmp_path: Path
) -> None:
    """One wrong number among many: where it stands, what both sides have, how far apart."""
    tamper(
        statements,
        "features.py",
        "rows['distance'] / SCALE",
        "(rows['distance'] / SCALE).where(rows.index != 7, 3.5)",
    )
    _, findings = prove(statements, tmp_path)
    details = findings[0].details
    cells = statements.run_module()["frame"]["distance"]
    assert findings[0].column == "far"
    assert details["row"] == 7
    assert details["expected"] == cells[7] / 100
    assert details["actual"] == 3.5
    assert details["distance"] == pytest.approx(abs(cells[7] / 100 - 3.5))
    assert details["rows"] == 1
    assert "(index 7)" in findings[0].message
    assert "after it differ too: model" in findings[0].message


def test_a_line_that_the_module_lacks_is_found(statements: Any, tmp_path: Path) -> None:
    """A module that leaves a statement out computes another value, or none."""
    tamper(statements, "training.py", "    model.fit(features, ", "    model.fit(features * 0, ")
    _, findings = prove(statements, tmp_path)
    assert findings[0].details["value"] == "model"
    assert findings[0].details["part"] == ".predict(features)"


def test_rounding_is_allowed_by_tolerance_alone(statements: Any, tmp_path: Path) -> None:
    """Exact by default; the hint of a last digit's difference says how to allow it."""
    tamper(statements, "inference.py", ".predict(features)", ".predict(features) * (1 + 1e-14)")
    _, findings = prove(statements, tmp_path)
    assert [item.code for item in findings] == ["NBX030"]
    assert "[parity] tolerance" in findings[0].hint
    values, findings = prove(statements, tmp_path, tolerance={"*": "exact", "late": "rel:1e-9"})
    assert findings == ()
    assert values["predictions"].distance > 0


def test_a_cell_that_raises_is_named(
    carry: Callable[..., Any], data_uri: str, tmp_path: Path
) -> None:
    """What only an untagged cell sets up is missing: the cell and its line."""
    carried = carry(
        [
            ("", "import os\nimport pandas as pd\nos.environ['NBPROD_TEST_UNTAGGED'] = '1'"),
            (
                "data",
                f"flights = pd.read_parquet('{data_uri}')\n\nos.environ['NBPROD_TEST_UNTAGGED']",
            ),
            (
                "features",
                "X = flights[['distance']]\nX = X * int(os.environ['NBPROD_TEST_UNTAGGED'])",
            ),
        ]
    )
    with pytest.raises(ExecutionError, match="cell c3, line 2 raised KeyError") as raised:
        prove(carried, tmp_path)
    assert (raised.value.cell_id, raised.value.line) == ("c3", 2)


def test_a_display_that_raises_is_a_note(
    carry: Callable[..., Any], data_uri: str, tmp_path: Path
) -> None:
    """A plot of something that is not there changes nothing, and is told."""
    carried = carry(
        [
            ("", "import pandas as pd\nimport matplotlib.pyplot as plt"),
            ("data", f"flights = pd.read_parquet('{data_uri}')\nflights[['nothing']].plot()"),
            ("features", "X = flights[['distance']] * 2"),
        ]
    )
    values, findings = prove(carried, tmp_path)
    assert values["X"].verdict == "same"
    notes = [item for item in findings if item.code == "NBX009"]
    assert [(item.cell_id, item.line, item.severity) for item in notes] == [("c2", 2, "info")]


def test_what_cannot_be_compared_is_told(
    carry: Callable[..., Any], data_uri: str, tmp_path: Path
) -> None:
    """A learned value that is a function: not compared, with the reason; never silently passed."""
    carried = carry(
        [
            ("", "import pandas as pd"),
            ("data", f"flights = pd.read_parquet('{data_uri}')"),
            (
                "fit",
                "top = flights['distance'].max()\nscale = (lambda top: lambda x: x / top)(top)",
            ),
            ("features", "X = pd.DataFrame({'far': scale(flights['distance'])})"),
        ]
    )
    values, findings = prove(carried, tmp_path)
    assert values["scale"].verdict == "not compared"
    assert "function" in values["scale"].reason
    assert values["X"].verdict == "same"
    assert [(item.code, item.severity) for item in findings] == [("NBX031", "warning")]


@pytest.mark.parametrize("made", [threading.Lock, lambda: (i for i in [1]), threading.Condition])
def test_what_shows_nothing_is_never_the_same(tmp_path: Path, made: Callable[[], Any]) -> None:
    """Two things that do not tell what they hold are not called the same."""
    encoder, side = Encoder(tmp_path), Side(tmp_path, "v", {})
    side.compare(encoder.encode(made()), encoder.encode(made()))
    assert side.opaque


def test_compared_in_part_is_told(carry: Callable[..., Any], data_uri: str, tmp_path: Path) -> None:
    """A learned value of which a part is a function: the rest is compared, and that is said."""
    fit = "known = {'top': flights['distance'].max(), 'scale': lambda x: x / 2}"
    features = "X = pd.DataFrame({'far': known['scale'](flights['distance']) / known['top']})"
    cells = [("data", f"flights = pd.read_parquet('{data_uri}')"), ("fit", fit)]
    carried = carry([("", "import pandas as pd"), *cells, ("features", features)])
    values, findings = prove(carried, tmp_path)
    assert values["known"].verdict == "same"
    assert [(item.code, item.severity) for item in findings] == [("NBX031", "warning")]
    assert "known was compared in part: not compared: ['scale']" in findings[0].message


@pytest.mark.parametrize(
    ("body", "raised", "hint"),
    [
        ("return 1 / 0", "ZeroDivisionError", "raise the same"),
        ("import nowhere_to_be_found", "ModuleNotFoundError", "install nowhere_to_be_found"),
        ("raise NameError('nobody')", "NameError", "tag the cell"),
        ("raise SystemExit('enough')", "SystemExit: enough", "raise the same"),
    ],
)
def test_the_deepest_cell_is_named(
    carry: Callable[..., Any], data_uri: str, tmp_path: Path, body: str, raised: str, hint: str
) -> None:
    """Where a cell calls what another defines, the line that raised and the one that called."""
    carried = carry(
        [
            ("", "import pandas as pd"),
            ("lib", f"def learned(rows):\n    {body}"),
            ("data", f"flights = pd.read_parquet('{data_uri}')"),
            ("fit", "top = learned(flights)"),
            ("features", "X = flights[['distance']] * 2\nX['top'] = top"),
        ]
    )
    with pytest.raises(ExecutionError, match=f"cell c2, line 2 raised {raised}") as caught:
        prove(carried, tmp_path)
    assert "called from cell c4, line 1" in caught.value.message
    assert (caught.value.cell_id, caught.value.line) == ("c2", 2)
    assert hint in caught.value.hint


def test_a_whole_number_is_no_rounding(statements: Any, tmp_path: Path) -> None:
    """A large counter that is one off is a difference of its own, not of the last digits."""
    gap = Gap("", "", -1, "", 10**30, 10**30 + 1, 1.0, "exact")
    assert not _is_rounding(gap)
    assert _is_rounding(dataclasses.replace(gap, expected=1e30, actual=1e30 * (1 + 1e-15)))


def test_nothing_compared_is_no_proof(tmp_path: Path) -> None:
    """A plan without values, or a run without them, does not pass."""
    told: dict[str, Any] = {"values": {}, "notes": [], "rows": []}
    _, findings = compare_runs(
        Plan((), (), False, "train"), told, told, folder=tmp_path, tolerance={}, hidden=()
    )
    assert [(item.code, item.severity) for item in findings] == [("NBX031", "error")]


def test_features_before_the_split(
    carry: Callable[..., Any], data_uri: str, tmp_path: Path
) -> None:
    """Cells compute features of all rows, the module of the training rows: compared on these."""
    carried = carry(
        [
            ("", "import pandas as pd\nfrom sklearn.model_selection import train_test_split"),
            ("data", f"flights = pd.read_parquet('{data_uri}')"),
            ("features", "X = flights[['distance']].copy()\nX['twice'] = X['distance'] * 2"),
            ("features", "y = flights['late']"),
            ("split", "X_tr, X_te, y_tr, y_te = train_test_split(X, y, random_state=1)"),
            ("train", "from sklearn.linear_model import Ridge\nmodel = Ridge().fit(X_tr, y_tr)"),
            ("predict", "out = pd.DataFrame({'late': model.predict(X_te)}, index=X_te.index)"),
        ]
    )
    values, findings = prove(carried, tmp_path)
    assert findings == ()
    assert {values[name].verdict for name in ("X", "X_tr", "X_te", "y_tr", "model", "out")} == {
        "same"
    }
    tamper(carried, "features.py", " * 2", " * 3")
    _, findings = prove(carried, tmp_path)
    assert findings[0].details["value"] == "X"
    assert findings[0].column == "twice"


def test_a_notebook_of_functions(carry: Callable[..., Any], data_uri: str, tmp_path: Path) -> None:
    """Where the notebook defines the entry functions, what the cells keep of their calls."""
    carried = carry(
        [
            ("", "import pandas as pd\nfrom dataclasses import dataclass"),
            ("parameters", f'uri = "{data_uri}"'),
            ("data", "flights = pd.read_parquet(uri)"),
            ("split", "train, test = flights[:40], flights[40:]"),
            (
                "fit",
                "@dataclass\nclass State:\n    mean: float\n\n\n"
                "def fit(frame):\n    return State(mean=frame['distance'].mean())\n\n\n"
                "state = fit(train)",
            ),
            (
                "features",
                "def transform(frame, state):\n"
                "    return pd.DataFrame({'far': frame['distance'] - state.mean})\n\n\n"
                "X = transform(train, state)\nX_test = transform(test, state)",
            ),
        ]
    )
    values, findings = prove(carried, tmp_path)
    assert findings == ()
    assert {values[name].verdict for name in ("state", "X", "X_test")} == {"same"}
    tamper(carried, "features.py", "frame['distance'].mean()", "frame['distance'].max()")
    values, findings = prove(carried, tmp_path)
    assert (findings[0].details["value"], findings[0].details["part"]) == ("state", ".mean")


def test_a_loop_over_both_frames(carry: Callable[..., Any], data_uri: str, tmp_path: Path) -> None:
    """The frames of the loop are compared; what each pass made for itself has no counterpart."""
    carried = carry(
        [
            ("", "import pandas as pd"),
            ("data", f"flights = pd.read_parquet('{data_uri}')"),
            ("split", "train, test = flights[:40].copy(), flights[40:].copy()"),
            ("fit", "middle = train['distance'].mean()"),
            (
                "features",
                "for frame in [train, test]:\n"
                "    gap = frame['distance'] - middle\n    frame['gap'] = gap * 2",
            ),
            ("features", "X_train, X_test = train[['gap']], test[['gap']]"),
            (
                "train",
                "from sklearn.linear_model import Ridge\nmodel = Ridge().fit(X_train, train['late'])",
            ),
            ("predict", "out = pd.Series(model.predict(X_test), index=X_test.index, name='late')"),
        ]
    )
    values, findings = prove(carried, tmp_path)
    assert findings == ()
    verdicts = {name: value.verdict for name, value in values.items()}
    assert {verdicts[name] for name in ("train", "X_train", "X_test", "model", "out")} == {"same"}
    assert verdicts["gap"] == "not compared"
    assert "last pass" in values["gap"].reason
    tamper(carried, "features.py", "gap * 2", "gap * 2.5")
    _, findings = prove(carried, tmp_path)
    assert findings[0].column == "gap"
    assert (findings[0].cell_id, findings[0].line) == ("c5", 3)


# ---------------------------------------------------------------- values of every kind


@dataclasses.dataclass
class Thing:
    """An object of somebody's own class."""

    size: float
    parts: list[Any]


class Counted(dict[str, int]):
    """A dictionary that holds more than its items."""

    def __init__(self, *, limit: int, **items: int) -> None:
        super().__init__(items)
        self.limit = limit


def _frame(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame(columns)


_DAY = pd.Timestamp("2024-05-01", tz="Europe/Berlin")
KINDS: list[tuple[Any, Any, str]] = [
    (1, 2, "give 1, the module 2"),
    (1, 1.0, "(int), the module 1.0 (float)"),
    (1, True, "(int), the module True (bool)"),
    (0.1, 0.1 + 1e-17 + 1e-16, "apart"),
    ("a", "b", "'a', the module 'b'"),
    (None, 0, "None"),
    (b"ab", b"ac", "bytes"),
    (decimal.Decimal("1.10"), decimal.Decimal("1.1"), "1.10"),
    (datetime.date(2024, 1, 1), datetime.date(2024, 1, 2), "2024-01-02"),
    (_DAY, _DAY + pd.Timedelta(nanoseconds=1), "2024-05-01"),
    ({"a": [1, 2]}, {"a": [1, 3]}, "in ['a'][1]"),
    ({"a": 1}, {"b": 1}, "in ['a']"),
    ((1, 2), (1, 2, 3), "3 items"),
    ({1, 2}, {1, 3}, "in [1]"),
    ([0.5] * 2000, [0.5] * 1999 + [0.25], "row 1999"),
    (np.arange(6).reshape(2, 3), np.arange(6).reshape(3, 2), "array 2 × 3"),
    (np.arange(6.0).reshape(2, 3), np.array([[0.0, 1, 2], [3, 4.5, 5]]), "column '1' at row 1"),
    (np.array(["a", None], dtype=object), np.array(["b", None], dtype=object), "in [0]"),
    (pd.Series([1, 2], name="x"), pd.Series([1, 3], name="x"), "column 'x' at row 1"),
    (pd.Series([1, 2]), pd.Series([1, 2], index=[1, 0]), "(index)"),
    (_frame(x=[1, 2]), _frame(x=[1]), "2 rows, the module 1 rows"),
    (_frame(x=[1], y=[2]), _frame(y=[2], x=[1]), "order of columns"),
    (_frame(x=pd.Categorical(["a", "b"])), _frame(x=pd.Categorical(["a", "b"], ["b", "a"])), "cat"),
    (_frame(x=[_DAY]), _frame(x=[_DAY.tz_convert("UTC")]), "column 'x'"),
    (_frame(x=pd.array([1, None], "Int64")), _frame(x=pd.array([1, 2], "Int64")), "row 1"),
    (_frame(x=[[1, 2], [3]]), _frame(x=[[1, 2], [4]]), "column 'x' at row 1"),
    (Thing(1.0, [1]), Thing(1.0, [2]), ".parts[0]"),
    (np.random.default_rng(1), np.random.default_rng(2), "state"),
    ({1: "a", "1": "b"}, {1: "b", "1": "a"}, "in [1]"),
    (functools.partial(round, ndigits=1), functools.partial(round, ndigits=2), "['ndigits']"),
    (operator.itemgetter("a"), operator.itemgetter("b"), "in .arguments[0]"),
    (ValueError("a"), ValueError("b"), "'a', the module 'b'"),
    (Counted(a=1, limit=3), Counted(a=1, limit=4), "in .limit"),
    (collections.defaultdict(int), collections.defaultdict(list), "in .default_factory"),
    (np.ma.array([1, 2], mask=[0, 1]), np.ma.array([1, 2], mask=[1, 0]), "in ['data'] at row 0"),
    (scipy.spatial.cKDTree([[0.0, 1]]), scipy.spatial.cKDTree([[0.0, 2]]), "in .data"),
    (torch.nn.Dropout(0.1), torch.nn.Dropout(0.2), "Dropout(p=0.1"),
    (torch.nn.Sequential(torch.nn.ReLU()), torch.nn.Sequential(torch.nn.Tanh()), "Tanh"),
]


@pytest.mark.parametrize(("value", "other", "words"), KINDS)
def test_values_of_every_kind(tmp_path: Path, value: Any, other: Any, words: str) -> None:
    """Equal content is the same whoever holds it; other content is a difference with a place."""
    encoder = Encoder(tmp_path)
    same = Side(tmp_path, "v", {"*": "exact"})
    same.compare(encoder.encode(value), encoder.encode(_again(value)))
    assert (same.gaps, same.opaque) == ([], [])
    assert same.compared > 0
    side = Side(tmp_path, "v", {"*": "exact"})
    side.compare(encoder.encode(value), encoder.encode(other))
    assert side.gaps
    assert words in str(side.gaps[0])


def _again(value: Any) -> Any:
    import copy

    return copy.deepcopy(value)


def test_an_object_that_holds_itself(tmp_path: Path) -> None:
    """A cycle ends; what lies beside it is compared."""
    one: dict[str, Any] = {"size": 1}
    one["self"] = one
    other: dict[str, Any] = {"size": 2}
    other["self"] = other
    encoder, side = Encoder(tmp_path), Side(tmp_path, "v", {})
    side.compare(encoder.encode(one), encoder.encode(other))
    assert [gap.part for gap in side.gaps] == ["['size']"]


def test_fitted_objects_are_told_by_their_fields(tmp_path: Path) -> None:
    """Two scalers of the same rows are the same; of other rows they differ in what they learned."""
    from sklearn.preprocessing import StandardScaler

    rows = np.arange(12.0).reshape(6, 2)
    encoder = Encoder(tmp_path)
    first, again, other = (StandardScaler().fit(item) for item in (rows, rows.copy(), rows + 1))
    same, side = Side(tmp_path, "v", {}), Side(tmp_path, "v", {})
    same.compare(encoder.encode(first), encoder.encode(again))
    side.compare(encoder.encode(first), encoder.encode(other))
    assert same.gaps == []
    assert [gap.part for gap in side.gaps] == [".mean_"]


def test_a_sparse_matrix_of_the_cells_beside_a_frame(tmp_path: Path) -> None:
    """The module gives a frame where the cells have a matrix: entry by entry they are the same."""
    dense = np.array([[0.0, 1.5], [2.0, 0.0], [0.0, 0.0]])
    frame = pd.DataFrame(dense, columns=["a", "b"], index=[7, 8, 9])
    encoder = Encoder(tmp_path)
    same, other = Side(tmp_path, "v", {}), Side(tmp_path, "v", {})
    same.compare(encoder.encode(scipy.sparse.csr_matrix(dense)), encoder.encode(frame))
    assert same.gaps == []
    assert same.compared
    other.compare(encoder.encode(scipy.sparse.csr_matrix(dense * 2)), encoder.encode(frame))
    assert [(gap.row, gap.column, gap.expected, gap.actual) for gap in other.gaps] == [
        (1, "a", 4.0, 2.0),
        (0, "b", 3.0, 1.5),
    ]


def test_a_model_of_some_columns_is_asked_with_these(tmp_path: Path) -> None:
    """Trained on two of three columns, it answers on both sides, whatever else is beside them."""
    rows = pd.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3.0, 5.0, 4.0], "more": [0.0, 1.0, 0.0]})
    model = LinearRegression().fit(rows[["a", "b"]], [1.0, 2.0, 3.0])
    told = Encoder(tmp_path).encode([model], probes=[rows])
    assert told["items"][0]["t"] == "model"
    assert told == Encoder(tmp_path).encode([model], probes=[rows[["a", "b"]]])
