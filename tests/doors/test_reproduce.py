"""`nbprod reproduce` on the walked project, in the environment that made it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from command import nbprod

if TYPE_CHECKING:
    from pathlib import Path


def _again(folder: Path, *arguments: str):
    return nbprod("reproduce", "--here", "--json", *arguments, cwd=folder)


def test_the_release_is_bit_equal_in_the_environment_it_was_made_in(copy: Path) -> None:
    """Exit 0; every step compared; it is said that the environment was compared, not rebuilt."""
    result = _again(copy)
    assert result.code == 0, result.err
    record = result.record
    assert (record["verdict"], record["environment"]) == ("bit-equal", "identical")
    assert {step["verdict"] for step in record["steps"]} == {"bit-equal"}
    assert [finding["code"] for finding in record["findings"]] == ["NBS032"]
    assert record["libraries"] > 50
    kept = list((copy / ".nbprod" / "reproductions").glob("*.json"))
    assert [path.stem for path in kept] == [record["id"]]
    assert not (copy / ".nbprod" / "environments").exists()
    release = json.loads((copy / ".nbprod" / "releases" / "1" / "release.json").read_text())
    assert release["id"] in record["inputs"]


def test_a_tampered_release_is_not_reproduced(copy: Path) -> None:
    """What is not the release that was frozen is nothing to compare with."""
    path = copy / ".nbprod" / "releases" / "1" / "lock.txt"
    path.write_text(path.read_text().replace("numpy==", "numpy==9."))
    result = _again(copy)
    assert result.code == 1
    assert "lock.txt" in result.err


def test_no_release(copy: Path) -> None:
    """A number that is none, and a tolerance that is none, are told at once."""
    result = _again(copy, "7")
    assert result.code == 3
    assert "no release 7" in result.err
    result = _again(copy, "--tolerance", "roughly")
    assert result.code == 2
    assert "rel:x" in result.err
