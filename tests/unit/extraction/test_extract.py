"""Each construct of a notebook becomes a module that computes what its cells compute."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbprod.errors import ExtractionError

Cells = list[tuple[str, str]]
Carry = Callable[..., Any]

IMPORTS = (
    "",
    "import numpy as np\nimport pandas as pd\nfrom sklearn.linear_model import LogisticRegression\n",
)


def parameters(data_uri: str) -> tuple[str, str]:
    return ("parameters", f"data_uri = {data_uri!r}\ncut_day = '2013-02-10'\nseed = 3\nC = 0.5\n")


LOAD = (
    "data",
    "flights = pd.read_parquet(data_uri)\nflights = flights[flights['distance'] > 200]\nflights.head()",
)
SPLIT = (
    "split",
    "early = flights['day'] < cut_day\ntrain = flights[early]\nholdout = flights[~early]",
)
FIT = (
    "fit",
    "carriers = sorted(train['carrier'].unique())\nmean_distance = train['distance'].mean()",
)
FEATURES = (
    "features",
    """
def make_features(rows):
    X = pd.DataFrame(index=rows.index)
    X["far"] = rows["distance"] / mean_distance
    X["carrier"] = [carriers.index(c) if c in carriers else -1 for c in rows["carrier"]]
    X["delay"] = rows["dep_delay"].fillna(0.0)
    return X

X_train = make_features(train)
X_holdout = make_features(holdout)
""",
)
TRAIN = (
    "train",
    "y_train = train['late']\nmodel = LogisticRegression(C=C, random_state=seed)\nmodel.fit(X_train, y_train)",
)
PREDICT = (
    "predict",
    "proba = model.predict_proba(X_holdout)[:, 1]\n"
    "predictions = pd.DataFrame({'late': proba}, index=X_holdout.index)",
)
BOTH = {
    "frame": "flights",
    "train": "train",
    "holdout": "holdout",
    "features": "X_train",
    "holdout_features": "X_holdout",
    "predictions": "predictions",
}


def notebook(data_uri: str, **instead: tuple[str, str] | None) -> Cells:
    """The plain notebook in statements, with some cells replaced or left out."""
    cells = {
        "imports": IMPORTS,
        "parameters": parameters(data_uri),
        "load": LOAD,
        "split": SPLIT,
        "fit": FIT,
        "features": FEATURES,
        "train": TRAIN,
        "predict": PREDICT,
    } | instead
    return [cell for cell in cells.values() if cell is not None]


def test_statements_become_entry_functions(carry: Carry, data_uri: str) -> None:
    """Loose statements of every role, run as a module, give the frames that the cells give."""
    carried = carry(notebook(data_uri))
    _, module = carried.proves(**BOTH)
    assert sorted(vars(module["parameters"])) == ["C", "cut_day", "data_uri", "seed"]
    assert list(vars(module["state"])) == ["carriers", "mean_distance"]
    assert "training" not in carried.text("inference.py").partition("import")[2].partition("def")[0]


@pytest.mark.parametrize(
    "features",
    [
        pytest.param(
            """
X_train = pd.DataFrame(index=train.index)
X_train["far"] = train["distance"] / mean_distance
X_train["delay"] = train["dep_delay"].fillna(seed)
X_holdout = pd.DataFrame(index=holdout.index)
X_holdout["far"] = holdout["distance"] / mean_distance
X_holdout["delay"] = holdout["dep_delay"].fillna(seed)
""",
            id="column by column, twice",
        ),
        pytest.param(
            """
train, holdout = train.copy(), holdout.copy()
for frame in (train, holdout):
    frame["far"] = frame["distance"] / mean_distance
    frame["delay"] = frame["dep_delay"].fillna(0)  # nulls
COLUMNS = ["far", "delay"]
X_train = train[COLUMNS]
X_holdout = holdout[COLUMNS]
""",
            id="a loop over both",
        ),
        pytest.param(
            """
def add(frame):
    frame = frame.copy()
    frame["far"] = frame["distance"] / mean_distance
    return frame[["far"]].assign(seed=seed)
X_train, X_holdout = add(train), add(holdout)
""",
            id="parallel assignment",
        ),
        pytest.param(
            """
