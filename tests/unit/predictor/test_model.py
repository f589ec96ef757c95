"""Models are saved without pickle and answer the same after loading, or are refused by name."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from nbprod.errors import ExecutionError, TamperedReleaseError
from nbprod.predictor import Predictor, load_model, load_package, save_model

X = np.random.default_rng(0).normal(size=(300, 3))
Y = (X[:, 0] + X[:, 1] > 0).astype(int)


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(),
        HistGradientBoostingClassifier(max_iter=5),
        RandomForestClassifier(n_estimators=4),
        CalibratedClassifierCV(LogisticRegression()),
        make_pipeline(ColumnTransformer([("s", StandardScaler(), [0, 1])]), LogisticRegression()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_scikit_learn_answers_the_same(model, tmp_path):
    """Probabilities are equal to the bit; types beyond skops's own are recorded by name."""
    model.fit(X, Y)
    manifest = json.loads(json.dumps(save_model(model, tmp_path)))
    loaded = load_model(tmp_path, manifest)
    assert (model.predict_proba(X) == loaded.predict_proba(X)).all()
    assert all(name.startswith(("sklearn.", "numpy.", "scipy.")) for name in manifest["trusted"])


def test_several_estimators_may_be_one_model(tmp_path):
    """A dict of estimators, arrays and values comes back whole."""
    model = {"a": LogisticRegression().fit(X, Y), "threshold": 0.3, "bias": np.ones(2)}
    loaded = load_model(tmp_path, save_model(model, tmp_path))
    assert (loaded["threshold"], loaded["bias"].tolist()) == (0.3, [1.0, 1.0])
    assert (model["a"].predict(X) == loaded["a"].predict(X)).all()


class Mine(LogisticRegression):
    """An estimator class of the user's own."""


def _mine(values):
    return values


def test_categorical_features_are_supported(tmp_path):
    """The ordinal encoder inside holds a partial of a scikit-learn function."""
    frame = pd.DataFrame({"a": pd.Categorical(["x", "y"] * 30), "b": np.arange(60.0)})
    model = HistGradientBoostingClassifier(categorical_features="from_dtype", max_iter=3)
    model.fit(frame, np.arange(60) % 2)
    loaded = load_model(tmp_path, save_model(model, tmp_path))
    assert (model.predict_proba(frame) == loaded.predict_proba(frame)).all()


@pytest.mark.parametrize("model", [Mine(), make_pipeline(FunctionTransformer(_mine)), object()])
def test_other_types_are_refused(model, tmp_path):
    """The user's own classes and functions inside a model cannot be loaded safely."""
    with pytest.raises(ExecutionError, match="cannot be saved") as caught:
        save_model(model, tmp_path)
    assert caught.value.hint


def test_exactly_the_recorded_types_are_trusted(tmp_path):
    """A file that needs a type which is not recorded is refused; so is a foreign one named."""
    manifest = save_model(HistGradientBoostingClassifier(max_iter=2).fit(X, Y), tmp_path)
    assert manifest["trusted"]
    with pytest.raises(TamperedReleaseError, match="cannot be loaded"):
        load_model(tmp_path, {**manifest, "trusted": []})
    path = tmp_path / manifest["file"]
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    parts["schema.json"] = (
        parts["schema.json"]
        .replace(b'"HistGradientBoostingClassifier"', b'"system"')
        .replace(b'"sklearn.ensemble._hist_gradient_boosting.gradient_boosting"', b'"os"')
    )
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(TamperedReleaseError):
        load_model(tmp_path, {**manifest, "trusted": [*manifest["trusted"], "os.system"]})


