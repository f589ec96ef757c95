"""The predictor answers rows by contract -> transform -> predict, slim and exactly."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nbprod.errors import DataError, ExecutionError, TamperedReleaseError
from nbprod.predictor import Predictor, records_of
from nbprod.predictor.placement import RELATIVE_TOLERANCE

ROWS = [
    {"km": 10, "minutes": 20.5, "city": "Bern"},
    {"km": 3, "minutes": 6.0, "city": "Zug"},
]


@pytest.fixture
def predictor(bundle):
    return Predictor.load(bundle.folder)


def test_answers_rows_with_a_scalar_for_one_output(predictor):
    """Two good rows get two probabilities, and the features they were computed from."""
    answer = predictor.answer(ROWS)
    assert answer.good == [0, 1]
    assert all(isinstance(value, float) and 0 <= value <= 1 for value in answer.outputs)
    assert answer.outputs[0] > answer.outputs[1]
    assert {k: answer.features[0][k] for k in ("km", "speed", "slow")} == {
        "km": 10.0,
        "speed": 10 / 20.5,
        "slow": 1,
    }
    assert answer == predictor.answer(ROWS)


def test_one_row_and_many_rows_agree(predictor):
    """A row gets the same answer alone and in company, but for the last bits of a sum.

    A matrix product over several rows may add in another order than over one.
    """
    together = predictor.answer(ROWS).outputs
    alone = [predictor.answer([row]).outputs[0] for row in ROWS]
    assert together == pytest.approx(alone, rel=RELATIVE_TOLERANCE, abs=0)


def test_a_bad_row_refuses_the_whole_set(predictor):
    """One violation means no answers, unless the caller wants the good part."""
    rows = [ROWS[0], {"km": "x", "minutes": 5.0, "city": "Bern"}, ROWS[1]]
    refused = predictor.answer(rows)
    assert (refused.outputs, refused.good) == ([], [])
    assert [(v.row, v.column) for v in refused.violations] == [(1, "km")]
    partial = predictor.answer(rows, partial=True)
    assert partial.good == [0, 2]
    assert predictor.answer(ROWS).outputs == partial.outputs


def test_nothing_good_is_nothing_answered(predictor):
    """Empty and wholly bad sets end before the user's code."""
    assert predictor.answer([]).outputs == []
    assert predictor.answer([{}], partial=True).outputs == []


def test_features_of_rows_refuse_with_every_violation(predictor):
    """The parity path raises a DataError that carries the violations."""
    assert predictor.features(ROWS)["km"].tolist() == [10.0, 3.0]
    with pytest.raises(DataError, match="row 1") as caught:
        predictor.features([ROWS[0], {"km": 1, "minutes": None, "city": "Genf"}])
    assert len(caught.value.details["violations"]) == 2


def test_frames_keep_their_index_and_may_carry_more(predictor):
    """A raw frame with label and extra columns is predicted on, index kept."""
    frame = pd.DataFrame(ROWS, index=[7, 3]).assign(late=1, arrived=2.0, other="x")
    outputs = predictor.predict(frame)
    assert outputs.index.tolist() == [7, 3]
    assert predictor.answer(ROWS).outputs == outputs["late"].tolist()
    with pytest.raises(DataError, match="no column 'city'"):
        predictor.predict(frame.drop(columns="city"))


class _Fixed:
    """A model that says what it is told."""

    def __init__(self, values):
        self.values = values

    def predict_proba(self, features):
        import numpy as np

        second = np.array(self.values[: len(features)], dtype=float)
        return np.column_stack([1 - second, second])


@pytest.mark.parametrize("value", [math.nan, math.inf, 1.5])
def test_an_output_the_contract_forbids_is_never_answered(predictor, value):
    """NaN, infinity and out of range raise; with `partial` the row is named as failed."""
    predictor.model = _Fixed([0.5, value])
    with pytest.raises(ExecutionError, match="row 1"):
        predictor.answer(ROWS)
    answer = predictor.answer([{}, *ROWS], partial=True)
    assert (answer.good, answer.outputs) == ([1], [0.5])
    assert [violation.row for violation in answer.failed] == [2]
    assert len(answer.features) == 1


