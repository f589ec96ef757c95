"""Roles proposed for an untagged notebook are the roles a person would give, and they extract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from nbprod.extraction import extract, propose_label, propose_roles, propose_task
from nbprod.notebook import read_notebook, set_roles

PLAIN = [
    (
        "skip",
        "import pandas as pd\nimport matplotlib.pyplot as plt\nfrom sklearn.preprocessing import StandardScaler\n"
        "from sklearn.linear_model import Ridge\n%matplotlib inline",
    ),
    ("parameters", "alpha = 0.5\npath = 'a.csv'"),
    ("data", "df = pd.read_csv(path)"),
    ("skip", "df.describe()"),
    ("skip", "fig, ax = plt.subplots()\nax.hist(df['x'])\nplt.show()"),
    ("data", "df = df.dropna()\ndf['z'] = df['x'] * 2"),
    ("skip", "corr = df.corr()\ncorr.style.background_gradient()"),
    ("split", "train = df[df['day'] < 50]\ntest = df[df['day'] >= 50]"),
    ("lib", "def ratio(rows):\n    return rows['x'] / (rows['z'] + 1)"),
    ("fit", "centre = train['x'].mean()"),
    (
        "features",
        "def build(rows):\n    return pd.DataFrame({'r': ratio(rows), 'x': rows['x'] - centre})\n"
        "X_train = build(train)\nX_test = build(test)",
    ),
    ("train", "y_train = train['target']"),
    ("train", "model = Ridge(alpha=alpha)\nmodel.fit(X_train, y_train)"),
    ("skip", "plt.bar(X_train.columns, model.coef_)"),
    ("predict", "pred = model.predict(X_test)"),
    ("skip", "error = (pred - test['target']).abs().mean()\nprint(error)"),
    ("test", "def test_ratio():\n    assert ratio({'x': 2, 'z': 1}) == 1"),
]


@pytest.fixture
def notebook(tmp_path: Path) -> Path:
    """The plain notebook as percent text, untagged, beside its data."""
    rows = pd.DataFrame({"day": range(80), "x": [i % 7 for i in range(80)]})
    rows.assign(target=rows["x"] * 3 + 1).to_csv(tmp_path / "a.csv", index=False)
    path = tmp_path / "plain.py"
    path.write_text(
        "\n\n".join(
            f"# %%\n{source.replace('%matplotlib', '# %matplotlib')}" for _, source in PLAIN
        )
    )
    return path


def test_roles_of_an_ordinary_notebook(notebook: Path) -> None:
    """Every cell gets the role that its code has, with a reason."""
    document = read_notebook(notebook)
    assert propose_label(document) == "target"
    proposals = propose_roles(document, label="target")
    told = [
        (item["role"], document.cell(item["cell_id"]).source.splitlines()[0]) for item in proposals
    ]
    assert told == [
        (role, cell.source.splitlines()[0])
        for (role, _), cell in zip(PLAIN, document.code_cells, strict=True)
    ]
    assert all(item["reason"] for item in proposals)


def test_proposed_roles_make_a_module(
    notebook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The proposal, taken as it is, extracts to a module with all entry points."""
    monkeypatch.chdir(tmp_path)
    proposals = propose_roles(read_notebook(notebook), label="target")
    set_roles(notebook, {p["cell_id"]: p["role"] for p in proposals if p["role"] != "skip"})
    record = extract(notebook, tmp_path / "plain_module", label="target", project_path=tmp_path)
    assert set(record.entry_points) == {
        "data.load",
        "data.split",
        "features.fit",
        "features.transform",
        "training.train",
        "inference.predict",
    }


def test_label_taken_early_and_late(tmp_path: Path) -> None:
    """Taking the label belongs to training where it comes before, and to nobody after."""
    cells = [
        ("data", "df = pd.read_csv('a.csv')"),
        ("split", "train, test = train_test_split(df)"),
        ("train", "y_train = train['target']"),
        ("features", "X_train = train[['x']] * 2\nX_test = test[['x']] * 2"),
        ("train", "model.fit(X_train, y_train)"),
        ("predict", "pred = model.predict(X_test)"),
        ("skip", "y_test = test['target']\nprint(rmse(y_test, pred))"),
    ]
    path = tmp_path / "a.py"
    path.write_text("\n\n".join(f"# %%\n{source}" for _, source in cells))
    proposals = propose_roles(read_notebook(path), label="target")
    assert [item["role"] for item in proposals] == [role for role, _ in cells]


