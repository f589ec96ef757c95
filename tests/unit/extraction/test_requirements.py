"""What a role must have installed follows from what its files import, on any machine alike."""

from __future__ import annotations

import ast
import json
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from nbprod.extraction import extract, inspect_notebook
from nbprod.extraction import requirements as room
from nbprod.extraction.requirements import distribution, requirements


def required(**files: str) -> dict[str, list[str]]:
    return requirements(
        {f"{name.replace('__', '/')}.py": ast.parse(t) for name, t in files.items()}
    )


def test_serving_needs_less_than_training() -> None:
    """A replica installs what features and inference reach, through lib too, and no more."""
    found = required(
        lib="import numpy as np\nimport re",
        data="import pyarrow.parquet as pq\nfrom .lib import f",
        features="import pandas as pd\nfrom .lib import f\nfrom . import parameters",
        parameters="import attr",
        training="from sklearn.linear_model import Ridge\nimport lightgbm\nfrom .features import g",
        inference="import pandas as pd\nfrom PIL import Image",
        tests__test_features="import pytest\nfrom ..features import transform",
    )
    assert found["serving"] == ["attrs", "numpy", "pandas", "pillow"]
    assert found["training"] == ["attrs", "lightgbm", "numpy", "pandas", "pyarrow", "scikit-learn"]
    assert found["tests"] == ["pytest"]
    assert found["optional"] == []


def test_what_code_can_do_without_is_optional() -> None:
    """Imports in ``try`` and under ``TYPE_CHECKING``, unless the code needs them elsewhere."""
    found = required(
        features="import numpy\ntry:\n    import numba\n    import numpy\nexcept ImportError:\n"
        "    import numexpr\nif TYPE_CHECKING:\n    import pandas\ndef f():\n    import cv2"
    )
    assert found["serving"] == ["numpy", "opencv-python-headless"]
    assert found["optional"] == ["numba", "numexpr", "pandas"]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("sklearn.linear_model.Ridge", "scikit-learn"),
        ("google.cloud.storage.Client", "google-cloud-storage"),
        ("azure.storage.blob.BlobClient", "azure-storage-blob"),
        ("yaml", "pyyaml"),
        ("sentence_transformers", "sentence-transformers"),
        ("torch.nn.Module", "torch"),
    ],
)
def test_distributions(module: str, name: str) -> None:
    """By the table where the names differ, else the imported name, as PyPI writes it."""
    assert distribution(module) == name


def test_the_table_agrees_with_what_is_installed() -> None:
    """Every import name of the table that this environment has comes from that distribution."""
    installed = metadata.packages_distributions()
    normal = {key: {distribution(n) for n in names} for key, names in installed.items()}
    known = {name: found for name, found in room._DISTRIBUTIONS.items() if name in installed}
    assert {"sklearn", "PIL", "yaml", "dateutil", "attr", "zmq"} <= set(known)
    assert {n: d for n, d in known.items() if distribution(n) not in normal[n]} == {}


def test_the_manifest_names_them(carry: Callable[..., object], data_uri: str) -> None:
    """The module carries its requirements without versions, and a digest over all its bytes."""
    carried = carry(
        [
            ("data", "import pandas as pd\nframe = pd.read_parquet('flights.parquet')"),
            ("features", "import numpy as np\nX = np.log1p(frame[['distance']])"),
            (
                "train",
                "from sklearn.linear_model import LogisticRegression\n"
                "y = frame['late']\nmodel = LogisticRegression().fit(X, y)",
            ),
            ("predict", "predictions = pd.DataFrame({'late': model.predict(X)}, index=X.index)"),
        ]
    )
    manifest = json.loads(carried.text("nbprod.json"))
    assert manifest["requirements"] == {
        "serving": ["numpy", "pandas"],
        "training": ["numpy", "pandas", "scikit-learn"],
        "tests": [],
        "optional": [],
    }
    assert len(manifest["digest"]) == len(manifest["version"]) == 64


def test_files_beside_the_notebook(
    carry: Callable[..., object], data_uri: str, tmp_path: Path
) -> None:
    """A neighbour that tagged cells import is told, and is no distribution; others are not told."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "notebooks" / "helpers.py").write_text("def double(x):\n    return 2 * x\n")
    (tmp_path / "notebooks" / "plots.py").write_text("def show(x): ...\n")
    (tmp_path / "numpy.py").touch()  # above the notebook, where no project says that it belongs
    cells = [
        ("", "import plots\nimport numpy as np"),
        ("data", "import pandas as pd\nframe = pd.read_parquet('flights.parquet')"),
        ("features", "from helpers import double\nX = double(np.abs(frame[['distance']]))"),
        ("", "plots.show(X)"),
        ("train", "y = frame['late']\nmodel = float((X['distance'] - y).mean())"),
    ]
    carried = carry(cells)
    told = [(f.code, f.cell_id) for f in carried.record.findings if f.code == "NBX034"]
    assert told == [("NBX034", "c3")]
    assert told == [
        (f.code, f.cell_id)
        for f in inspect_notebook(carried.notebook, label="late").findings
        if f.code == "NBX034"
    ]
    manifest = json.loads(carried.text("nbprod.json"))
    assert manifest["requirements"]["serving"] == ["numpy"]
    (tmp_path / "notebooks" / "helpers.py").unlink()
    record = extract(carried.notebook, carried.package, label="late", project_path=tmp_path)
    assert "NBX034" not in [f.code for f in record.findings]
    assert record.changed == ("nbprod.json",)