def add(frame):
    return pd.DataFrame({"far": frame["distance"] / mean_distance})
X_train, X_holdout = [add(part) for part in (train, holdout)]
""",
            id="comprehension",
        ),
        pytest.param(
            """
def add(frame):
    return pd.DataFrame({"far": frame["distance"] / mean_distance})
X_train, X_holdout = map(add, [train, holdout])
""",
            id="map",
        ),
        pytest.param(
            """
def far(distance):
    return distance / mean_distance
def with_far(rows):
    return rows.assign(far=rows["distance"].apply(far))
X_train = train.pipe(with_far)[["far"]]
X_holdout = holdout.pipe(with_far)[["far"]]
""",
            id="functions handed on, one through the other",
        ),
        pytest.param(
            """
X_train = train.drop(columns=["late", "day", "carrier", "flight_id"]).fillna(0)
X_holdout = holdout.drop(columns=["late", "day", "carrier", "flight_id"]).fillna(0)
""",
            id="dropping the label",
        ),
        pytest.param(
            """
X_train = train[["distance"]].copy()
X_train["text"] = [f"{d:.0f}/{mean_distance:{5}.1f}" for d in train["distance"]]
X_train["text"] = X_train["text"].str.len()
X_holdout = holdout[["distance"]].copy()
X_holdout["text"] = [f"{d:.0f}/{mean_distance:{5}.1f}" for d in holdout["distance"]]
X_holdout["text"] = X_holdout["text"].str.len()
""",
            id="names inside f-strings",
        ),
        pytest.param(
            """
scale = 3
def far(rows):
    return pd.DataFrame({"far": rows["distance"] / mean_distance * scale})
mean_distance = mean_distance + 1
X_train = far(train)
X_holdout = far(holdout)
""",
            id="a learned name given another value",
        ),
        pytest.param(
            """
key = lambda d: d * 2 / mean_distance
X_train = pd.DataFrame({"k": train["distance"].map(key)})
X_holdout = pd.DataFrame({"k": holdout["distance"].map(key)})
""",
            id="a lambda",
        ),
    ],
)
def test_ways_to_write_features(carry: Carry, data_uri: str, features: str) -> None:
    """However features are written, transform() gives what the cells gave, for both frames."""
    carried = carry(notebook(data_uri, features=("features", features)))
    carried.proves(features="X_train", holdout_features="X_holdout", predictions="predictions")
    assert "NBX012" in carried.codes()


def test_features_in_place(carry: Carry, data_uri: str) -> None:
    """Columns added to the frames themselves: transform() works on a copy of its input."""
    features = """
train = train.copy()
holdout = holdout.copy()
def add_far(frame):
    frame["far"] = frame["distance"] / mean_distance
add_far(train)
add_far(holdout)
"""
    train = "model = LogisticRegression(C=C)\nmodel.fit(train[['far']], train['late'])"
    predict = (
        "predictions = pd.DataFrame({'late': model.predict(holdout[['far']])}, index=holdout.index)"
    )
    carried = carry(
        notebook(
            data_uri,
            features=("features", features),
            train=("train", train),
            predict=("predict", predict),
        )
    )
    _, module = carried.proves(predictions="predictions")
    assert "far" in module["features"]


def test_function_that_changes_what_is_around_it(carry: Carry, data_uri: str) -> None:
    """A call without arguments is kept for what it does to the frame outside the function."""
    features = """
def add_far():
    train["far"] = train["distance"] / mean_distance