def test_a_transformer_of_the_notebooks_own_learns_features(tmp_path: Path) -> None:
    """A class with fit and transform is no model; columns dropped of held-out rows are no split."""
    cells = [
        ("skip", "import pandas as pd"),
        ("data", "df = pd.read_csv('a.csv')"),
        ("split", "train, test = df[:50], df[50:]"),
        (
            "fit",
            "class Centred:\n    def fit(self, rows):\n        self.mean = rows.mean()\n"
            "        return self\n    def transform(self, rows):\n        return rows - self.mean\n"
            "centred = Centred().fit(train[['x']])",
        ),
        ("features", "X_train = centred.transform(train)\nX_test = centred.transform(test)"),
        ("features", "X_train = X_train.drop(columns=['z'])\nX_test = X_test.drop(columns=['z'])"),
        ("train", "model = Ridge().fit(X_train, train['target'])"),
        ("predict", "pred = model.predict(X_test)"),
    ]
    path = tmp_path / "a.py"
    path.write_text("\n\n".join(f"# %%\n{source}" for _, source in cells))
    proposals = propose_roles(read_notebook(path), label="target")
    assert [item["role"] for item in proposals] == [role for role, _ in cells]


def test_a_role_that_is_there_wins(tmp_path: Path) -> None:
    """A person's own tag is never proposed away."""
    path = tmp_path / "tagged.py"
    path.write_text('# %% tags=["nbprod:lib"]\nimport pandas as pd\ndf = pd.read_csv("a.csv")\n')
    (proposal,) = propose_roles(read_notebook(path))
    assert proposal["role"] == "lib"


@pytest.mark.parametrize(
    ("source", "label"),
    [
        (
            "X_train, X_test, y_train, y_test = train_test_split(X, df['price'])\nm.fit(X_train, y_train)",
            "price",
        ),
        ("X, y = df.drop(columns='price'), df.price\nm.fit(X, y)", "price"),
        ("y = df.pop('price').astype(int)\nm.fit(df, y)", "price"),
        ("m.fit(df[cols], df['price'].values)", "price"),
        ("kmeans.fit(df)", ""),
    ],
)
def test_label(tmp_path: Path, source: str, label: str) -> None:
    """The label is the column that the model is fitted on, however it gets there."""
    path = tmp_path / "label.py"
    path.write_text("# %%\n" + source)
    assert propose_label(read_notebook(path)) == label


def test_recipes() -> None:
    """The recipes' own roles are near what would be proposed for them untagged."""
    import dataclasses

    root = Path(__file__).parents[3] / "recipes"
    document = read_notebook(root / "flights" / "notebooks" / "train.ipynb")
    bare: Any = dataclasses.replace(
        document, cells=tuple(dataclasses.replace(cell, tags=()) for cell in document.cells)
    )
    proposed = {p["cell_id"]: p["role"] for p in propose_roles(bare, label="late")}
    for cell_id in ("parameters", "load-flights", "split-by-time", "vocabularies", "aircraft",
                    "make-features", "fit-model", "predict-holdout", "test-helpers"):  # fmt: skip
        tag = document.cell(cell_id).tags[0].removeprefix("nbprod:")
        assert proposed[cell_id] == tag


def test_columns_of_held_out_rows_are_no_split(tmp_path: Path) -> None:
    """A cell that makes features, then takes the label of both parts, computes features."""
    path = tmp_path / "n.py"
    path.write_text(
        "# %%\nimport pandas as pd\n# %%\ndf = pd.read_csv('a.csv')\n"
        "# %%\ntrain = df[df['day'] < 50]\ntest = df[df['day'] >= 50]\n"
        "# %%\nX_train = train[['x']] * 2\nX_test = test[['x']] * 2\n"
        "X_valid = test[['x', 'z']]\ny_train = train['late']\ny_test = test['late']\n"
        "# %%\nmodel.fit(X_train, y_train)\n"
    )
    roles = [proposal["role"] for proposal in propose_roles(read_notebook(path))]
    assert roles[2:4] == ["split", "features"]


@pytest.mark.parametrize(
    ("code", "task"),
    [
        ("model = GradientBoostingRegressor()", "regression"),
        ("model = sklearn.linear_model.LinearRegression()", "regression"),
        ("model = Ridge()\nr2_score(y, p)", "regression"),
        ("model = LogisticRegression()\nmean_absolute_error(y, p)", "classification"),
        ("model = xgb.XGBClassifier()", "classification"),
        ("mean_squared_error(y, net(x))", "regression"),
        ("a = DecisionTreeClassifier()\nb = DecisionTreeRegressor()", ""),
        ("from sklearn.svm import SVR", ""),
        ("df.plot()", ""),
    ],
)
def test_the_task_is_told_by_what_is_called(tmp_path: Path, code: str, task: str) -> None:
    """The model's class decides, then the measures; imports alone, or both kinds, tell nothing."""
    path = tmp_path / "n.py"
    path.write_text(f"# %%\n{code}\n")
    assert propose_task(read_notebook(path)) == task
