"""Paths are confined to the server's folder before anything is looked at."""

from __future__ import annotations

from pathlib import Path

import pytest

from nbprod.server.paths import confined, project_folder, relative
from nbprod.server.problems import RefusedError


@pytest.mark.parametrize(
    "path", ["a\0b", "../x", "a/../../x", "//x", "a\\b", "x" * 256, "a/" * 2000]
)
def test_what_could_lead_elsewhere_is_refused(tmp_path: Path, path: str) -> None:
    """404 without a word of what is there."""
    with pytest.raises(RefusedError) as caught:
        confined(tmp_path, path)
    assert caught.value.status == 404


def test_a_link_inside_is_followed_and_one_outside_is_not(tmp_path: Path) -> None:
    """A shared data folder may be linked within the root; a loop is no place."""
    root = tmp_path / "root"
    (root / "data").mkdir(parents=True)
    (root / "inner").symlink_to(root / "data")
    (root / "outer").symlink_to(tmp_path)
    (root / "loop").symlink_to(root / "loop")
    assert confined(root, "inner/x.ipynb") == root / "data" / "x.ipynb"
    for path in ("outer", "outer/root/data", "loop"):
        if path == "outer/root/data":
            assert confined(root, path) == root / "data"  # it comes back inside
            continue
        with pytest.raises(RefusedError):
            confined(root, path)


def test_a_root_that_is_a_link_itself_shows_what_it_leads_to(tmp_path: Path) -> None:
    """JupyterLab started in a linked folder works, and paths are told relative to it."""
    (tmp_path / "real" / "model").mkdir(parents=True)
    (tmp_path / "real" / "model" / "nbprod.toml").touch()
    (tmp_path / "root").symlink_to(tmp_path / "real")
    found = project_folder(tmp_path / "root", "model/notebooks/train.ipynb")
    assert relative(tmp_path / "root", found) == "model"
    assert relative(tmp_path / "root", tmp_path / "real") == ""
