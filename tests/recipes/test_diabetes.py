"""A notebook not written for nbprod: proposed roles, corrected where a person would, walked."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest
from command import nbprod

RECIPE = Path(__file__).parents[2] / "recipes" / "diabetes"
EXPECTED = json.loads((RECIPE / "expected.json").read_text())
CORRECTIONS = json.loads((RECIPE / "corrections.json").read_text())
SKEWED = json.loads((RECIPE / "skewed.json").read_text())


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """init --from the untagged notebook, corrected, extracted."""
    folder = tmp_path_factory.mktemp("diabetes") / "project"
    notebook = RECIPE / "notebooks" / "diabetes.ipynb"
    before = notebook.read_bytes()
    made = nbprod(
        "init", "--from", str(notebook), str(folder), "--owner", "me@example.com", "--json",
        cwd=folder.parent,
    )  # fmt: skip
    assert made.code == 0, made.err
    assert notebook.read_bytes() == before  # the person's own notebook is left alone
    assert {item["cell_id"]: item["role"] for item in made.record["proposals"]}
    for cell, role in CORRECTIONS:
        result = nbprod("tag", "notebooks/diabetes.ipynb", cell, role, cwd=folder)
        assert result.code in (0, 1), result.err
    shutil.copytree(RECIPE / "notebooks" / "gates", folder / "notebooks" / "gates")
    shutil.copy(RECIPE / "nbprod.toml", folder / "nbprod.toml")
    result = nbprod("extract", cwd=folder)
    assert result.code == 0, result.out + result.err
    return folder


def test_most_roles_are_proposed_right(project: Path) -> None:
    """A person corrects a few cells, not most of them."""
    cells = nbprod("inspect", "--json", cwd=project).record["cells"]
    tagged = [cell for cell in cells if cell["role"]]
    assert len(CORRECTIONS) <= len(tagged) / 2


def test_the_road_to_a_passed_gate(project: Path) -> None:
    """parity, contract, train and gate pass on real patients."""
    for verb in (("parity",), ("contract", "infer"), ("train",), ("gate",)):
        result = nbprod(*verb, "--json", cwd=project)
        assert result.code == 0, f"{verb}: {result.out[-3000:]}\n{result.err}"
        if verb == ("train",):
            for name, (low, high) in EXPECTED["holdout_metrics"].items():
                assert low <= result.record["metrics"][name] <= high


@pytest.mark.parametrize("skew", SKEWED, ids=lambda skew: skew["name"])
def test_a_seeded_skew_fails_parity_with_its_code(
    project: Path, tmp_path: Path, skew: dict[str, str]
) -> None:
    """The finding names the code, exit 1."""
    folder = tmp_path / "project"
    shutil.copytree(project, folder, ignore=shutil.ignore_patterns(".nbprod"))
    path = folder / "notebooks" / "diabetes.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.id == skew["cell"])
    assert skew["old"] in cell.source
    cell.source = cell.source.replace(skew["old"], skew["new"])
    nbformat.write(notebook, path)
    result = nbprod("extract", cwd=folder)
    assert result.code == 0, result.out + result.err
    result = nbprod("parity", "--json", cwd=folder)
    assert result.code == 1, result.out + result.err
    errors = {f["code"] for f in result.record["findings"] if f["severity"] == "error"}
    told = [finding["message"] for finding in result.record["findings"]]
    assert errors == {skew["code"]}, told