def test_changed_rows_are_an_error(bundle):
    """A transform that drops rows cannot answer: rows and requests would not match."""
    file = bundle.module_path / "features.py"
    file.write_text(file.read_text().replace("return out", "return out.head(1)"))
    predictor = Predictor.load(bundle.folder, verify=False)
    with pytest.raises(ExecutionError, match="2 in, 1 out"):
        predictor.answer(ROWS)


def test_an_altered_bundle_is_not_loaded(bundle):
    """Loading compares every hash; another digest than the record's is refused, too."""
    Predictor.load(bundle.folder, digest=bundle.digest)
    with pytest.raises(TamperedReleaseError, match="its record says"):
        Predictor.load(bundle.folder, digest="0" * 64)
    (bundle.folder / "lock.txt").write_text("numpy==1\n")
    with pytest.raises(TamperedReleaseError, match=r"lock\.txt is not the file"):
        Predictor.load(bundle.folder)


SLIM = """
import sys

BLOCKED = {"mlflow", "papermill", "jupyterlab", "pandera", "nbformat", "ray", "whylogs", "fastapi",
           "jupytext", "libcst", "nbclient", "duckdb"}

class Block:
    def find_spec(self, name, path=None, target=None):
        root, _, rest = name.partition(".")
        ours = root.startswith("trips__") and rest in ("data", "training", "schemas")
        if root in BLOCKED or ours:
            raise ImportError("blocked: " + name)

import nbprod.predictor.modules
from nbprod.predictor import Predictor, records_of

sys.meta_path.insert(0, Block())
predictor = Predictor.load(sys.argv[1])
sys.meta_path.insert(0, Block())  # before the finder of the generated packages, too
answer = predictor.answer([{"km": 10, "minutes": 20.5, "city": "Bern"}])
assert len(answer.outputs) == 1, answer
assert not BLOCKED & {name.partition(".")[0] for name in sys.modules}
parts = {name.partition(".")[2] for name in sys.modules if name.startswith("trips__")}
assert parts == {"", "features", "inference", "lib"}, parts
"""


def test_a_replica_is_slim(bundle, tmp_path):
    """Loading and answering need neither notebook tools, trackers, nor the training code."""
    done = subprocess.run(
        [sys.executable, "-c", SLIM, str(bundle.folder)],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[3],
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_rows_become_plain_json():
    """Missing values of every kind are null, moments are text, numbers are Python's own."""
    frame = pd.DataFrame(
        {
            "f": [1.5, math.nan],
            "i": pd.array([1, None], dtype="Int64"),
            "b": [True, False],
            "s": ["a", None],
            "o": pd.Series([np.int8(3), pd.NaT], dtype=object),
            "t": [pd.Timestamp("2026-01-01", tz="UTC"), pd.NaT],
            "c": pd.Categorical(["x", None]),
        }
    )
    first, second = records_of(frame)
    assert json.loads(json.dumps(first)) == {
        "f": 1.5,
        "i": 1,
        "b": True,
        "s": "a",
        "o": 3,
        "t": "2026-01-01T00:00:00+00:00",
        "c": "x",
    }
    assert {"f", "i", "s", "o", "t", "c"} == {name for name, v in second.items() if v is None}


def test_predict_may_return_an_array_or_a_series(bundle):
    """An array and an unnamed Series take the contract's output name; other shapes are refused."""
    predictor = Predictor.load(bundle.folder)
    frame = pd.DataFrame(ROWS)
    original = predictor.module.inference.predict
    expected = predictor.predict(frame)
    for change in (
        lambda out: out["late"].to_numpy(),
        lambda out: out["late"].tolist(),
        lambda out: out["late"].rename(None),
        lambda out: out[["late"]].to_numpy(),
    ):
        predictor.module.inference.predict = lambda m, f, s=None, c=change: c(original(m, f, s))
        pd.testing.assert_frame_equal(expected, predictor.predict(frame))
    for wrong in (None, 3, [1.0], frame.head(1)):
        predictor.module.inference.predict = lambda m, f, w=wrong: w
        with pytest.raises(ExecutionError, match="returned a"):
            predictor.predict(frame)
