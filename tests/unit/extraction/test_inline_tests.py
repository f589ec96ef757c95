"""The notebook's test cells run by pytest against the module, from the project's folder."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from nbprod.extraction import locate

ROAD = [
    ("parameters", "rows = 40\nfactor = 2.0"),
    ("", "import unittest\nimport numpy as np\nimport pandas as pd\nimport pytest"),
    ("lib", "def scaled(km, by=10.0):\n    return km / by"),
    ("data", "trips = pd.DataFrame({'km': np.arange(float(rows)), 'late': np.arange(rows) % 2})"),
    ("split", "train, holdout = trips[:30], trips[30:]"),
    ("fit", "middle = train['km'].mean()"),
    (
        "features",
        "def build(frame):\n"
        "    return pd.DataFrame({'near': scaled(frame['km']) - middle * factor})\n\n\n"
        "X_train = build(train)\nX_holdout = build(holdout)",
    ),
    (
        "train",
        "from sklearn.linear_model import Ridge\nmodel = Ridge().fit(X_train, train['late'])",
    ),
    ("predict", "out = pd.DataFrame({'late': model.predict(X_holdout)}, index=X_holdout.index)"),
]


def run_tests(carried: Any) -> tuple[int, str]:
    """``pytest <package>/tests`` from the project's folder."""
    folder = carried.package.parent
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={folder}"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, f"{carried.package.name}/tests"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_every_kind_of_test_runs_against_the_module(carry: Callable[..., Any]) -> None:
    """Fixtures, parametrize, classes, loose checks, helpers, and every value of the road."""
    carried = carry(
        [
            *ROAD,
            (
                "test",
                "@pytest.fixture\ndef kilometres():\n    return [10.0, 20.0]\n\n\n"
                "def test_fixture(kilometres):\n    assert [scaled(k) for k in kilometres] == [1, 2]\n\n\n"
                "@pytest.mark.parametrize('km, expected', [(0.0, 0.0), (5.0, 0.5)])\n"
                "def test_parametrized(km, expected):\n    assert scaled(km) == expected\n\n\n"
                "@pytest.mark.usefixtures('kilometres')\n"
                "class TestScale:\n    def test_it(self):\n        assert scaled(10.0) == 1.0\n\n\n"
                "class Unit(unittest.TestCase):\n"
                "    def test_more(self):\n        self.assertEqual(scaled(1.0, by=2.0), 0.5)\n",
            ),
            (
                "test",
                "def close(left, right):\n    return abs(left - right) < 1e-9\n\n\n"
                "def test_frames():\n"
                "    assert len(trips) == rows == 40\n    assert len(train) + len(holdout) == 40\n"
                "    assert middle == train['km'].mean()\n\n\n"
                "def test_learned():\n"
                "    assert close(X_train['near'].iloc[0], -middle * factor)\n"
                "    assert len(model.coef_) == 1\n"
                "    assert list(out.index) == list(X_holdout.index) == list(holdout.index)\n",
            ),
            (
                "test",
                "# loose checks\nassert close(scaled(10.0), 1.0)\nassert middle > 0\ntest_frames()",
            ),
            ("test", "unittest.main(argv=[''], exit=False)"),
        ]
    )
    code, output = run_tests(carried)
    assert code == 0, output
    assert "8 passed" in output
    assert carried.codes().count("NBX020") == 0
    left = [item for item in carried.record.findings if "pytest runs the tests" in item.message]
    assert [(item.cell_id, item.line) for item in left] == [("c12", 4), ("c13", 1)]
    assert "def test_c12(middle):\n    # loose checks\n" in carried.text("tests/test_lib.py")
    assert "def close" in carried.text("tests/test_lib.py")  # beside both tests that use it


def test_a_failing_test_stands_where_its_cell_says(carry: Callable[..., Any]) -> None:
    """The line of the file that fails leads back to the notebook's cell and line."""
    carried = carry(
        [*ROAD, ("test", "def test_scaled():\n    km = 20.0\n    assert scaled(km) == 3")]
    )
    code, output = run_tests(carried)
    assert code == 1
    text = carried.text("tests/test_lib.py").splitlines()
    number = text.index("    assert scaled(km) == 3") + 1
    assert f"test_lib.py:{number}: AssertionError" in output
    assert locate(carried.package, "tests/test_lib.py", number) == ("c10", 3)


@pytest.mark.parametrize(
    ("source", "missing"),
    [
        ("def test_it():\n    assert secret == 1", "secret"),
        ("class TestIt:\n    def test_it(self):\n        assert len(trips)", "trips"),
        ("def many():\n    return len(trips)\n\n\ndef test_it():\n    assert many()", "trips"),
    ],
)
def test_a_test_that_cannot_be_carried_over_is_told(
    carry: Callable[..., Any], source: str, missing: str
) -> None:
    """Names that nobody gives, and values that pytest cannot hand over: left out, with the name."""
    extra = [("", "secret = 1")] if missing == "secret" else []
    carried = carry([*ROAD, *extra, ("test", source)])
    found = [item for item in carried.record.findings if item.code == "NBX020"]
    assert len(found) == 1
    assert f"it needs {missing}" in found[0].message
    assert not (carried.package / "tests").exists()


def test_without_values_there_is_no_conftest(carry: Callable[..., Any]) -> None:
    """A test of a helper needs no data; the tests' files are all that is written."""
    carried = carry([*ROAD, ("test", "def test_scaled():\n    assert scaled(20.0) == 2")])
    written = {path.name for path in (carried.package / "tests").iterdir()}
    assert written == {"__init__.py", "test_lib.py"}
