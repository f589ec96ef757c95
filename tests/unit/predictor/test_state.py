"""State goes to files and comes back the same, without pickle, or is refused by name."""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import decimal
import json
import re
import threading
import zoneinfo
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from nbprod.errors import ExecutionError, TamperedReleaseError
from nbprod.predictor import fingerprint, load_state, save_state, state_digest


@dataclass(frozen=True)
class State:
    value: Any


def _round(value, folder):
    save_state(State(value), folder)
    return load_state(State, folder).value


BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
X = np.random.default_rng(0).normal(size=(40, 2))
VALUES = {
    "none": None,
    "nan": float("nan"),
    "infinities": [float("inf"), -float("inf"), -0.0],
    "big int": 10**40,
    "tuple": (1, (2, "x"), [3]),
    "set": {1, "a", (2, None)},
    "frozenset": frozenset({1.5, True}),
    "int keys": {1: "a", (2, 3): {"b": None}, None: 0},
    "order": {"b": 1, "a": 2},
    "tag key": {"$type": "tuple", "items": [1]},
    "ordered": collections.OrderedDict(b=1, a=2),
    "counter": collections.Counter("abracadabra"),
    "defaultdict": collections.defaultdict(int, {"a": 1}),
    "bytes": b"\x00\xff",
    "complex": 1 - 2j,
    "range and slice": [range(1, 9, 2), slice(None, 3)],
    "decimal": decimal.Decimal("1.10"),
    "pattern": re.compile(r"^a+$", re.IGNORECASE),
    "datetime": dt.datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
    "naive": dt.datetime(2026, 1, 1, 1, 2, 3, 4),
    "offset": dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=5.5))),
    "date, time, delta": [dt.date(2026, 1, 1), dt.time(1, 2), dt.timedelta(1, 2, 3)],
    "timestamp": pd.Timestamp("2026-01-01 12:00", tz="Europe/Berlin"),
    "nanoseconds": pd.Timestamp("2026-01-01 12:00:00.123456789"),
    "timedelta": pd.Timedelta("1 day 2 ns"),
    "nothing": [pd.NA, pd.NaT],
    "float32": np.float32(0.1),
    "int8": np.int8(-3),
    "numpy bool": np.bool_(True),
    "datetime64": np.datetime64("2026-01-01", "D"),
    "not a time": np.datetime64("NaT"),
    "str_": np.str_("é"),
    "dtype": np.dtype("float32"),
    "array": np.arange(6, dtype="int16").reshape(2, 3),
    "fortran": np.asfortranarray(np.eye(3)),
    "empty": np.empty((0, 4)),
    "strings": np.array(["a", "bcd"]),
    "objects": np.array(["a", None, 1.5, (1, 2)], dtype=object),
    "structured": np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "series": pd.Series([1.0, None], index=["x", "y"], name=("a", 1)),
    "text series": pd.Series(["a", None, "c"], name="s"),
    "object series": pd.Series([1, "a", None], dtype=object),
    "nullable": pd.Series([1, None], dtype="Int64"),
    "category": pd.Series(["a", "b", None], dtype=pd.CategoricalDtype(["b", "a"], ordered=True)),
    "zoned": pd.Series(pd.date_range("2026-01-01", periods=2, tz="Europe/Berlin")),
    "frame": pd.DataFrame({"a": [1, 2], "b": ["x", None]}, index=[5, 3]),
    "odd columns": pd.DataFrame([[1, 2.5, "c"]], columns=[0, (1, "x"), "a"]),
    "twice a column": pd.DataFrame([[1, 2]], columns=["a", "a"]),
    "grouped": pd.DataFrame({"k": ["a", "a", "b"], "j": [1, 2, 1], "v": [1.0, 2.0, 3.0]})
    .groupby(["k", "j"])
    .agg({"v": ["mean", "size"]}),
    "no rows": pd.DataFrame({"a": pd.Series([], dtype="float32")}),
    "no columns": pd.DataFrame(index=[1, 2]),
    "index": pd.Index([3, 1], name="n"),
    "range index": pd.RangeIndex(2, 10, 3, name="r"),
    "datetime index": pd.DatetimeIndex(["2026-01-01"]),
    "multi index": pd.MultiIndex.from_tuples([(1, "a"), (2, None)], names=["x", None]),
    "extension array": pd.array(["a", None], dtype="category"),
    "encoder": OneHotEncoder(handle_unknown="ignore").fit([["a"], ["b"]]),
    "nested scaler": {"scaler": StandardScaler().fit(X), "columns": ("a", "b")},
    "forest with a generator": GradientBoostingRegressor(n_estimators=2, random_state=0).fit(
        X, X[:, 0]
    ),
    "tensor": torch.arange(6, dtype=torch.float16).reshape(2, 3),
    "state_dict": torch.nn.Linear(2, 1).state_dict(),
}