train = train.copy()
add_far()
"""
    carried = carry(
        notebook(
            data_uri,
            features=("features", features),
            train=(
                "train",
                "model = LogisticRegression(C=C)\nmodel.fit(train[['far']], train['late'])",
            ),
            predict=(
                "predict",
                "predictions = pd.DataFrame({'late': model.predict(train[['far']])}, index=train.index)",
            ),
        )
    )
    cells, module = carried.run_cells(), carried.run_module()
    assert module["features"]["far"].equals(cells["train"]["far"])
    assert 'features["late"]' not in carried.text("training.py").replace("'", '"')


def test_queries_read_names_in_their_text(carry: Carry, data_uri: str) -> None:
    """`frame.query("day < @cut")` finds the parameter under the name that the text has."""
    split = "train = flights.query('day < @cut_day')\nholdout = flights.query('not day < @cut_day')"
    lookup = "def near(rows):\n    return rows.query('distance < @mean_distance').index\n"
    features = (
        lookup
        + "X_train = train.assign(n=train.index.isin(near(train)))[['n']]\nX_holdout = holdout.assign(n=holdout.index.isin(near(holdout)))[['n']]"
    )
    carried = carry(notebook(data_uri, split=("split", split), features=("features", features)))
    carried.proves(**BOTH)


def test_three_way_split(carry: Carry, data_uri: str) -> None:
    """Rows that only serve to choose a model are left out; train and test are what is meant."""
    split = "n = len(flights)\ntrain, valid, test = flights[:30], flights[30:40], flights[40:]"
    features = FEATURES[1].replace("holdout", "test").replace("X_test", "X_holdout")
    carried = carry(notebook(data_uri, split=("split", split), features=("features", features)))
    _, module = carried.proves(features="X_train", holdout="test", predictions="predictions")
    assert "valid" not in carried.text("data.py")
    assert len(module["holdout"]) > 5


def test_predictions_beside_the_features(carry: Carry, data_uri: str) -> None:
    """A column added to the features for the answer changes a copy."""
    predict = "X_holdout['late'] = model.predict(X_holdout)\npredictions = X_holdout[['late']].assign(C=C)"
    carried = carry(notebook(data_uri, predict=("predict", predict)))
    cells, module = carried.run_cells(), carried.run_module()
    assert module["predictions"].equals(cells["predictions"])
    assert "late" not in module["holdout_features"]


def test_label_read_by_features_is_told(carry: Carry, data_uri: str) -> None:
    """A feature made from the label is a warning: no request has one."""
    features = (
        FEATURES[1] + "\nX_train['leak'] = train['late']\nX_holdout['leak'] = holdout['late']"
    )
    assert "NBX026" in carry(notebook(data_uri, features=("features", features))).codes()


def test_unused_helper_stays_behind(carry: Carry, data_uri: str) -> None:
    """A function of a tagged cell that only a plot uses, and that reads learned names, is dropped."""
    fit = FIT[1] + "\ndef show():\n    plot(mean_distance)"
    carried = carry(notebook(data_uri, fit=("fit", fit)))
    carried.proves(**BOTH)
    assert "def show" not in carried.text("features.py")


def test_scaler_fitted_in_a_cell(carry: Carry, data_uri: str) -> None:
    """A fitted scaler is part of State; features between rows and scaler are computed in both."""
    carried = carry(
        notebook(
            data_uri,
            imports=("", IMPORTS[1] + "from sklearn.preprocessing import StandardScaler"),
            fit=("features", "base = train[['distance', 'dep_delay']].fillna(0)"),
            features=(
                "fit",
                "scaler = StandardScaler()\nscaler.fit(base)",
            ),
            more=(
                "features",
                "X_train = pd.DataFrame(scaler.transform(base), columns=base.columns, index=base.index)\n"
                "held = holdout[['distance', 'dep_delay']].fillna(0)\n"
                "X_holdout = pd.DataFrame(scaler.transform(held), columns=held.columns, index=held.index)",
            ),
            train=None,
            predict=None,
            last=TRAIN,
            end=PREDICT,
        )
    )
    _, module = carried.proves(
        features="X_train", holdout_features="X_holdout", predictions="predictions"
    )
    assert list(vars(module["state"])) == ["scaler"]


def test_fit_transform_is_learned_once(carry: Carry, data_uri: str) -> None:
    """`scaler.fit_transform(train)` learns in fit() and transforms in transform()."""
    carried = carry(
        notebook(
            data_uri,
            imports=("", IMPORTS[1] + "from sklearn.preprocessing import StandardScaler"),
            fit=(
                "fit",
                "columns = ['distance']\nscaler = StandardScaler().set_output(transform='pandas')\n"
                "X_train = scaler.fit_transform(train[columns])",
            ),
            features=("features", "X_holdout = scaler.transform(holdout[columns])"),
        )
    )
    carried.proves(features="X_train", holdout_features="X_holdout", predictions="predictions")


def test_definitions_named_like_entries_are_used(carry: Carry, data_uri: str) -> None:
    """Cells that define load, split, fit, transform, train and predict are used as they are."""
    cells = [
        IMPORTS,
        parameters(data_uri),
        (
            "",
            "from types import SimpleNamespace\nfrom dataclasses import dataclass\n"
            "parameters = SimpleNamespace(data_uri=data_uri, cut_day=cut_day, seed=seed, C=C)",
        ),
        (
            "data",
            "def load(parameters):\n    return pd.read_parquet(parameters.data_uri)\nflights = load(parameters)",
        ),
        (
            "split",
            "def split(frame):\n    early = frame['day'] < cut_day\n    return frame[early], frame[~early]\n"
            "train, holdout = split(flights)",
        ),
        (
            "fit",
            "@dataclass\nclass State:\n    mean: float\n\n"
            "def fit(frame, parameters):\n    return State(mean=frame['distance'].mean())\n"
            "state = fit(train, parameters)",
        ),
        (
            "features",
            "def transform(frame, state):\n    # one column\n"
            "    return pd.DataFrame({'far': frame['distance'] / state.mean})\n"
            "X_train = transform(train, state)\nX_holdout = transform(holdout, state)",
        ),
        (
            "train",
            "def train_model(X, y):\n    return LogisticRegression(C=C, random_state=seed).fit(X, y)\n"
            "model = train_model(X_train, train['late'])",
        ),
        (
            "predict",
            "def predict(model, features):\n"
            "    return pd.DataFrame({'late': model.predict(features)}, index=features.index)\n"
            "predictions = predict(model, X_holdout)",
        ),
    ]
    carried = carry(cells)
    carried.proves(**BOTH)
    assert "def split(frame, parameters):" in carried.text("data.py")
    assert "parameters.cut_day" in carried.text("data.py")
    assert "def predict(model, features, state=None):" in carried.text("inference.py")
    assert "# one column" in carried.text("features.py")


def test_helper_with_the_name_of_an_entry(carry: Carry, data_uri: str) -> None:
    """A function called like an entry function, but called otherwise, becomes a helper of it."""
    carried = carry(
        notebook(
            data_uri,
            load=(
                "data",
                "def load(data_uri):\n    return pd.read_parquet(data_uri)\n\nflights = load(data_uri)",
            ),
        )
    )
    carried.proves(**BOTH)
    assert "_load(parameters.data_uri)" in carried.text("data.py")


def test_library_shared_by_all(carry: Carry, data_uri: str) -> None:
    """Constants and functions of lib cells are imported where they are used, and only there."""
    lib = (
        "lib",
        'import os\nfrom pathlib import Path\n# how far is far\nFAR = 1_000\n\n\ndef is_far(d):\n    """Whether far."""\n    return d > FAR\n',
    )
    features = "X_train = pd.DataFrame({'far': is_far(train['distance'])})\nX_holdout = pd.DataFrame({'far': is_far(holdout['distance'])})"
    carried = carry(notebook(data_uri, fit=lib, features=("features", features)))
    _, module = carried.proves(**BOTH)
    assert vars(module["state"]) == {}
    assert "from .lib import is_far" in carried.text("features.py")
    assert "import os" not in carried.text("lib.py")
    assert "# how far is far\nFAR = 1_000" in carried.text("lib.py")


def test_constant_of_training_needed_for_prediction(carry: Carry, data_uri: str) -> None:
    """inference.py never imports training.py: what both need goes to lib.py, with a finding."""
    carried = carry(
        notebook(
            data_uri,
            train=(
                "train",
                "THRESHOLD = 0.4\ndef is_late(p):\n    return p > THRESHOLD\n" + TRAIN[1],
            ),
            predict=(
                "predict",
                "predictions = pd.DataFrame({'late': is_late(model.predict_proba(X_holdout)[:, 1])}, index=X_holdout.index)",
            ),
        )
    )
    carried.proves(**BOTH)
    assert "from .lib import is_late" in carried.text("inference.py")
    assert "NBX025" in carried.codes()


def test_parameters_read_by_features_are_frozen(carry: Carry, data_uri: str) -> None:
    """A parameter that features or predictions read is kept in State: serving needs no notebook."""
    carried = carry(
        notebook(
            data_uri,
            features=(
                "features",
                "X_train = train[['distance']] * C\nX_holdout = holdout[['distance']] * C",
            ),
            predict=(
                "predict",
                "predictions = pd.DataFrame({'late': model.predict_proba(X_holdout)[:, 1] > C / 2}, index=X_holdout.index)",
            ),
            fit=None,
        )
    )
    _, module = carried.proves(**BOTH)
    assert vars(module["state"]) == {"C": 0.5}


def test_training_loop_keeps_its_effects(carry: Carry, data_uri: str) -> None:
    """Seeds and loops that only call methods stay in train()."""
    train = """