def test_estimators_need_no_name(tmp_path):
    """Where skops had made its own list while saving, a bundle names no estimator."""
    manifest = save_model(LogisticRegression().fit(X, Y), tmp_path)
    code = (
        "import sys, skops.io; from pathlib import Path; from nbprod.predictor import sklearn_format\n"
        "path = Path(sys.argv[1]); model = sklearn_format.load_sklearn(path, sys.argv[2:])\n"
        "print(*sklearn_format.save_sklearn(model, path))"
    )
    path = tmp_path / manifest["file"]
    command = [sys.executable, "-c", code, str(path), *manifest["trusted"]]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    names = done.stdout.split()
    assert not [name for name in names if name.endswith("LogisticRegression")]
    model = load_model(tmp_path, {**manifest, "trusted": names})
    assert isinstance(model, LogisticRegression)


def test_a_damaged_file_and_an_unknown_format_are_refused(tmp_path):
    """Neither is guessed at."""
    manifest = save_model(LogisticRegression().fit(X, Y), tmp_path)
    with pytest.raises(TamperedReleaseError, match="unknown model format"):
        load_model(tmp_path, {**manifest, "format": "pickle"})
    (tmp_path / manifest["file"]).write_bytes(b"nothing")
    with pytest.raises(TamperedReleaseError):
        load_model(tmp_path, manifest)


class Net(torch.nn.Module):
    """A small network with dropout, which must be off at serving."""

    def __init__(self):
        super().__init__()
        self.layers = torch.nn.Sequential(
            torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Dropout(0.5), torch.nn.Linear(8, 1)
        )

    def forward(self, rows):
        return torch.sigmoid(self.layers(rows)).squeeze(-1)


TORCH_PREDICT = """\
import pandas as pd
import torch


def predict(model, features, state=None):
    model.eval()
    with torch.no_grad():
        rows = torch.as_tensor(features.to_numpy(), dtype=torch.float32)
        return pd.DataFrame({"late": model(rows).double().numpy()}, index=features.index)
"""


def test_a_torch_model_serves_one_row_and_many(tmp_path, trips):
    """It is exported for the tensors predict gives it; no row of data is kept in the file."""
    torch.manual_seed(0)
    package = trips.write(tmp_path / "trips", inference=TORCH_PREDICT)
    model = Net()
    bundle = trips.bundle(tmp_path / "bundle", package, model=model)
    assert bundle.model["format"] == "torch.export"
    predictor = Predictor.load(bundle.folder)
    frame = trips.frame(50)
    outputs = predictor.predict(frame)["late"]
    features = torch.as_tensor(predictor.transform(frame).to_numpy(), dtype=torch.float32)
    assert torch.allclose(model(features).double(), torch.tensor(outputs.to_numpy()), atol=1e-6)
    row = {"km": 10, "minutes": 20.5, "city": "Bern"}
    assert len(predictor.answer([row]).outputs) == 1
    assert predictor.answer([row]) == predictor.answer([row])


class Branches(torch.nn.Module):
    """Python decides on a tensor's value: that cannot be traced."""

    def forward(self, rows):
        return rows if rows.sum() > 0 else -rows


def test_torch_models_that_cannot_be_exported_are_refused(tmp_path):
    """Neither a model nobody calls, nor one that branches on values, is saved half."""
    with pytest.raises(ExecutionError, match="does not call it"):
        save_model(Net(), tmp_path)
    with pytest.raises(ExecutionError, match=r"torch\.export") as caught:
        save_model(Branches(), tmp_path, call=lambda model: model(torch.ones(2, 4)))
    assert "forward" in caught.value.hint


class Peculiar:
    """A model that no format of data holds."""

    def __init__(self, limit):
        self.limit = limit

    def predict_proba(self, features):
        late = features["slow"].to_numpy(dtype=float) * (self.limit > 0)
        return np.column_stack([1 - late, late])


PECULIAR = f"{Peculiar.__module__}.{Peculiar.__qualname__}"