@pytest.mark.parametrize("name", VALUES)
def test_every_kind_of_value_comes_back_the_same(name, tmp_path):
    """Type and content survive; nothing that could be unpickled is written."""
    value = VALUES[name]
    back = _round(value, tmp_path)
    assert type(value) is type(back)
    assert fingerprint(value) == fingerprint(back)
    for file in tmp_path.iterdir():
        assert file.suffix in (".json", ".npy", ".arrow", ".skops", ".pt")


def test_pandas_agrees_that_it_is_the_same(tmp_path):
    """The fingerprint is not the only judge: pandas compares tables and indexes, too."""
    for name, value in VALUES.items():
        back = _round(value, tmp_path / name.replace(" ", "_"))
        if isinstance(value, pd.DataFrame):
            pd.testing.assert_frame_equal(value, back, check_freq=False)
        elif isinstance(value, pd.Series):
            pd.testing.assert_series_equal(value, back, check_freq=False)
        elif isinstance(value, pd.Index):
            pd.testing.assert_index_equal(value, back)
        elif isinstance(value, np.ndarray):
            np.testing.assert_array_equal(value, back)
            assert value.dtype == back.dtype


class Odd:
    """A type nobody knows."""


@dataclass
class Changes:
    """A subclass of a known type would come back as its parent."""


class MyFloat(float):
    """Not a plain float."""


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (Odd(), "Odd"),
        (lambda x: x, "function"),
        ([1, {"deep": threading.Lock()}], "list"),
        (MyFloat(1), "MyFloat"),
        (np.float64, "type"),
        (FunctionTransformer(abs), "FunctionTransformer"),
        (FunctionTransformer(lambda x: x), "FunctionTransformer"),
        (torch.nn.Linear(1, 1), "Linear"),
        (pd.Series([Odd()]), "Series"),
    ],
)
def test_an_unknown_type_is_named_and_refused(value, kind, tmp_path):
    """The error names field and type, and says what to do."""
    if kind == "FunctionTransformer" and value.func is abs:
        value = FunctionTransformer(Odd)
    with pytest.raises(ExecutionError, match=r"State\.value is a .*" + kind) as caught:
        _round(value, tmp_path)
    assert "nbprod:lib" in caught.value.hint
    assert caught.value.details["field"] == "value"


def test_fit_must_return_a_state(tmp_path):
    """A dict is not a State."""
    with pytest.raises(ExecutionError, match="returned a dict, not the module's State"):
        save_state({"a": 1}, tmp_path)


def test_other_fields_are_another_version(tmp_path):
    """A state saved by other code is refused, not filled up."""
    save_state(State(1), tmp_path)

    @dataclass(frozen=True)
    class Newer:
        value: int
        more: int = 0

    with pytest.raises(ExecutionError, match="another version") as caught:
        load_state(Newer, tmp_path)
    assert caught.value.hint


@pytest.mark.parametrize(
    "field",
    [
        {"$type": "array", "file": "../outside.npy"},
        {"$type": "pickle", "file": "x"},
        {"$type": "sklearn", "file": "value.skops", "trusted": ["os.system"]},
    ],
)
def test_an_altered_state_is_refused(field, tmp_path):
    """A path outside the folder, an unknown kind, a missing file: never followed."""
    save_state(State(1), tmp_path)
    saved = json.loads((tmp_path / "state.json").read_text())
    saved["fields"]["value"] = field
    (tmp_path / "state.json").write_text(json.dumps(saved))
    with pytest.raises(TamperedReleaseError):
        load_state(State, tmp_path)


def test_the_digest_follows_the_content():
    """Equal content, equal digest, whatever the identity; one changed element, another digest."""
    one = State({"a": np.arange(3.0), "b": {"x", "y"}})
    two = State({"a": np.arange(3.0), "b": {"y", "x"}})
    assert state_digest(one) == state_digest(two)
    two.value["a"][1] = 7
    assert state_digest(one) != state_digest(two)
    assert state_digest(State(1)) != state_digest(State(1.0))
    assert state_digest(State(True)) != state_digest(State(1))
    assert dataclasses.is_dataclass(one)


def test_saving_twice_gives_the_same_bytes(tmp_path):
    """Neither memory addresses nor clocks get into the files."""
    for name in ("a", "b"):
        scaler = StandardScaler().fit(X)
        save_state(State([scaler, pd.DataFrame({"a": [1]}), {"z", "y"}]), tmp_path / name)
    for file in (tmp_path / "a").iterdir():
        assert file.read_bytes() == (tmp_path / "b" / file.name).read_bytes(), file.name