np.random.seed(seed)
y_train = train["late"].to_numpy()
weights = np.random.normal(size=X_train.shape[1])
model = {"weights": weights}
for epoch in range(3):
    if epoch == 1:
        continue
    model["weights"] = model["weights"] - 0.01 * (X_train.to_numpy() * (y_train[:, None] - 0.5)).sum(axis=0)
    print(epoch)
"""
    predict = "predictions = pd.DataFrame({'late': X_holdout.to_numpy() @ model['weights']}, index=X_holdout.index)"
    carried = carry(notebook(data_uri, train=("train", train), predict=("predict", predict)))
    carried.proves(**BOTH)
    assert "np.random.seed(parameters.seed)" in carried.text("training.py")


def test_rebound_parameter(carry: Carry, data_uri: str) -> None:
    """A parameter that a cell converts is read from parameters once, and converted in the module."""
    carried = carry(
        notebook(data_uri, split=("split", "cut_day = pd.Timestamp(cut_day)\n" + SPLIT[1]))
    )
    carried.proves(**BOTH)


def test_array_of_predictions_becomes_a_frame(carry: Carry, data_uri: str) -> None:
    """Where the cells leave an array of predictions, predict() makes a frame with the rows' index."""
    carried = carry(
        notebook(data_uri, predict=("predict", "proba = model.predict_proba(X_holdout)[:, 1]"))
    )
    cells, module = carried.proves(features="X_train")
    assert module["predictions"]["late"].tolist() == cells["proba"].tolist()
    assert module["predictions"].index.equals(cells["X_holdout"].index)