def test_a_pickle_must_be_allowed_by_type_to_be_saved_and_to_be_loaded(tmp_path, monkeypatch):
    """Refused by name with the key that allows it; the manifest alone allows nothing."""
    with pytest.raises(ExecutionError, match="Peculiar") as caught:
        save_model(Peculiar(3), tmp_path / "a")
    assert f'[model] allow_pickle = ["{PECULIAR}"]' in caught.value.hint
    manifest = save_model(Peculiar(3), tmp_path / "b", allow_pickle=[PECULIAR])
    assert (manifest["format"], manifest["type"]) == ("cloudpickle", PECULIAR)
    for allowed in (None, (), ["sklearn.linear_model.LogisticRegression"]):
        with pytest.raises(TamperedReleaseError, match="may not be loaded here") as refused:
            load_model(tmp_path / "b", manifest, allow_pickle=allowed)
        assert PECULIAR in refused.value.hint
    assert load_model(tmp_path / "b", manifest, allow_pickle=[PECULIAR]).limit == 3
    monkeypatch.setenv("NBPROD_ALLOWED_PICKLES", f"x.Y,{PECULIAR}")
    assert load_model(tmp_path / "b", manifest).limit == 3


def test_nothing_is_unpickled_before_it_is_allowed(tmp_path):
    """A planted pickle under another format's name, or under a forged manifest, does not run."""
    trap = tmp_path / "trap"

    class Trap:
        def __reduce__(self):
            return (open, (str(trap), "w"))

    model = tmp_path / "model"
    model.mkdir()
    for name in ("model.pkl", "model.skops", "model.pt2"):
        (model / name).write_bytes(pickle.dumps(Trap()))
    forged = [
        {"format": "cloudpickle", "file": "model.pkl", "type": PECULIAR, "trusted": []},
        {"format": "skops", "file": "model.skops", "type": "x", "trusted": ["builtins.open"]},
        {"format": "torch.export", "file": "model.pt2", "type": "x", "trusted": []},
    ]
    for manifest in forged:
        with pytest.raises(TamperedReleaseError):
            load_model(model, manifest)
    assert not trap.exists()


def test_a_pickled_bundle_needs_the_word_of_whoever_loads_it(tmp_path, trips, package):
    """The whole bundle: written with the word, refused without it, answering with it."""
    bundle = trips.bundle(
        tmp_path / "bundle", package, model=Peculiar(12.0), allow_pickle=[PECULIAR]
    )
    with pytest.raises(TamperedReleaseError, match="Peculiar"):
        Predictor.load(bundle.folder)
    predictor = Predictor.load(bundle.folder, allow_pickle=[PECULIAR])
    answer = predictor.answer([{"km": 3, "minutes": 20.0, "city": "Zug"}])
    assert answer.outputs == [1.0]


def test_a_class_of_the_notebooks_own_is_allowed_by_its_name_in_the_module(tmp_path, trips):
    """The version in the loaded package's name is no part of it; the class goes with the pickle."""
    sources = dict(trips.sources)
    sources["lib.py"] += (
        "\n\nclass Rule:\n"
        "    def predict_proba(self, features):\n"
        "        import numpy as np\n"
        "        late = ratio(features['slow'].to_numpy(dtype=float), 1.0)\n"
        "        return np.column_stack([1 - late, late])\n"
    )
    package = trips.write(tmp_path / "trips", sources)
    model = load_package(package, "ab" * 32).lib.Rule()
    with pytest.raises(ExecutionError, match=r"trips\.lib\.Rule") as caught:
        save_model(model, tmp_path / "refused")
    assert 'allow_pickle = ["trips.lib.Rule"]' in caught.value.hint
    allowed = ["trips.lib.Rule"]
    bundle = trips.bundle(tmp_path / "bundle", package, model=model, allow_pickle=allowed)
    code = (
        "import sys\nfrom nbprod.predictor import Predictor\n"
        "predictor = Predictor.load(sys.argv[1], allow_pickle=['trips.lib.Rule'])\n"
        "print(predictor.answer([{'km': 3, 'minutes': 20.0, 'city': 'Zug'}]).outputs)"
    )
    moved = tmp_path / "elsewhere"
    bundle.folder.rename(moved)
    command = [sys.executable, "-c", code, str(moved)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[1.0]"
