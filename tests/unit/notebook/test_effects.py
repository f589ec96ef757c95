"""Calls that nobody keeps the result of: to look at, or with an effect."""

from __future__ import annotations

import ast

import pytest

from nbprod.notebook.effects import is_in_place, is_to_look_at

MODULES = {"plt": "matplotlib", "sns": "seaborn", "np": "numpy", "pd": "pandas", "log": "logging"}


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("df", True),
        ("df.shape, df['x'] > 3", True),
        ("df.head()", True),
        ("df.groupby('x')['y'].mean().plot.bar(title='a')", True),
        ("print(f(x))", True),
        ("plt.show()", True),
        ("sns.heatmap(df.corr())", True),
        ("ax.set_title('x')", True),
        ("model.score(X, y)", True),
        ("pd.set_option('display.max_rows', 10)", True),
        ("model.fit(X, y)", False),
        ("model.fit(X, y).score(X, y)", False),
        ("df.dropna(inplace=True)", False),
        ("rows.append(1)", False),
        ("np.random.seed(1)", False),
        ("add_features(train)", False),
        ("(x := 3)", False),
        ("print(rows.append(1))", False),
    ],
)
def test_to_look_at(source: str, shown: bool) -> None:
    """What changes nothing may be dropped; everything else is kept."""
    node = ast.parse(source).body[0]
    assert isinstance(node, ast.Expr)
    assert is_to_look_at(node.value, modules=MODULES) is shown


@pytest.mark.parametrize(
    ("source", "changes"),
    [
        ("x.sort()", True),
        ("x.zero_()", True),
        ("x.__len__()", False),
        ("x.add(1)", False),
        ("f(x)", False),
    ],
)
def test_in_place(source: str, changes: bool) -> None:
    """Methods known to change their object."""
    node = ast.parse(source, mode="eval").body
    assert isinstance(node, ast.Call)
    assert is_in_place(node) is changes