def test_table_that_features_look_up(carry: Carry, data_uri: str) -> None:
    """A table read in a fit cell, and joined by features, is frozen into State."""
    carried = carry(
        notebook(
            data_uri,
            fit=("fit", "names = pd.DataFrame({'carrier': ['AA', 'UA'], 'size': [3, 5]})"),
            features=(
                "features",
                "X_train = train[['carrier']].merge(names, how='left')[['size']].fillna(0).set_index(train.index)\n"
                "X_holdout = holdout[['carrier']].merge(names, how='left')[['size']].fillna(0).set_index(holdout.index)",
            ),
        )
    )
    _, module = carried.proves(**BOTH)
    assert list(vars(module["state"])) == ["names"]


def test_magics_and_displays_are_dropped(carry: Carry, data_uri: str) -> None:
    """Magics, shell lines, plots and displays stay in the notebook, each with a finding."""
    train = (
        "%matplotlib inline\n!ls\nprint('training')\n"
        + TRAIN[1]
        + "\nmodel.score(X_train, y_train)\ntrain.describe()"
    )
    carried = carry(notebook(data_uri, train=("train", train)))
    text = carried.text("training.py")
    assert "model.fit(features, label)" in text
    assert not any(word in text for word in ("print", "score", "describe", "matplotlib"))
    dropped = [
        f.line
        for f in carried.record.findings
        if f.code in ("NBX008", "NBX009") and f.cell_id == "c7"
    ]
    assert sorted(dropped) == [1, 2, 3, 7, 8]


