"""The flights notebook, broken in ten ways that real notebooks are; parity catches each of them."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from command import nbprod

# what breaks -> the code, the cell, its line, and the line that replaces it
BREAKS = {
    "filled with the batch's mean": (
        "NBP002",
        "flight-features",
        "features[column] = rows[column].fillna(typical).to_numpy()",
        "features[column] = rows[column].fillna(rows[column].mean()).fillna(typical).to_numpy()",
    ),
    "the delay of the flight before": (
        "NBP003",
        "flight-features",
        'features["dep_delay"] = rows["dep_delay"].to_numpy()',
        'features["dep_delay"] = rows["dep_delay"].shift(1).fillna(0.0).to_numpy()',
    ),
    "noise against overfitting": (
        "NBP004",
        "schedule-features",
        '"log_distance": np.log1p(distance),',
        '"log_distance": np.log1p(distance) + np.random.normal(0, 0.01, len(distance)),',
    ),
    "the age of the aircraft today": (
        "NBP004",
        "flight-features",
        'year = rows["time_hour"].dt.year.to_numpy()',
        "year = pd.Timestamp.now().year",
    ),
    "a list that grows with every call": (
        "NBP005",
        "flight-features",
        "features = schedule_features(rows)",
        'KNOWN_AFTER.append("one more")\n'
        "    features = schedule_features(rows)\n"
        '    features["calls"] = len(KNOWN_AFTER)',
    ),
    "a fold by row number": (
        "NBP006",
        "flight-features",
        'features["origin_code"] = look_up(rows["origin"], origin_code, -1)',
        'features["origin_code"] = (rows.index >= 3000).astype(int)',
    ),
    "the narrowest type that holds the batch": (
        "NBP007",
        "schedule-features",
        '"planned_min": planned_min,',
        '"planned_min": pd.to_numeric(pd.Series(planned_min), downcast="integer").to_numpy(),',
    ),
    "the weekday in the machine's time zone": (
        "NBP008",
        "schedule-features",
        '"weekday": (rows["time_hour"] + NEW_YORK).dt.day_of_week.to_numpy(),',
        '"weekday": [pd.Timestamp.fromtimestamp(t.timestamp()).hour for t in rows["time_hour"]],',
    ),
    "a frame of one row that is a column": (
        "NBP009",
        "flight-features",
        "return pd.DataFrame(features, index=rows.index)",
        "return pd.DataFrame(features, index=rows.index).squeeze()",
    ),
    "the delay on arrival": (
        "NBP011",
        "flight-features",
        'features["dep_delay"] = rows["dep_delay"].to_numpy()',
        'features["dep_delay"] = (rows["dep_delay"] + rows["arr_delay"]).to_numpy()',
    ),
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe, with one flight in forty."""
    folder = tmp_path_factory.mktemp("broken") / "flights"
    made = nbprod("init", "--recipe", "flights", str(folder), cwd=folder.parent)
    assert made.code == 0, made.err
    path = folder / "data" / "flights.parquet"
    pd.read_parquet(path).iloc[::40].reset_index(drop=True).to_parquet(path)
    return folder


def _broken(project: Path, cell_id: str, old: str, new: str) -> str:
    """The notebook's text with one line of one cell replaced."""
    notebook = json.loads((project / "notebooks" / "train.ipynb").read_text())
    cell = next(cell for cell in notebook["cells"] if cell["id"] == cell_id)
    source = "".join(cell["source"])
    assert source.count(old) == 1, f"the recipe's cell {cell_id} changed: mend this test"
    cell["source"] = source.replace(old, new).splitlines(keepends=True)
    return json.dumps(notebook)


@pytest.mark.engine
@pytest.mark.parametrize("name", BREAKS)
def test_each_break_is_caught_and_placed(project: Path, name: str) -> None:
    """Ten of ten are found, each under its own code and in the cell that was broken."""
    code, cell_id, old, new = BREAKS[name]
    path = project / "notebooks" / "train.ipynb"
    good = path.read_text()
    path.write_text(_broken(project, cell_id, old, new))
    try:
        extracted = nbprod("extract", "--force", "--json", cwd=project)
        assert extracted.code == 0, extracted.out[-2000:] + extracted.err
        result = nbprod("parity", "--rows", "300", "--json", cwd=project)
    finally:
        path.write_text(good)
    assert result.code == 1, result.out[-3000:] + result.err
    errors = [f for f in result.record["findings"] if f["severity"] == "error"]
    assert {finding["code"] for finding in errors} == {code}, errors
    if code not in ("NBP005", "NBP009"):  # those are of the frame, not of a line
        assert errors[0]["cell_id"] == cell_id, errors[0]
    assert not result.record["passed"]


@pytest.mark.engine
def test_the_unbroken_notebook_passes(project: Path) -> None:
    """The same project as the recipe ships it has no finding at all."""
    assert nbprod("extract", "--force", cwd=project).code == 0
    result = nbprod("parity", "--rows", "300", "--json", cwd=project)
    assert result.code == 0, result.out[-3000:] + result.err
    assert result.record["findings"] == []
