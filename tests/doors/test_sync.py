"""`nbprod sync` as a person runs it: exit codes, what is shown, and a colleague's clone."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING

from command import nbprod

if TYPE_CHECKING:
    from pathlib import Path


def test_the_road_of_a_hand_edit(tmp_path: Path) -> None:
    """Edit, be stopped by extract, look, sync in a clone that has no records, extract again."""
    first, folder = tmp_path / "first", tmp_path / "clone"
    assert nbprod("init", str(first), cwd=tmp_path).code == 0
    assert nbprod("extract", cwd=first).code == 0
    quiet = nbprod("sync", cwd=first)
    assert (quiet.code, quiet.err) == (0, "")
    assert "nothing to sync" in quiet.out
    shutil.copytree(first, folder, ignore=shutil.ignore_patterns(".nbprod"))

    features = folder / "strong_wine" / "features.py"
    edited = features.read_text().replace("/ state.spread[name]", "/ (state.spread[name] + 1)")
    features.write_text(edited)
    notebook = (folder / "notebooks" / "train.ipynb").read_bytes()
    stopped = nbprod("extract", cwd=folder)
    assert stopped.code == 1
    assert "`nbprod sync`" in stopped.out
    assert "+ 1)" in stopped.out
    look = nbprod("sync", "--check", cwd=folder)
    assert look.code == 0
    assert "+        result[name] = (frame[name] - centre[name]) / (spread[name] + 1)" in look.out
    assert (folder / "notebooks" / "train.ipynb").read_bytes() == notebook
    done = nbprod("sync", "--json", cwd=folder)
    assert done.code == 0
    assert done.record["written"]
    assert list(done.record["cells"]) == ["features"]
    again = nbprod("extract", "--json", cwd=folder)
    assert (again.code, again.record["changed"]) == (0, [])
    assert again.record["version"] == done.record["version"]

    features.write_text(features.read_text().replace("return X_train", "return X_train * 2"))
    sources = json.loads((folder / "notebooks" / "train.ipynb").read_text())
    refused = nbprod("sync", cwd=folder)
    assert refused.code == 1
    assert "NBX041 strong_wine/features.py line" in refused.out
    assert "→ extraction writes this line" in refused.out
    assert json.loads((folder / "notebooks" / "train.ipynb").read_text()) == sources