def test_generated_code_is_clean(carry: Carry, data_uri: str) -> None:
    """ruff finds nothing in a generated module, isort's order included."""
    carried = carry(notebook(data_uri))
    command = [sys.executable, "-m", "ruff", "check", "--isolated", "--select", "E4,E7,E9,F,I", "."]
    run = subprocess.run(command, cwd=carried.package, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout


def late_split(data_uri: str, **instead: tuple[str, str] | None) -> Cells:
    """The notebook of many tutorials: features of all rows, then train_test_split(X, y)."""
    more = (
        "from sklearn.model_selection import train_test_split\n"
        "from sklearn.preprocessing import StandardScaler\n"
    )
    cells = {
        "imports": ("", IMPORTS[1] + more),
        "parameters": parameters(data_uri),
        "load": (
            "data",
            "df = pd.read_parquet(data_uri)\ndf = df.drop(columns=['day', 'carrier'])",
        ),
        "features": (
            "features",
            "df['far'] = (df['distance'] > 1000).astype(int)\nX = df.drop(columns=['late']).fillna(0)\ny = df['late']",
        ),
        "split": (
            "split",
            "X_train, X_test, y_train, y_test = train_test_split(X, y, test_size=0.25, random_state=seed, stratify=y)",
        ),
        "scale": ("fit", "scaler = StandardScaler().fit(X_train)"),
        "scaled": (
            "features",
            "A = pd.DataFrame(scaler.transform(X_train), columns=X_train.columns, index=X_train.index)\n"
            "B = pd.DataFrame(scaler.transform(X_test), columns=X_test.columns, index=X_test.index)",
        ),
        "train": ("train", "model = LogisticRegression(C=C)\nmodel.fit(A, y_train)"),
        "predict": (
            "predict",
            "predictions = pd.DataFrame({'late': model.predict(B)}, index=B.index)",
        ),
    } | instead
    return [cell for cell in cells.values() if cell is not None]


def test_split_of_features_and_label(carry: Carry, data_uri: str) -> None:
    """train_test_split(X, y) becomes a split of the raw frame: the same rows, the same features."""
    carried = carry(late_split(data_uri))
    cells, module = carried.proves(features="A", holdout_features="B", predictions="predictions")
    assert module["train"]["late"].tolist() == cells["y_train"].tolist()
    assert "train_test_split(frame, test_size=0.25" in carried.text("data.py")
    transform = carried.text("features.py").partition("def transform")[2]
    assert 'errors="ignore"' in transform


def test_split_of_features_made_in_one_cell(carry: Carry, data_uri: str) -> None:
    """X and y taken from the frame in the split cell itself, or in the data cell, come out alike."""
    chain = "X = df[['distance', 'flight_id']].fillna(0)\ny = df['late']\n"
    split = "X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)"
    in_split = late_split(data_uri, features=None, split=("split", chain + split))
    in_data = late_split(data_uri, features=("data", chain), split=("split", split))
    texts = []
    for cells in (in_split, in_data):
        carried = carry(cells)
        carried.proves(features="A", holdout_features="B", predictions="predictions")
        texts.append(carried.text("features.py").partition('"""')[2])
    assert texts[0] == texts[1]


def test_selection_after_features(carry: Carry, data_uri: str) -> None:
    """Features computed on the whole frame, then rows chosen by a raw column."""
    features = "flights['far'] = flights['distance'] / 1000\nenriched = flights.assign(d=flights['dep_delay'].fillna(C))"
    split = "early = enriched['day'] < cut_day\ntrain = enriched[early]\nholdout = enriched[~early]"
    cells = [
        IMPORTS,
        parameters(data_uri),
        LOAD,
        ("features", features),
        ("split", split),
        ("fit", "top = train['far'].max()"),
        (
            "features",
            "X_train = train[['far', 'd']] / top\nX_holdout = holdout[['far', 'd']] / top",
        ),
        TRAIN,
        PREDICT,
    ]
    carried = carry(cells)
    carried.proves(features="X_train", holdout_features="X_holdout", predictions="predictions")


def test_arrays_of_a_scaler_get_their_names_back(carry: Carry, data_uri: str) -> None:
    """X = scaler.fit_transform(X) gives arrays; transform() gives a frame with columns and index."""
    scale = "X_train = scaler.fit_transform(X_train)\nX_test = scaler.transform(X_test)"
    carried = carry(
        late_split(
            data_uri,
            scale=("fit", "scaler = StandardScaler()\n" + scale),
            scaled=None,
            train=("train", "model = LogisticRegression(C=C).fit(X_train, y_train)"),
            predict=(
                "predict",
                "answer = model.predict_proba(X_test)[:, 1]\nscore = (answer == y_test).mean()",
            ),
        )
    )
    cells, module = carried.run_cells(), carried.run_module()
    assert (module["features"].to_numpy() == cells["X_train"]).all()
    assert list(module["features"]) == ["flight_id", "distance", "dep_delay", "far"]
    assert module["features"].index.equals(module["train"].index)
    assert module["predictions"]["late"].tolist() == cells["answer"].tolist()


def test_answers_stored_in_a_column(carry: Carry, data_uri: str) -> None:
    """`test["answer"] = model.predict(...)`: predict() gives that column."""
    predict = "B = B.copy()\nB['answer'] = model.predict(B)\nright = (B['answer'] == y_test).mean()"
    carried = carry(late_split(data_uri, predict=("predict", predict)))
    cells, module = carried.run_cells(), carried.run_module()
    assert module["predictions"].equals(cells["B"][["answer"]])


def test_what_is_learned_before_the_split(carry: Carry, data_uri: str) -> None:
    """A scaler of all rows is one of the training rows in the module, and that is told."""
    scale = ("fit", "scaler = StandardScaler().fit(X)")
    carried = carry(late_split(data_uri, scale=scale))
    told = [item for item in carried.record.findings if item.code == "NBX052"]
    assert [(item.severity, item.line) for item in told] == [("warning", 1)]
    assert "scaler" in told[0].message
    module = carried.run_module()
    assert module["state"].scaler.n_samples_seen_ == len(module["train"])


def test_learning_in_a_features_cell(carry: Carry, data_uri: str) -> None:
    """What a features cell fits is learned by fit(), and only applied by transform()."""
    features = """
from sklearn.preprocessing import MinMaxScaler
s = MinMaxScaler().set_output(transform="pandas")
s.fit(train[['distance']])
X_train = s.transform(train[['distance']])
X_holdout = s.transform(holdout[['distance']])
"""
    carried = carry(notebook(data_uri, features=("features", features)))
    carried.proves(**BOTH)
    assert ".fit(" not in carried.text("features.py").partition("def transform")[2]


def test_torch_training_loop(carry: Carry, data_uri: str) -> None:
    """A loop that changes the model through its optimizer is kept whole."""
    train = """
class Net(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.layer = nn.Linear(n, 1)
    def forward(self, x):
        return self.layer(x)
torch.manual_seed(seed)
net = Net(X_train.shape[1])
optimizer = torch.optim.SGD(net.parameters(), lr=C)
x, y = torch.tensor(X_train.to_numpy(), dtype=torch.float32), torch.tensor(train["late"].to_numpy())
for epoch in range(3):
    optimizer.zero_grad()
    loss = nn.functional.binary_cross_entropy_with_logits(net(x).squeeze(), y.float())
    loss.backward()
    optimizer.step()
    print(loss.item())
"""
    predict = """
with torch.no_grad():
    p = torch.sigmoid(net(torch.tensor(X_holdout.to_numpy(), dtype=torch.float32))).numpy().ravel()
predictions = pd.DataFrame({"late": p}, index=X_holdout.index)
"""
    imports = ("", IMPORTS[1] + "import torch\nfrom torch import nn\n")
    carried = carry(
        notebook(data_uri, imports=imports, train=("train", train), predict=("predict", predict))
    )
    carried.proves(**BOTH)


@pytest.mark.parametrize(
    "instead",
    [
        pytest.param(
            {"features": ("features", "df = df.dropna()\nX = df[['distance']]\ny = df['late']")},
            id="rows dropped on the way",
        ),
        pytest.param(
            {"scaled": ("features", "A = X_train / X.iloc[0]\nB = X_test / X.iloc[0]")},
            id="all rows in features",
        ),
    ],
)
def test_late_split_that_cannot_be_carried(
    carry: Carry, data_uri: str, instead: dict[str, Any]
) -> None:
    """What would need held-out rows, or lose track of rows, is refused with its place."""
    error = refused(carry, late_split(data_uri, **instead), "NBX023")
    assert error.cell_id
    assert error.line


# ---------------------------------------------------------------- what cannot be carried over


def refused(carry: Carry, cells: Cells, code: str) -> ExtractionError:
    with pytest.raises(ExtractionError) as caught:
        carry(cells)
    assert caught.value.details["code"] == code, caught.value
    assert caught.value.hint
    return caught.value


@pytest.mark.parametrize(
    ("instead", "code", "cell"),
    [
        pytest.param({"train": ("train", "model = (1")}, "NBX006", "c7", id="syntax error"),
        pytest.param({"split": ("", SPLIT[1])}, "NBX002", "", id="untagged split"),
        pytest.param(
            {"load": ("data", "flights = pd.read_parquet(uri)")}, "NBX001", "c3", id="undefined"
        ),
        pytest.param(
            {"fit": ("fit", "carriers = sorted(flights['carrier'].unique())\nmean_distance = 1.0")},
            "NBX023",
            "c5",
            id="fit on all rows",
        ),
        pytest.param(
            {"fit": ("fit", "carriers = sorted(holdout['carrier'].unique())\nmean_distance = 1.0")},
            "NBX023",
            "c5",
            id="fit on held-out rows",
        ),
        pytest.param(
            {"features": ("features", FEATURES[1] + "\nX_holdout['far'] = 1.0")},
            "NBX013",
            "c6",
            id="other features for holdout",
        ),
        pytest.param(
            {
                "features": (
                    "features",
                    "X_train = train[['distance']] / flights['distance'].max()\nX_holdout = X_train",
                )
            },
            "NBX023",
            "c6",
            id="features from all rows",
        ),
        pytest.param(
            {
                "features": (
                    "features",
                    "from sklearn.preprocessing import MinMaxScaler\nX_train = (s := MinMaxScaler()).fit_transform(train[['distance']])\nX_holdout = s.transform(holdout[['distance']])",
                )
            },
            "NBX021",
            "c6",
            id="learning in features",
        ),
        pytest.param(
            {
                "train": (
                    "train",
                    "model = LogisticRegression()\nmodel.fit(X_holdout, holdout['late'])",
                )
            },
            "NBX023",
            "c7",
            id="training on holdout",
        ),
        pytest.param(
            {"train": ("train", TRAIN[1] + "\nmodel.extra = carriers")},
            "NBX023",
            "c7",
            id="training on state",
        ),
        pytest.param(
            {
                "train": (
                    "train",
                    "model = LogisticRegression().fit(pd.concat([X_train, train[['distance']]], axis=1), train['late'])",
                )
            },
            "NBX023",
            "c7",
            id="two frames of features",
        ),
        pytest.param(
            {"between": ("", "flights['distance'] = 1.0")}, "", "", id="untagged, after all"
        ),
        pytest.param({"train": ("training", TRAIN[1])}, "NBX007", "c7", id="unknown role"),
        pytest.param(
            {"lib": ("lib", "def make_features():\n    pass")}, "NBX003", "", id="defined twice"
        ),
    ],
)
def test_what_cannot_be_carried_is_an_error_with_its_place(
    carry: Carry, data_uri: str, tmp_path: Path, instead: dict[str, Any], code: str, cell: str
) -> None:
    """Nothing is written, and the error names code, cell and a fix."""
    cells = notebook(data_uri, **instead)
    if not code:
        carry(cells)
        return
    error = refused(carry, cells, code)
    assert error.notebook == "notebooks/train.ipynb"
    if cell:
        assert error.cell_id == cell
    assert not list(tmp_path.glob("module_*"))


def test_untagged_cell_that_changes_what_tagged_cells_use(carry: Carry, data_uri: str) -> None:
    """Hidden state: an untagged cell between tagged ones must not change their values unseen."""
    cells = notebook(data_uri)
    cells.insert(3, ("", "flights['distance'] = flights['distance'] * 2"))
    error = refused(carry, cells, "NBX015")
    assert "c4" in error.message
    cells[3] = ("skip", cells[3][1])
    assert "NBX015" in carry(cells).codes()


def test_notebook_without_tags(carry: Carry, data_uri: str) -> None:
    """A notebook without a tag is refused with the way to tag it."""
    error = refused(carry, [("", source) for _, source in notebook(data_uri)], "NBX016")
    assert "nbprod tag" in error.hint
    assert "nbprod init --from" in error.hint
